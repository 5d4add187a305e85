/* Names, numbers and descriptions of jobs, and the names of the threads that run them.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <dirent.h>
#include <stdio.h>

enum { THREAD_NAME = 16 }; /* Linux: 15 bytes and a zero */

static struct gate gate;

struct seen_name {
	char at_first[THREAD_NAME];
	char later[THREAD_NAME];
	struct gate gate;
};

static void *job_note_thread_name(void *arg)
{
	struct seen_name *n = arg;

	pthread_getname_np(pthread_self(), n->at_first, THREAD_NAME);
	gate_pass(&n->gate);
	pthread_getname_np(pthread_self(), n->later, THREAD_NAME);
	return arg;
}

static void expect_name(const ptj_job *job, const char *want)
{
	char name[128];

	ck_assert_int_eq(ptj_job_get_name(job, name, sizeof name), (int)strlen(want));
	ck_assert_str_eq(name, want);
}

static ptj_job *spawn_named(ptj_scheduler *s, const char *name, ptj_job_fn fn, void *arg)
{
	ptj_job_attr *ja = job_attr(NULL, -1);
	ptj_job *job;

	ok(ptj_job_attr_set_name(ja, name));
	job = spawn_with(s, ja, fn, arg);
	ptj_job_attr_free(ja);
	return job;
}

START_TEST(jobs_are_numbered_from_1_and_named_after_their_number)
{
	ptj_scheduler *s = make_simple(2, 0), *other = make_simple(1, 0);
	char want[32];

	for (unsigned i = 1; i <= 20; i++) {
		ptj_job *job = spawn(s, job_identity, NULL);

		ck_assert_uint_eq(ptj_job_id(job), i);
		snprintf(want, sizeof want, "job-%u", i);
		expect_name(job, want);
		ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
		ck_assert_uint_eq(ptj_job_id(job), i);
		expect_name(job, want);
		ptj_job_unref(job);
		/* A shielded function takes no number. */
		ok(ptj_shield(s, job_identity, NULL, PTJ_INFINITE, NULL));
	}
	ptj_job *first = spawn(other, job_identity, NULL);
	ck_assert_uint_eq(ptj_job_id(first), 1);
	ptj_job_unref(first);
	ptj_scheduler_free(other);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(a_failed_spawn_uses_no_number_twice)
{
	ptj_scheduler *s = make_simple(1, 1);
	ptj_job *a, *b;

	gate_init(&gate);
	spawn_n(s, 1, job_at_gate, &gate);
	a = spawn(s, job_identity, NULL);
	expect(EAGAIN, ptj_spawn_attr(s, NULL, job_identity, NULL, 0, NULL));
	gate_open(&gate);
	b = spawn(s, job_identity, NULL);
	ck_assert_uint_gt(ptj_job_id(b), ptj_job_id(a));
	ptj_job_unref(a);
	ptj_job_unref(b);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(a_name_is_copied_and_read_as_by_snprintf)
{
	ptj_scheduler *s = make_simple(1, 0);
	char text[] = "resize 4711.png", name[16];
	ptj_job *job = spawn_named(s, text, job_identity, NULL);

	memset(text, 'x', sizeof text - 1);
	expect_name(job, "resize 4711.png");
	memset(name, 'x', sizeof name);
	ck_assert_int_eq(ptj_job_get_name(job, name, 7), 15);
	ck_assert_str_eq(name, "resize");
	ck_assert_int_eq(name[7], 'x');
	ck_assert_int_eq(ptj_job_get_name(job, NULL, 0), 15);
	ck_assert_int_eq(ptj_job_get_name(job, name, 1), 15);
	ck_assert_str_eq(name, "");
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(names_of_all_lengths_are_kept)
{
	ptj_scheduler *s = make_simple(1, 0);
	char want[100];

	for (size_t n = 0; n < sizeof want; n++) {
		ptj_job *job;

		memset(want, 'n', n);
		want[n] = '\0';
		job = spawn_named(s, want, job_identity, NULL);
		expect_name(job, want);
		ptj_job_unref(job);
	}
	ptj_scheduler_free(s);
}
END_TEST

/* The name may be changed in each state, and NULL means job-N. */
START_TEST(a_job_is_renamed_in_each_state)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *active, *pending;

	gate_init(&gate);
	active = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	pending = spawn_named(s, "first", job_identity, NULL);
	ok(ptj_job_set_name(active, "running"));
	expect_name(active, "running");
	ok(ptj_job_set_name(pending, "second"));
	expect_name(pending, "second");
	ok(ptj_job_set_name(pending, NULL));
	expect_name(pending, "job-2");
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ok(ptj_job_set_name(active, "over"));
	expect_name(active, "over");
	ptj_scheduler_free(s);
	expect_name(active, "over");
	ptj_job_unref(active);
	ptj_job_unref(pending);
	gate_destroy(&gate);
}
END_TEST

/* ---- Threads -------------------------------------------------------------------------------- */

START_TEST(the_thread_carries_the_name_of_its_job)
{
	static const struct {
		const char *name, *thread;
	} cases[] = {
		{"resize", "resize"},
		{"exactly15bytes!", "exactly15bytes!"},
		{"one more than 15", "one more than 1"},
		{"far more bytes than a thread's name can have", "far more bytes "},
	};
	ptj_scheduler *s = make_simple(1, 0);
	struct seen_name n = {.at_first = ""};
	ptj_job *job;

	gate_init(&n.gate);
	job = spawn_named(s, cases[_i].name, job_note_thread_name, &n);
	gate_await(&n.gate, 1);
	ok(ptj_job_set_name(job, "renamed"));
	gate_open(&n.gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_str_eq(n.at_first, cases[_i].thread);
	ck_assert_str_eq(n.later, "renamed");
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&n.gate);
}
END_TEST

/* Whether a thread other than the first of this process carries that name. */
static int a_thread_is_called(const char *name)
{
	char path[64], text[32];
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int found = 0;

	while ((task = readdir(tasks))) {
		FILE *comm;

		snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", task->d_name);
		comm = atoi(task->d_name) == (int)getpid() ? NULL : fopen(path, "r");
		if (!comm)
			continue;
		if (fgets(text, sizeof text, comm)) {
			text[strcspn(text, "\n")] = '\0';
			found += strcmp(text, name) == 0;
		}
		fclose(comm);
	}
	closedir(tasks);
	return found;
}

/* An anonymous job's thread may carry the job's number or the scheduler's name; an idle one
   carries the scheduler's. */
START_TEST(without_a_named_job_it_carries_the_schedulers)
{
	const char *base = _i ? "imports" : "ptjobs";
	struct seen_name n = {.at_first = ""};
	ptj_scheduler *s;
	ptj_attr *attr;

	ok(ptj_attr_create(&attr));
	ok(ptj_attr_set_limit(attr, 1));
	if (_i)
		ok(ptj_attr_set_name(attr, base));
	ok(ptj_scheduler_create(&s, attr));
	ptj_attr_free(attr);
	gate_init(&n.gate);
	gate_open(&n.gate);
	/* One thread: what its first job was called is gone for the second. */
	ptj_job_unref(spawn_named(s, "named", job_identity, NULL));
	ok(ptj_spawn(s, job_note_thread_name, &n, NULL));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_msg(strcmp(n.at_first, base) == 0 || strcmp(n.at_first, "job-2") == 0, "%s",
	              n.at_first);
	await(a_thread_is_called(base));
	ptj_scheduler_free(s);
	gate_destroy(&n.gate);
}
END_TEST

static void *job_rename_itself(void *arg)
{
	struct seen_name *n = arg;

	ptj_job_set_name(ptj_job_self(), "by myself");
	pthread_getname_np(pthread_self(), n->at_first, THREAD_NAME);
	return arg;
}

START_TEST(a_job_may_rename_itself)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct seen_name n = {.at_first = ""};
	ptj_job *job = spawn(s, job_rename_itself, &n);

	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_str_eq(n.at_first, "by myself");
	expect_name(job, "by myself");
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

enum { RENAMES = 2000 };

static int rename_often(struct caller *c)
{
	int code = 0;

	for (int i = 0; i < RENAMES && !code; i++)
		code = ptj_job_set_name(c->job, i % 2 ? "aaaaaaaaaaaaaaaaaaaa" : "bb");
	return code;
}

/* A reader sees one name or the other, and no mixture. */
START_TEST(renaming_and_reading_race)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct caller c[2];
	ptj_job *job;
	char name[32];

	gate_init(&gate);
	job = spawn_named(s, "bb", job_at_gate, &gate);
	for (int i = 0; i < 2; i++) {
		c[i] = (struct caller){.job = job};
		caller_start(&c[i], rename_often);
	}
	while (!caller_done(&c[0]) || !caller_done(&c[1])) {
		int n = ptj_job_get_name(job, name, sizeof name);

		ck_assert_int_eq(n, (int)strlen(name));
		ck_assert(!strcmp(name, "bb") || !strcmp(name, "aaaaaaaaaaaaaaaaaaaa"));
	}
	gate_open(&gate);
	ok(caller_join(&c[0]));
	ok(caller_join(&c[1]));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* ---- Descriptions --------------------------------------------------------------------------- */

static void expect_described(const ptj_job *job, const char *want)
{
	char text[128], cut[8];

	ck_assert_int_eq(ptj_job_describe(job, text, sizeof text), (int)strlen(want));
	ck_assert_str_eq(text, want);
	ck_assert_int_eq(ptj_job_describe(job, cut, sizeof cut), (int)strlen(want));
	ck_assert_int_eq(strncmp(cut, want, sizeof cut - 1), 0);
	ck_assert_int_eq(cut[sizeof cut - 1], '\0');
	ck_assert_int_eq(ptj_job_describe(job, NULL, 0), (int)strlen(want));
}

START_TEST(describe_tells_state_and_name)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *active, *pending;

	gate_init(&gate);
	active = spawn(s, job_at_gate, &gate);
	pending = spawn_named(s, "second", job_identity, NULL);
	expect_described(active, "<Job active name=job-1>");
	expect_described(pending, "<Job pending name=second>");
	ok(ptj_job_close(pending, 0));
	expect_described(pending, "<Job closed name=second>");
	gate_open(&gate);
	ok(ptj_job_wait(active, PTJ_INFINITE, NULL));
	expect_described(active, "<Job closed name=job-1>");
	ptj_job_unref(active);
	ptj_job_unref(pending);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, jobs_are_numbered_from_1_and_named_after_their_number);
	tcase_add_test(tc, a_failed_spawn_uses_no_number_twice);
	tcase_add_test(tc, a_name_is_copied_and_read_as_by_snprintf);
	tcase_add_test(tc, names_of_all_lengths_are_kept);
	tcase_add_test(tc, a_job_is_renamed_in_each_state);
	tcase_add_loop_test(tc, the_thread_carries_the_name_of_its_job, 0, 4);
	tcase_add_loop_test(tc, without_a_named_job_it_carries_the_schedulers, 0, 2);
	tcase_add_test(tc, a_job_may_rename_itself);
	tcase_add_test(tc, renaming_and_reading_race);
	tcase_add_test(tc, describe_tells_state_and_name);
}

int main(void)
{
	return run_tests("names", add);
}
