/* The scheduler as a collection: its length, its members, visitors and snapshots, at rest and
   while thousands come and go.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <stdio.h>

static struct gate gate;

/* Two active jobs at the gate and three pending ones. */
enum { JOBS = 5 };

static ptj_job *jobs[JOBS];

static ptj_scheduler *make_here(void)
{
	ptj_scheduler *s = make_simple(2, 0);

	gate_init(&gate);
	for (int i = 0; i < JOBS; i++)
		jobs[i] = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 2);
	return s;
}

static void free_here(ptj_scheduler *s)
{
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	for (int i = 0; i < JOBS; i++)
		ptj_job_unref(jobs[i]);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

/* ---- At rest -------------------------------------------------------------------------------- */

START_TEST(len_and_contains_follow_the_jobs)
{
	ptj_scheduler *s = make_here(), *other = make_simple(1, 1);

	ck_assert_uint_eq(ptj_scheduler_len(s), JOBS);
	for (int i = 0; i < JOBS; i++) {
		ck_assert_int_eq(ptj_scheduler_contains(s, jobs[i]), 1);
		ck_assert_int_eq(ptj_scheduler_contains(other, jobs[i]), 0);
	}
	ck_assert_int_eq(ptj_scheduler_contains(s, NULL), 0);
	ok(ptj_job_close(jobs[4], PTJ_INFINITE));
	ck_assert_int_eq(ptj_scheduler_contains(s, jobs[4]), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), JOBS - 1);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	for (int i = 0; i < JOBS; i++)
		ck_assert_int_eq(ptj_scheduler_contains(s, jobs[i]), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(other);
	free_here(s);
}
END_TEST

struct visits {
	int times[JOBS];
	int others;
	int stop_after;
	int total;
};

static int visit_note(ptj_job *job, void *arg)
{
	struct visits *v = arg;
	int i = 0;

	while (i < JOBS && jobs[i] != job)
		i++;
	if (i < JOBS)
		v->times[i]++;
	else
		v->others++;
	return ++v->total == v->stop_after ? 4711 : 0;
}

START_TEST(each_job_is_visited_once)
{
	ptj_scheduler *s = make_here();
	struct visits v = {.stop_after = -1};

	ok(ptj_scheduler_foreach(s, visit_note, &v));
	for (int i = 0; i < JOBS; i++)
		ck_assert_int_eq(v.times[i], 1);
	ck_assert_int_eq(v.others, 0);
	free_here(s);
}
END_TEST

START_TEST(a_visitor_that_returns_non_zero_stops)
{
	ptj_scheduler *s = make_here();
	struct visits v = {.stop_after = _i};

	ck_assert_int_eq(ptj_scheduler_foreach(s, visit_note, &v), 4711);
	ck_assert_int_eq(v.total, _i);
	free_here(s);
}
END_TEST

START_TEST(an_empty_scheduler_has_nothing_to_visit)
{
	ptj_scheduler *s = make_simple(2, 2);
	struct visits v = {.stop_after = -1};
	ptj_job *got[2];

	ok(ptj_scheduler_foreach(s, visit_note, &v));
	ck_assert_int_eq(v.total, 0);
	ck_assert_uint_eq(ptj_scheduler_jobs(s, got, 2), 0);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(jobs_are_references_of_the_callers)
{
	ptj_scheduler *s = make_here();
	struct visits v = {.stop_after = -1};
	ptj_job *got[JOBS + 3];
	size_t n = ptj_scheduler_jobs(s, got, (size_t)_i);

	ck_assert_uint_eq(n, _i < JOBS ? _i : JOBS);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	for (size_t i = 0; i < n; i++) {
		visit_note(got[i], &v);
		ck_assert_int_eq(ptj_job_closed(got[i]), 1);
		ok(ptj_job_wait(got[i], 0, NULL));
		ptj_job_unref(got[i]);
	}
	ck_assert_int_eq(v.others, 0);
	for (int i = 0; i < JOBS; i++)
		ck_assert_int_le(v.times[i], 1);
	free_here(s);
}
END_TEST

static int visit_use_the_library(ptj_job *job, void *s)
{
	char text[64];

	if (!ptj_scheduler_contains(s, job) || ptj_job_describe(job, text, sizeof text) <= 0)
		return 1;
	if (ptj_spawn(s, job_identity, NULL, NULL) || ptj_scheduler_len(s) < JOBS)
		return 2;
	ptj_job_unref(ptj_job_ref(job));
	if (ptj_job_pending(job) && ptj_job_close(job, PTJ_INFINITE))
		return 3;
	return ptj_job_id(job) > 3 * JOBS ? 4 : 0;
}

/* No lock is held; what it spawns may or may not be visited, and it does not go on for ever. */
START_TEST(a_visitor_may_use_the_library)
{
	ptj_scheduler *s = make_here();
	int code = ptj_scheduler_foreach(s, visit_use_the_library, s);

	ck_assert_msg(code == 0 || code == 4, "step %d failed", code);
	free_here(s);
}
END_TEST

START_TEST(describe_is_readable_and_follows_snprintf)
{
	ptj_scheduler *s = make_here();
	char text[64];
	int n;

	n = ptj_scheduler_describe(s, text, sizeof text);
	ck_assert_str_eq(text, "<Scheduler jobs=5>");
	ck_assert_int_eq(n, (int)strlen(text));
	ck_assert_int_eq(ptj_scheduler_describe(s, NULL, 0), n);
	memset(text, 'x', sizeof text);
	ck_assert_int_eq(ptj_scheduler_describe(s, text, 6), n);
	ck_assert_str_eq(text, "<Sche");
	ck_assert_int_eq(text[6], 'x');
	gate_open(&gate);
	ok(ptj_scheduler_wait_and_close(s, PTJ_INFINITE));
	ptj_scheduler_describe(s, text, sizeof text);
	ck_assert_str_eq(text, "<Scheduler closed jobs=0>");
	free_here(s);
}
END_TEST

/* ---- While thousands come and go ------------------------------------------------------------ */

enum { FLEETING = 20000 };

static int spawn_fleeting(struct caller *c)
{
	int code = 0;

	for (int i = 0; i < FLEETING && !code; i++)
		code = ptj_spawn(c->s, job_identity, NULL, NULL);
	return code;
}

START_TEST(those_who_stay_are_visited_exactly_once)
{
	ptj_scheduler *s = make_simple(4, 50);
	struct caller c[2] = {{.s = s}, {.s = s}};
	ptj_job *got[100];
	int rounds = 0;

	/* Two of four permits stay taken, so that jobs[0] and [1] are there throughout. */
	gate_init(&gate);
	memset(jobs, 0, sizeof jobs);
	jobs[0] = spawn(s, job_at_gate, &gate);
	jobs[1] = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 2);
	caller_start(&c[0], spawn_fleeting);
	caller_start(&c[1], spawn_fleeting);
	do {
		struct visits v = {.stop_after = -1};
		size_t n = ptj_scheduler_jobs(s, got, 100);

		ck_assert_uint_ge(n, 2);
		while (n)
			ptj_job_unref(got[--n]);
		ok(ptj_scheduler_foreach(s, visit_note, &v));
		ck_assert_int_eq(v.times[0], 1);
		ck_assert_int_eq(v.times[1], 1);
		ck_assert_int_eq(ptj_scheduler_contains(s, jobs[0]), 1);
		ck_assert_uint_ge(ptj_scheduler_len(s), 2);
		/* Those in the hands of blocked spawners are not there yet. */
		ck_assert_uint_le(ptj_scheduler_len(s), 54);
		ck_assert_uint_le(ptj_scheduler_active_count(s), 4);
		ck_assert_uint_le(ptj_scheduler_pending_count(s), 50);
		rounds++;
	} while (!caller_done(&c[0]) || !caller_done(&c[1]));
	ok(caller_join(&c[0]));
	ok(caller_join(&c[1]));
	ck_assert_int_gt(rounds, 0);
	free_here(s);
}
END_TEST

static struct gate at_visit;

static int visit_at_gate(ptj_job *job, void *arg)
{
	(void)job;
	(void)arg;
	gate_pass_stubborn(&at_visit);
	return 0;
}

static int call_foreach_at_gate(struct caller *c)
{
	return ptj_scheduler_foreach(c->s, visit_at_gate, NULL);
}

START_TEST(a_visitor_that_takes_its_time_holds_nobody_up)
{
	ptj_scheduler *s = make_here();
	struct caller c = {.s = s};

	gate_init(&at_visit);
	caller_start(&c, call_foreach_at_gate);
	gate_await(&at_visit, 1);
	/* Jobs come, end and are handed out while the visitor stays. */
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	spawn_n(s, FLEETING, job_identity, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	gate_open(&at_visit);
	ok(caller_join(&c));
	gate_destroy(&at_visit);
	free_here(s);
}
END_TEST

static int visit_exit(ptj_job *job, void *arg)
{
	(void)job;
	pthread_exit(arg);
}

static int visit_be_cancelled(ptj_job *job, void *arg)
{
	(void)job;
	(void)arg;
	gate_pass(&at_visit);
	return 0;
}

static int call_foreach_and_die(struct caller *c)
{
	int (*visit)(ptj_job *, void *) = c->timeout ? visit_exit : visit_be_cancelled;

	return ptj_scheduler_foreach(c->s, visit, NULL);
}

START_TEST(a_visitor_that_dies_holds_nobody_up)
{
	ptj_scheduler *s = make_here();
	struct caller c = {.s = s, .timeout = _i};

	gate_init(&at_visit);
	caller_start(&c, call_foreach_and_die);
	if (_i == 0) {
		gate_await(&at_visit, 1);
		pthread_cancel(c.thread);
		ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	} else {
		(void)caller_join(&c);
	}
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	spawn_n(s, FLEETING, job_identity, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	/* Replacing the handler may wait for readers; none is left. */
	ok(ptj_scheduler_set_exception_handler(s, NULL, NULL));
	ok(ptj_scheduler_close(s));
	gate_destroy(&at_visit);
	free_here(s);
}
END_TEST

static void *job_visit(void *s)
{
	struct visits v = {.stop_after = -1};

	return (void *)(intptr_t)(ptj_scheduler_foreach(s, visit_note, &v) + v.total);
}

START_TEST(a_job_may_visit_its_own_scheduler)
{
	ptj_scheduler *s = make_simple(1, 0);
	void *visited = NULL;
	ptj_job *job;

	memset(jobs, 0, sizeof jobs);
	job = spawn(s, job_visit, s);
	ok(ptj_job_wait(job, PTJ_INFINITE, &visited));
	ck_assert_int_eq((intptr_t)visited, 1);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

/* ---- Memory --------------------------------------------------------------------------------- */

/* Pages of memory that the process has. */
static long pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long n = -1;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d %ld", &n), 1);
	fclose(file);
	return n;
}

/* The jobs' memory is the scheduler's until the last handle is given back, by a thread that is none
   of its own; then the next worker with a little time unmaps it. */
START_TEST(handles_given_back_late_give_their_memory_back)
{
	enum { MANY_JOBS = 50000, JOB_BYTES = 64 };
	long most, enough = MANY_JOBS * JOB_BYTES / 4 / sysconf(_SC_PAGESIZE);
	ptj_job **handles = calloc(MANY_JOBS, sizeof(ptj_job *));
	ptj_scheduler *s = make_simple(1, 2);

	for (int i = 0; i < MANY_JOBS; i++)
		handles[i] = spawn(s, job_identity, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	most = pages();
	for (int i = 0; i < MANY_JOBS; i++)
		ptj_job_unref(handles[i]);
	spawn_n(s, 1, job_identity, NULL);
	await(pages() <= most - enough);
	ptj_scheduler_free(s);
	free(handles);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, len_and_contains_follow_the_jobs);
	tcase_add_test(tc, each_job_is_visited_once);
	tcase_add_loop_test(tc, a_visitor_that_returns_non_zero_stops, 1, JOBS + 1);
	tcase_add_test(tc, an_empty_scheduler_has_nothing_to_visit);
	tcase_add_loop_test(tc, jobs_are_references_of_the_callers, 0, JOBS + 3);
	tcase_add_test(tc, a_visitor_may_use_the_library);
	tcase_add_test(tc, describe_is_readable_and_follows_snprintf);
	tcase_add_test(tc, those_who_stay_are_visited_exactly_once);
	tcase_add_test(tc, a_visitor_that_takes_its_time_holds_nobody_up);
	tcase_add_loop_test(tc, a_visitor_that_dies_holds_nobody_up, 0, 2);
	tcase_add_test(tc, a_job_may_visit_its_own_scheduler);
	tcase_add_test(tc, handles_given_back_late_give_their_memory_back);
}

int main(void)
{
	return run_tests("collection", add);
}
