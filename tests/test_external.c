/* External jobs: jobs as all others are, but for who runs them.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <poll.h>

static struct gate gate;

static int is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void pass_gate(void *arg)
{
	gate_pass(arg);
}

static ptj_job *spawn_external(ptj_scheduler *s, void *arg)
{
	ptj_job *job = NULL;

	ok(ptj_spawn_external(s, NULL, arg, PTJ_INFINITE, &job));
	return job;
}

static ptj_job *next(ptj_scheduler *s)
{
	ptj_job *job = NULL;

	ok(ptj_external_next(s, 0, &job));
	return job;
}

static void expect_none(ptj_scheduler *s)
{
	ptj_job *job = NULL;

	expect(ETIMEDOUT, ptj_external_next(s, 0, &job));
	ck_assert_ptr_null(job);
}

static void expect_counts(ptj_scheduler *s, size_t active, size_t pending, size_t len)
{
	ck_assert_uint_eq(ptj_scheduler_active_count(s), active);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), pending);
	ck_assert_uint_eq(ptj_scheduler_len(s), len);
}

/* Hands a job out, finishes it, and lets it go. */
static void run_one(ptj_scheduler *s, int code, void *result)
{
	ptj_job *job = next(s);

	ok(ptj_job_finish(job, code, NULL, result));
	ptj_job_unref(job);
}

/* ---- Being handed out ----------------------------------------------------------------------- */

START_TEST(a_job_is_handed_out_and_finished)
{
	ptj_scheduler *s = make_simple(1, 0);
	int threads = threads_here();
	ptj_job *spawned, *job;
	void *result = NULL;

	spawned = spawn_external(s, &gate);
	ck_assert_int_eq(ptj_job_active(spawned), 1);
	ck_assert_uint_eq(ptj_job_id(spawned), 1);
	job = next(s);
	ck_assert_ptr_eq(job, spawned);
	ck_assert_ptr_eq(ptj_job_arg(job), &gate);
	ck_assert_int_eq(ptj_job_active(spawned), 1);
	expect_none(s);
	expect_counts(s, 1, 0, 1);
	expect(ETIMEDOUT, ptj_job_poll(spawned, 0, NULL));
	ok(ptj_job_finish(job, 0, "not said", &result));
	ok(ptj_job_wait(spawned, 0, &result));
	ck_assert_ptr_eq(result, &result);
	ck_assert_ptr_null(ptj_job_error_message(job));
	expect_counts(s, 0, 0, 0);
	ck_assert_int_eq(threads_here(), threads);
	ptj_job_unref(spawned);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(a_failure_has_its_code_and_message)
{
	struct setup u = setup_of(1, 0);
	struct reports reports;
	ptj_scheduler *s;
	ptj_job *job;

	reports_init(&reports);
	u.reports = &reports;
	s = make(&u);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	job = next(s);
	ok(ptj_job_finish(job, EIO, "disk on fire", &gate));
	expect(PTJ_EFAILED, ptj_job_wait(job, 0, NULL));
	ck_assert_int_eq(ptj_job_error(job), EIO);
	ck_assert_str_eq(ptj_job_error_message(job), "disk on fire");
	ck_assert_uint_eq(reports_with(&reports, PROCESSING_FAILED), 1);
	ck_assert_str_eq(report_at(&reports, 0).error_message, "disk on fire");
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(misuse)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *job, *pending, *other, *none = NULL;

	gate_init(&gate);
	expect(EINVAL, ptj_spawn_external(NULL, NULL, NULL, 0, &none));
	expect(EINVAL, ptj_spawn_external(s, NULL, NULL, -3, &none));
	expect(EINVAL, ptj_external_next(NULL, 0, &none));
	expect(EINVAL, ptj_external_next(s, 0, NULL));
	expect(EINVAL, ptj_external_next(s, -3, &none));
	ck_assert_int_eq(ptj_external_fd(NULL), -1);
	ck_assert_ptr_null(ptj_job_arg(NULL));
	expect(EINVAL, ptj_job_finish(NULL, 0, NULL, NULL));
	ck_assert_int_eq(ptj_external_cancel_fd(NULL), -1);
	expect(EINVAL, ptj_external_on_cancel(NULL, pass_gate, NULL));

	job = spawn_external(s, NULL);
	pending = spawn_external(s, NULL);
	expect(EPERM, ptj_job_finish(job, 0, NULL, NULL));
	expect(EPERM, ptj_job_finish(pending, 0, NULL, NULL));
	ck_assert_int_eq(ptj_external_cancel_fd(job), -1);
	expect(EINVAL, ptj_external_on_cancel(job, pass_gate, NULL));
	ptj_job_unref(next(s));
	ok(ptj_job_finish(job, 0, NULL, NULL));
	expect(EALREADY, ptj_job_finish(job, 0, NULL, NULL));
	ck_assert_int_eq(ptj_external_cancel_fd(job), -1);
	ok(ptj_job_close(pending, PTJ_INFINITE));
	expect(EALREADY, ptj_job_finish(pending, 0, NULL, NULL));

	other = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	ck_assert_ptr_eq(ptj_job_arg(other), &gate);
	expect(EINVAL, ptj_job_finish(other, 0, NULL, NULL));
	ck_assert_int_eq(ptj_external_cancel_fd(other), -1);
	expect(EINVAL, ptj_external_on_cancel(other, pass_gate, NULL));
	gate_open(&gate);
	ptj_job_unref(job);
	ptj_job_unref(pending);
	ptj_job_unref(other);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(they_are_limited_and_handed_out_in_order)
{
	enum { JOBS = 6, LIMIT = 2 };
	ptj_scheduler *s = make_simple(LIMIT, JOBS - LIMIT);
	ptj_job *jobs[JOBS], *active[LIMIT];

	for (int i = 0; i < JOBS; i++)
		jobs[i] = spawn_external(s, &jobs[i]);
	expect(EAGAIN, ptj_spawn_external(s, NULL, NULL, 0, NULL));
	expect_counts(s, LIMIT, JOBS - LIMIT, JOBS);
	for (int i = 0; i < JOBS; i += LIMIT) {
		for (int k = 0; k < LIMIT; k++) {
			active[k] = next(s);
			ck_assert_ptr_eq(active[k], jobs[i + k]);
		}
		expect_none(s);
		for (int k = LIMIT; k-- > 0;) {
			ok(ptj_job_finish(active[k], 0, NULL, NULL));
			ptj_job_unref(active[k]);
		}
	}
	for (int i = 0; i < JOBS; i++) {
		ok(ptj_job_wait(jobs[i], 0, NULL));
		ptj_job_unref(jobs[i]);
	}
	ptj_scheduler_free(s);
}
END_TEST

/* They share permits and line with jobs that threads run. */
START_TEST(both_kinds_take_turns)
{
	enum { JOBS = 2000 };
	ptj_scheduler *s = make_simple((size_t)_i, 0);
	ptj_job *job;
	int handed_out = 0;

	for (int i = 0; i < JOBS; i++) {
		if (i % 3)
			spawn_n(s, 1, job_identity, NULL);
		else
			ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	}
	while (ptj_scheduler_len(s) > 0) {
		if (ptj_external_next(s, 1, &job) == 0) {
			handed_out++;
			ok(ptj_job_finish(job, 0, NULL, NULL));
			ptj_job_unref(job);
		}
		ck_assert_uint_le(ptj_scheduler_active_count(s), (size_t)_i);
	}
	ck_assert_int_eq(handed_out, (JOBS + 2) / 3);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(the_descriptor_is_readable_while_there_is_one)
{
	ptj_scheduler *s = make_simple(2, 0);
	int fd = _i ? ptj_external_fd(s) : -1;
	ptj_job *first = spawn_external(s, NULL), *second = spawn_external(s, NULL);

	fd = ptj_external_fd(s);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ptj_external_fd(s), fd);
	ck_assert(is_readable(fd));
	run_one(s, 0, NULL);
	ck_assert(is_readable(fd));
	/* Taken back: there is none any more. */
	ok(ptj_job_close(second, PTJ_INFINITE));
	ck_assert(!is_readable(fd));
	expect_none(s);
	ptj_job_unref(first);
	ptj_job_unref(second);
	first = spawn_external(s, NULL);
	ck_assert(is_readable(fd));
	ok(ptj_scheduler_close(s));
	ck_assert(!is_readable(fd));
	expect(ECANCELED, ptj_job_wait(first, 0, NULL));
	ptj_job_unref(first);
	ptj_scheduler_free(s);
}
END_TEST

/* ---- Waiting for one ------------------------------------------------------------------------ */

static int call_next(struct caller *c)
{
	return ptj_external_next(c->s, c->timeout, &c->job);
}

START_TEST(each_job_releases_one_who_waits)
{
	enum { HOSTS = 3 };
	ptj_scheduler *s = make_simple(0, 0);
	struct caller c[HOSTS];
	int64_t start = now_ms();
	ptj_job *job;

	expect(ETIMEDOUT, ptj_external_next(s, SHORT_MS, &job));
	expect_took(start, SHORT_MS);
	for (int i = 0; i < HOSTS; i++) {
		c[i] = (struct caller){.s = s, .timeout = PTJ_INFINITE};
		caller_start(&c[i], call_next);
		caller_await_blocked(&c[i]);
	}
	for (int i = 0; i < HOSTS; i++)
		ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	for (int i = 0; i < HOSTS; i++) {
		ok(caller_join(&c[i]));
		ok(ptj_job_finish(c[i].job, 0, NULL, NULL));
		ptj_job_unref(c[i].job);
	}
	expect_none(s);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(a_close_turns_away_who_waits)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct caller c = {.s = s, .timeout = PTJ_INFINITE};
	ptj_job *job;

	caller_start(&c, call_next);
	caller_await_blocked(&c);
	ok(ptj_scheduler_close(s));
	expect(ESHUTDOWN, caller_join(&c));
	expect(ESHUTDOWN, ptj_external_next(s, 0, &job));
	expect(ESHUTDOWN, ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(one_who_waits_can_be_cancelled)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct caller first = {.s = s, .timeout = PTJ_INFINITE}, second = first;
	int code;

	caller_start(&first, call_next);
	caller_await_blocked(&first);
	caller_start(&second, call_next);
	caller_await_blocked(&second);
	pthread_cancel(first.thread);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	code = caller_join(&first);
	if (code == CALLER_CANCELLED) {
		ok(caller_join(&second));
		first.job = second.job;
	} else {
		ok(code);
		pthread_cancel(second.thread);
		expect(CALLER_CANCELLED, caller_join(&second));
	}
	ok(ptj_job_finish(first.job, 0, NULL, NULL));
	ptj_job_unref(first.job);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(one_who_waits_for_nothing_can_be_cancelled)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct caller c = {.s = s, .timeout = PTJ_INFINITE};
	ptj_job *job;

	caller_start(&c, call_next);
	caller_await_blocked(&c);
	pthread_cancel(c.thread);
	expect(CALLER_CANCELLED, caller_join(&c));
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	ok(ptj_external_next(s, 0, &job));
	ok(ptj_job_finish(job, 0, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

struct within {
	ptj_scheduler *s;
	int code;
};

static void *job_next(void *arg)
{
	struct within *within = arg;
	ptj_job *job;

	within->code = ptj_external_next(within->s, PTJ_INFINITE, &job);
	if (within->code == 0) {
		ptj_job_finish(job, 0, NULL, NULL);
		ptj_job_unref(job);
	}
	return NULL;
}

START_TEST(a_job_of_the_scheduler_is_no_host_but_one_of_another_lends)
{
	ptj_scheduler *s = make_simple(1, 0), *other = make_simple(1, 0);
	struct within within = {.s = s, .code = -2};
	ptj_job *host;

	host = spawn(s, job_next, &within);
	ok(ptj_job_wait(host, PTJ_INFINITE, NULL));
	expect(EDEADLK, within.code);
	ptj_job_unref(host);
	host = spawn(other, job_next, &within);
	await(ptj_job_active(host) && ptj_scheduler_active_count(other) == 0);
	spawn_n(other, 1, job_identity, NULL);
	await(ptj_scheduler_len(other) == 1);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	ok(ptj_job_wait(host, PTJ_INFINITE, NULL));
	ok(within.code);
	ptj_job_unref(host);
	ptj_scheduler_free(s);
	ptj_scheduler_free(other);
}
END_TEST

/* ---- Closing -------------------------------------------------------------------------------- */

static void count_call(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

START_TEST(a_close_is_heard_and_obeyed)
{
	ptj_scheduler *s = make_simple(1, 0);
	atomic_int called = 0;
	ptj_job *job;
	int fd;

	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	job = next(s);
	fd = ptj_external_cancel_fd(job);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ptj_external_cancel_fd(job), fd);
	ok(ptj_external_on_cancel(job, count_call, &called));
	ck_assert(!is_readable(fd));
	ck_assert_int_eq(ptj_job_closed(job), 0);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	ck_assert_int_eq(atomic_load(&called), 1);
	ck_assert(is_readable(fd));
	ck_assert_int_eq(ptj_job_closed(job), 1);
	expect_counts(s, 1, 0, 1);
	/* Too late: called at once. */
	ok(ptj_external_on_cancel(job, count_call, &called));
	ck_assert_int_eq(atomic_load(&called), 2);
	ok(ptj_external_on_cancel(job, NULL, NULL));
	ok(ptj_job_finish(job, ECANCELED, NULL, NULL));
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(one_that_finishes_in_spite_of_a_close_has_its_result)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *job;
	void *result;

	for (int failed = 0; failed < 2; failed++) {
		ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
		job = next(s);
		expect(ETIMEDOUT, ptj_job_close(job, 0));
		ok(ptj_job_finish(job, failed ? EIO : 0, NULL, &gate));
		expect(failed ? PTJ_EFAILED : 0, ptj_job_wait(job, 0, &result));
		if (!failed)
			ck_assert_ptr_eq(result, &gate);
		ptj_job_unref(job);
	}
	/* Nobody asked it to stop: this is a failure. */
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	job = next(s);
	ok(ptj_job_finish(job, ECANCELED, NULL, NULL));
	expect(PTJ_EFAILED, ptj_job_wait(job, 0, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

static struct recorder seen;

static void finish_within(void *arg)
{
	record(&seen, ptj_job_finish(arg, 0, NULL, NULL));
	record(&seen, ptj_external_on_cancel(arg, NULL, NULL));
	record(&seen, ptj_external_on_cancel(arg, finish_within, arg));
}

START_TEST(the_callback_cannot_finish_its_job)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *job;

	recorder_init(&seen);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	job = next(s);
	ok(ptj_external_on_cancel(job, finish_within, job));
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	ck_assert_int_eq(recorded_at(&seen, 0), EDEADLK);
	ck_assert_int_eq(recorded_at(&seen, 1), 0);
	ck_assert_int_eq(recorded_at(&seen, 2), EDEADLK);
	ok(ptj_job_finish(job, 0, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

static int call_finish(struct caller *c)
{
	return ptj_job_finish(c->job, 0, NULL, NULL);
}

START_TEST(the_end_waits_for_a_running_callback)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct caller closer = {.timeout = PTJ_INFINITE}, host = {.s = s};

	gate_init(&gate);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	closer.job = host.job = next(s);
	ok(ptj_external_on_cancel(host.job, pass_gate, &gate));
	caller_start(&closer, call_close);
	gate_await(&gate, 1);
	caller_start(&host, call_finish);
	caller_await_blocked(&host);
	expect_counts(s, 1, 0, 1);
	gate_open(&gate);
	ok(caller_join(&host));
	ok(caller_join(&closer));
	ptj_job_unref(host.job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

static int call_on_cancel(struct caller *c)
{
	return ptj_external_on_cancel(c->job, c->arg ? count_call : NULL, c->arg);
}

/* One takes it back, or registers another, which comes too late when the job is over. */
START_TEST(two_wait_for_a_running_callback)
{
	ptj_scheduler *s = make_simple(1, 0);
	atomic_int called = 0;
	struct caller closer = {.timeout = PTJ_INFINITE}, host = {.s = s};
	struct caller other = {.arg = _i ? &called : NULL};

	gate_init(&gate);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	closer.job = host.job = other.job = next(s);
	ok(ptj_external_on_cancel(host.job, pass_gate, &gate));
	caller_start(&closer, call_close);
	gate_await(&gate, 1);
	caller_start(&other, call_on_cancel);
	caller_await_blocked(&other);
	caller_start(&host, call_finish);
	caller_await_blocked(&host);
	gate_open(&gate);
	ok(caller_join(&host));
	ok(caller_join(&closer));
	expect(_i ? EINVAL : 0, caller_join(&other));
	ck_assert_int_eq(atomic_load(&called), 0);
	ptj_job_unref(host.job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

static int call_nothing(struct caller *c)
{
	return c->timeout != 0;
}

/* With and without a worker that has nothing to do with it, for which the close waits. */
START_TEST(one_not_finished_in_time_is_a_straggler)
{
	struct setup u = setup_of(2, 0);
	struct reports reports;
	ptj_scheduler *s;
	ptj_job *job;
	struct caller none = {.timeout = 0};
	int threads;

	/* A sanitizer's thread comes with the first one. */
	caller_start(&none, call_nothing);
	ok(caller_join(&none));
	await(thread_is_gone(atomic_load(&none.tid)));
	threads = threads_here();
	reports_init(&reports);
	u.reports = &reports;
	u.close_timeout = SHORT_MS;
	s = make(&u);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	job = next(s);
	if (_i)
		spawn_n(s, 1, job_sleep_forever, NULL);
	ok(ptj_scheduler_close(s));
	await(threads_here() == threads); /* who was joined is seen there for a moment */
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_uint_eq(reports_with(&reports, CLOSING_TIMED_OUT), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	if (_i == 2)
		ptj_scheduler_free(s);
	ok(ptj_job_finish(job, EIO, "late", NULL));
	expect(PTJ_EFAILED, ptj_job_wait(job, 0, NULL));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ptj_job_unref(job);
	if (_i < 2)
		ptj_scheduler_free(s);
}
END_TEST

START_TEST(a_wait_that_times_out_closes_it)
{
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s;
	ptj_job *job;

	u.close_timeout = 0;
	s = make(&u);
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	job = next(s);
	expect(ETIMEDOUT, ptj_job_wait(job, SHORT_MS, NULL));
	ck_assert_int_eq(ptj_job_closed(job), 1);
	ok(ptj_job_finish(job, ECANCELED, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

/* ---- The rest ------------------------------------------------------------------------------- */

START_TEST(argument_and_queue_are_served)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job_attr *attr = job_attr(count_call, -1);
	ptj_completions *q;
	atomic_int released = 0;
	ptj_job *job, *taken, *pending;
	char name[32];
	size_t n;

	ok(ptj_completions_create(&q, -1));
	ok(ptj_job_attr_set_completions(attr, q));
	ok(ptj_job_attr_set_name(attr, "outside"));
	ok(ptj_spawn_external(s, attr, &released, PTJ_INFINITE, &job));
	ok(ptj_spawn_external(s, attr, &released, PTJ_INFINITE, &pending));
	ck_assert_int_eq(ptj_job_get_name(job, name, sizeof name), 7);
	ck_assert_str_eq(name, "outside");
	ptj_job_unref(next(s));
	ok(ptj_job_set_name(job, "renamed"));
	ck_assert_int_eq(atomic_load(&released), 0);
	ok(ptj_job_finish(job, EIO, NULL, NULL));
	ck_assert_int_eq(atomic_load(&released), 1);
	ok(ptj_completions_take(q, &taken, 1, 0, &n));
	ck_assert_ptr_eq(taken, job);
	ptj_job_unref(taken);
	ok(ptj_job_close(pending, PTJ_INFINITE));
	ck_assert_int_eq(atomic_load(&released), 2);
	expect_none(s);
	ok(ptj_completions_take(q, &taken, 1, 0, &n));
	ck_assert_ptr_eq(taken, pending);
	ptj_job_unref(taken);
	ptj_job_unref(job);
	ptj_job_unref(pending);
	ptj_job_attr_free(attr);
	ptj_completions_free(q);
	ptj_scheduler_free(s);
}
END_TEST

static void *job_wait_for_external(void *arg)
{
	struct within *within = arg;
	ptj_job *job;

	within->code = ptj_spawn_external(within->s, NULL, NULL, PTJ_INFINITE, &job);
	if (within->code == 0) {
		within->code = ptj_job_wait(job, PTJ_INFINITE, NULL);
		ptj_job_unref(job);
	}
	return NULL;
}

/* The permit that a job lends while it waits for an external one is that one's. */
START_TEST(who_waits_for_one_lends_and_comes_first)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct within within = {.s = s, .code = -2};
	ptj_job *parent = spawn(s, job_wait_for_external, &within), *job = NULL, *in_line;

	ok(ptj_external_next(s, PTJ_INFINITE, &job));
	in_line = spawn_external(s, NULL);
	ok(ptj_job_finish(job, 0, NULL, NULL));
	ok(ptj_job_wait(parent, PTJ_INFINITE, NULL));
	ok(within.code);
	await(ptj_job_active(in_line));
	run_one(s, 0, NULL);
	ptj_job_unref(job);
	ptj_job_unref(parent);
	ptj_job_unref(in_line);
	ptj_scheduler_free(s);
}
END_TEST

enum { BUSY_JOBS = 20000, BUSY_HOSTS = 2 };

static int call_host(struct caller *c)
{
	ptj_job *job;
	int code, n = 0;

	while ((code = ptj_external_next(c->s, PTJ_INFINITE, &job)) == 0) {
		code = ptj_job_finish(job, n % 5 ? 0 : ECANCELED, NULL, ptj_job_arg(job));
		ptj_job_unref(job);
		if (code)
			return code;
		n++;
	}
	c->value = (void *)(intptr_t)n;
	return code;
}

START_TEST(hosts_and_closers_race)
{
	struct setup u = setup_number(_i);
	struct reports reports;
	struct caller hosts[BUSY_HOSTS];
	ptj_scheduler *s;
	ptj_job *job;

	reports_init(&reports);
	u.reports = &reports;
	s = make(&u);
	for (int i = 0; i < BUSY_HOSTS; i++) {
		hosts[i] = (struct caller){.s = s};
		caller_start(&hosts[i], call_host);
	}
	for (int i = 0; i < BUSY_JOBS; i++) {
		if (i % 4 == 0) {
			spawn_n(s, 1, job_identity, NULL);
			continue;
		}
		job = spawn_external(s, NULL);
		if (i % 7 == 0)
			ptj_job_close(job, PTJ_INFINITE);
		ptj_job_unref(job);
	}
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	expect_counts(s, 0, 0, 0);
	ok(ptj_scheduler_close(s));
	for (int i = 0; i < BUSY_HOSTS; i++)
		expect(ESHUTDOWN, caller_join(&hosts[i]));
	ptj_scheduler_free(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, a_job_is_handed_out_and_finished);
	tcase_add_test(tc, a_failure_has_its_code_and_message);
	tcase_add_test(tc, misuse);
	tcase_add_test(tc, they_are_limited_and_handed_out_in_order);
	tcase_add_loop_test(tc, both_kinds_take_turns, 1, 4);
	tcase_add_loop_test(tc, the_descriptor_is_readable_while_there_is_one, 0, 2);
	tcase_add_test(tc, each_job_releases_one_who_waits);
	tcase_add_test(tc, a_close_turns_away_who_waits);
	tcase_add_test(tc, one_who_waits_can_be_cancelled);
	tcase_add_test(tc, one_who_waits_for_nothing_can_be_cancelled);
	tcase_add_test(tc, a_job_of_the_scheduler_is_no_host_but_one_of_another_lends);
	tcase_add_test(tc, a_close_is_heard_and_obeyed);
	tcase_add_test(tc, one_that_finishes_in_spite_of_a_close_has_its_result);
	tcase_add_test(tc, the_callback_cannot_finish_its_job);
	tcase_add_test(tc, the_end_waits_for_a_running_callback);
	tcase_add_loop_test(tc, two_wait_for_a_running_callback, 0, 2);
	tcase_add_loop_test(tc, one_not_finished_in_time_is_a_straggler, 0, 3);
	tcase_add_test(tc, a_wait_that_times_out_closes_it);
	tcase_add_test(tc, argument_and_queue_are_served);
	tcase_add_test(tc, who_waits_for_one_lends_and_comes_first);
	tcase_add_loop_test(tc, hosts_and_closers_race, 0, SETUPS);
}

int main(void)
{
	return run_tests("external", add);
}
