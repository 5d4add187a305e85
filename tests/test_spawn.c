/* Spawning: arguments, states, the limit, and that nothing happens where it fails.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <sched.h>

static struct gate gate;
static struct recorder order;

static int states_of(const ptj_job *job)
{
	return ptj_job_pending(job) + ptj_job_active(job) + ptj_job_closed(job);
}

START_TEST(job_runs_with_its_argument)
{
	struct setup u = setup_number(_i);
	ptj_scheduler *s = make(&u);
	void *result = NULL;
	ptj_job *job = spawn(s, job_identity, &result);

	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &result);
	ck_assert_int_eq(ptj_job_closed(job), 1);
	ck_assert_int_eq(states_of(job), 1);
	ck_assert_int_eq(ptj_job_error(job), 0);
	ck_assert_ptr_null(ptj_job_error_message(job));
	ptj_job_unref(job);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(without_a_handle_it_runs_all_the_same)
{
	ptj_scheduler *s = make_simple(2, 0);

	gate_init(&gate);
	gate_open(&gate);
	spawn_n(s, 10, job_at_gate, &gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(gate_passed(&gate), 10);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* Active means: has a permit.  No thread needs to have run yet. */
START_TEST(with_a_permit_free_it_is_active_at_once)
{
	struct setup u = setup_number(_i);
	size_t n = u.limit ? u.limit : 20;
	ptj_scheduler *s = make(&u);
	ptj_job *job;

	gate_init(&gate);
	for (size_t i = 1; i <= n; i++) {
		job = spawn(s, job_stubborn, &gate);
		ck_assert_int_eq(ptj_job_active(job), 1);
		ck_assert_int_eq(states_of(job), 1);
		ck_assert_uint_eq(ptj_scheduler_active_count(s), i);
		ck_assert_uint_eq(ptj_scheduler_len(s), i);
		ptj_job_unref(job);
	}
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 0);
	gate_await(&gate, (int)n);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 0);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(beyond_the_limit_it_is_pending)
{
	ptj_scheduler *s = make_simple(2, 10);
	struct gate later;
	ptj_job *job;

	gate_init(&gate);
	gate_init(&later);
	spawn_n(s, 2, job_at_gate, &gate);
	gate_await(&gate, 2);
	job = spawn(s, job_at_gate, &later);
	ck_assert_int_eq(ptj_job_pending(job), 1);
	ck_assert_int_eq(states_of(job), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 2);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 3);
	ck_assert_int_eq(gate_arrived(&later), 0);

	gate_open(&gate);
	gate_await(&later, 1);
	ck_assert_int_eq(ptj_job_active(job), 1);
	ck_assert_int_eq(states_of(job), 1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 0);
	gate_open(&later);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&later);
	gate_destroy(&gate);
}
END_TEST

static void *job_record(void *what)
{
	record(&order, (intptr_t)what);
	return NULL;
}

START_TEST(pending_jobs_start_in_the_order_of_their_spawns)
{
	enum { N = 200 };
	ptj_scheduler *s = make_simple(1, 0);

	gate_init(&gate);
	recorder_init(&order);
	spawn_n(s, 1, job_at_gate, &gate);
	for (intptr_t i = 0; i < N; i++)
		spawn_n(s, 1, job_record, (void *)i);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), N);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&order), N);
	for (size_t i = 0; i < N; i++)
		ck_assert_int_eq(recorded_at(&order, i), i);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(limit_of_zero_runs_them_all)
{
	enum { N = 60 };
	ptj_scheduler *s = make_simple(0, 1);

	gate_init(&gate);
	spawn_n(s, N, job_at_gate, &gate);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), N);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 0);
	gate_await(&gate, N);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* How many run this moment, and how many ever did at once. */
struct crowd {
	atomic_int now;
	atomic_int most;
	atomic_int total;
};

static void *job_in_crowd(void *crowd)
{
	struct crowd *c = crowd;
	int now = atomic_fetch_add(&c->now, 1) + 1;
	int most = atomic_load(&c->most);

	while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
		;
	atomic_fetch_add(&c->total, 1);
	sched_yield();
	atomic_fetch_sub(&c->now, 1);
	return NULL;
}

enum { CROWD_SPAWNS = 300, CROWD_SPAWNERS = 6 };

static int spawn_a_crowd(struct caller *c)
{
	int code = 0;

	for (int i = 0; i < CROWD_SPAWNS && !code; i++)
		code = ptj_spawn(c->s, job_in_crowd, c->arg, NULL);
	return code;
}

START_TEST(many_spawners_never_exceed_the_limit)
{
	struct setup u = setup_number(_i);
	struct caller callers[CROWD_SPAWNERS];
	struct crowd crowd = {0};
	ptj_scheduler *s;

	u.limit = u.limit ? u.limit : 3;
	s = make(&u);
	for (int i = 0; i < CROWD_SPAWNERS; i++) {
		callers[i].s = s;
		callers[i].arg = &crowd;
		caller_start(&callers[i], spawn_a_crowd);
	}
	for (int i = 0; i < CROWD_SPAWNERS; i++)
		ok(caller_join(&callers[i]));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(atomic_load(&crowd.total), CROWD_SPAWNS * CROWD_SPAWNERS);
	ck_assert_int_le(atomic_load(&crowd.most), (int)u.limit);
	ck_assert_int_eq(atomic_load(&crowd.now), 0);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(s);
}
END_TEST

static void release_record(void *what)
{
	record(&order, (intptr_t)what);
}

START_TEST(attributes_serve_many_spawns_and_may_go_before_them)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job_attr *ja = job_attr(release_record, PTJ_CANCEL_MASKED);
	char name[16];
	ptj_job *jobs[3];

	gate_init(&gate);
	recorder_init(&order);
	ok(ptj_job_attr_set_name(ja, "shared"));
	spawn_n(s, 1, job_at_gate, &gate);
	for (intptr_t i = 0; i < 3; i++)
		jobs[i] = spawn_with(s, ja, job_identity, (void *)i);
	ok(ptj_job_attr_set_name(ja, "changed"));
	ptj_job_attr_free(ja);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	for (intptr_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(recorded_times(&order, i), 1);
		ptj_job_get_name(jobs[i], name, sizeof name);
		ck_assert_str_eq(name, "shared");
		ptj_job_unref(jobs[i]);
	}
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(closed_scheduler_refuses_and_the_argument_stays_the_callers)
{
	ptj_scheduler *s = make_simple(2, 2);
	ptj_job_attr *ja = job_attr(release_record, -1);
	ptj_job *job = NULL;
	void *result = NULL;

	recorder_init(&order);
	ok(ptj_scheduler_close(s));
	expect(ESHUTDOWN, ptj_spawn(s, job_record, NULL, &job));
	expect(ESHUTDOWN, ptj_spawn_attr(s, ja, job_record, NULL, 0, &job));
	expect(ESHUTDOWN, ptj_spawn_attr(s, ja, job_record, NULL, PTJ_INFINITE, &job));
	expect(ESHUTDOWN, ptj_shield(s, job_record, NULL, PTJ_INFINITE, &result));
	ck_assert_ptr_null(job);
	ck_assert_uint_eq(recorded(&order), 0);
	ptj_job_attr_free(ja);
	ptj_scheduler_free(s);
}
END_TEST

/* A family: each job spawns two more, down to the last generation. */
struct family {
	ptj_scheduler *s;
	atomic_int born;
	atomic_int refused;
};

enum { GENERATIONS = 5 };

static struct family family;

static void *job_of_family(void *generation)
{
	intptr_t next = (intptr_t)generation + 1;

	atomic_fetch_add(&family.born, 1);
	for (int i = 0; i < 2 && next < GENERATIONS; i++)
		if (ptj_spawn(family.s, job_of_family, (void *)next, NULL))
			atomic_fetch_add(&family.refused, 1);
	return NULL;
}

/* Also on a full line, where the spawning job lends its permit. */
START_TEST(jobs_spawn_jobs)
{
	struct setup u = setup_number(_i);

	family.s = make(&u);
	atomic_store(&family.born, 0);
	atomic_store(&family.refused, 0);
	spawn_n(family.s, 1, job_of_family, NULL);
	ok(ptj_scheduler_wait(family.s, PTJ_INFINITE));
	ck_assert_int_eq(atomic_load(&family.refused), 0);
	ck_assert_int_eq(atomic_load(&family.born), (1 << GENERATIONS) - 1);
	ptj_scheduler_free(family.s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, job_runs_with_its_argument, 0, SETUPS);
	tcase_add_test(tc, without_a_handle_it_runs_all_the_same);
	tcase_add_loop_test(tc, with_a_permit_free_it_is_active_at_once, 0, SETUPS);
	tcase_add_test(tc, beyond_the_limit_it_is_pending);
	tcase_add_test(tc, pending_jobs_start_in_the_order_of_their_spawns);
	tcase_add_test(tc, limit_of_zero_runs_them_all);
	tcase_add_loop_test(tc, many_spawners_never_exceed_the_limit, 0, SETUPS);
	tcase_add_test(tc, attributes_serve_many_spawns_and_may_go_before_them);
	tcase_add_test(tc, closed_scheduler_refuses_and_the_argument_stays_the_callers);
	tcase_add_loop_test(tc, jobs_spawn_jobs, 0, SETUPS);
}

int main(void)
{
	return run_tests("spawn", add);
}
