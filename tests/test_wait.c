/* Waiting for a job: results, failures, timeouts, and who may wait.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct reports reports;
static char value; /* its address is a result */

static ptj_scheduler *make_reporting(void)
{
	struct setup u = setup_of(4, 10);

	reports_init(&reports);
	u.reports = &reports;
	return make(&u);
}

static void expect_result(ptj_job *job, void *want)
{
	void *got = NULL;

	ok(ptj_job_wait(job, PTJ_INFINITE, &got));
	ck_assert_ptr_eq(got, want);
	got = NULL;
	ok(ptj_job_poll(job, 0, &got));
	ck_assert_ptr_eq(got, want);
	ok(ptj_job_wait(job, 0, NULL));
	ck_assert_int_eq(ptj_job_error(job), 0);
	ck_assert_ptr_null(ptj_job_error_message(job));
	ck_assert_int_eq(ptj_job_closed(job), 1);
}

static void expect_failure(ptj_job *job, int code, const char *message)
{
	void *got = &got;

	expect(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, &got));
	expect(PTJ_EFAILED, ptj_job_poll(job, 0, &got));
	ck_assert_ptr_eq(got, &got);
	ck_assert_int_eq(ptj_job_error(job), code);
	if (message)
		ck_assert_str_eq(ptj_job_error_message(job), message);
	else
		ck_assert_ptr_null(ptj_job_error_message(job));
	ck_assert_int_eq(ptj_job_closed(job), 1);
}

/* ---- How a job ends ------------------------------------------------------------------------- */

static void *job_exit(void *result)
{
	pthread_exit(result);
}

static void *job_fail_zero(void *arg)
{
	(void)arg;
	return ptj_job_fail(0, NULL);
}

static void *job_fail_without_text(void *arg)
{
	(void)arg;
	return ptj_job_fail(ENOSPC, NULL);
}

static void *job_fail_and_return_a_value(void *arg)
{
	char text[] = "short-lived text";

	ptj_job_fail(EPERM, text);
	memset(text, 'x', sizeof text - 1);
	return arg;
}

static void *job_fail_and_exit(void *arg)
{
	ptj_job_fail(EPERM, "short-lived text");
	pthread_exit(arg);
}

static void *job_succeed(void *arg)
{
	return ptj_job_succeed(arg) ? arg : NULL;
}

static void *job_fail_then_succeed(void *arg)
{
	ptj_job_fail(EIO, "first");
	ptj_job_succeed(arg);
	return NULL;
}

static void *job_succeed_then_fail(void *arg)
{
	ptj_job_succeed(arg);
	ptj_job_fail(EIO, "first");
	ptj_job_fail(ENOSPC, "last");
	return arg;
}

struct ending {
	ptj_job_fn fn;
	void *arg;
	int error;
	const char *message;
};

static const struct ending endings[] = {
	{job_identity, &value, 0, NULL},
	{job_identity, NULL, 0, NULL},
	{job_exit, &value, 0, NULL},
	{job_exit, NULL, 0, NULL},
	/* Nobody asked for a close, so this is a value like any other. */
	{job_exit, PTHREAD_CANCELED, 0, NULL},
	{job_identity, PTHREAD_CANCELED, 0, NULL},
	{job_succeed, &value, 0, NULL},
	{job_fail_then_succeed, &value, 0, NULL},
	{job_fail_eio, NULL, EIO, "disk on fire"},
	{job_fail_zero, NULL, EINVAL, NULL},
	{job_fail_without_text, NULL, ENOSPC, NULL},
	{job_fail_and_return_a_value, &value, EPERM, "short-lived text"},
	{job_fail_and_exit, &value, EPERM, "short-lived text"},
	{job_succeed_then_fail, &value, ENOSPC, "last"},
};

enum { ENDINGS = sizeof endings / sizeof *endings };

START_TEST(a_job_ends_in_each_way)
{
	const struct ending *e = &endings[_i % ENDINGS];
	ptj_job_attr *ja = job_attr(NULL, _i / ENDINGS);
	ptj_scheduler *s = make_reporting();
	ptj_job *job = spawn_with(s, ja, e->fn, e->arg);

	if (e->error)
		expect_failure(job, e->error, e->message);
	else
		expect_result(job, e->arg);
	ptj_job_attr_free(ja);
	ptj_scheduler_free(s);
	if (e->error)
		expect_failure(job, e->error, e->message);
	else
		expect_result(job, e->arg);
	ptj_job_unref(job);
	ck_assert_uint_le(reports_count(&reports), 1);
}
END_TEST

START_TEST(with_explicit_result_silence_is_a_failure)
{
	const struct ending *e = &endings[_i];
	int silent = e->fn == job_identity || e->fn == job_exit;
	ptj_job_attr *ja = job_attr(NULL, -1);
	ptj_scheduler *s = make_reporting();
	ptj_job *job;

	ok(ptj_job_attr_set_explicit_result(ja, 1));
	job = spawn_with(s, ja, e->fn, e->arg);
	if (silent)
		expect_failure(job, ENODATA, NULL);
	else if (e->error)
		expect_failure(job, e->error, e->message);
	else
		expect_result(job, e->arg);
	ptj_job_unref(job);
	ptj_job_attr_free(ja);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(while_it_runs_there_is_no_error)
{
	ptj_scheduler *s = make_simple(1, 1);
	ptj_job *job;

	gate_init(&gate);
	job = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	ck_assert_int_eq(ptj_job_error(job), 0);
	ck_assert_ptr_null(ptj_job_error_message(job));
	ck_assert_int_eq(ptj_job_active(job), 1);
	gate_open(&gate);
	expect_result(job, &gate);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* ---- Timeouts ------------------------------------------------------------------------------- */

START_TEST(poll_leaves_the_job_alone)
{
	ptj_scheduler *s = make_simple(1, 1);
	int64_t start;
	ptj_job *job;

	gate_init(&gate);
	job = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_poll(job, 0, NULL));
	start = now_ms();
	expect(ETIMEDOUT, ptj_job_poll(job, SHORT_MS, NULL));
	expect_took(start, SHORT_MS);
	ck_assert_int_eq(ptj_job_active(job), 1);
	ck_assert_int_eq(ptj_job_error(job), 0);
	gate_open(&gate);
	expect_result(job, &gate);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(wait_closes_the_job_when_its_time_is_over)
{
	ptj_scheduler *s = make_simple(1, 1);
	ptj_job *job;

	gate_init(&gate);
	job = spawn(s, job_obedient, &gate);
	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_wait(job, _i ? SHORT_MS : 0, NULL));
	ck_assert_int_eq(ptj_job_closed(job), 1);
	/* The close was given PATIENCE_MS, so the job is over, too. */
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	expect(ECANCELED, ptj_job_poll(job, 0, NULL));
	ck_assert_int_eq(ptj_job_error(job), ECANCELED);
	ck_assert_int_eq(gate_passed(&gate), 0);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(wait_on_a_stubborn_job_returns_after_timeout_and_close_timeout)
{
	struct setup u = setup_of(1, 1);
	ptj_scheduler *s;
	int64_t start;
	ptj_job *job;

	u.close_timeout = SHORT_MS;
	s = make(&u);
	gate_init(&gate);
	job = spawn(s, job_stubborn, &gate);
	gate_await(&gate, 1);
	start = now_ms();
	expect(ETIMEDOUT, ptj_job_wait(job, SHORT_MS, NULL));
	expect_took(start, 2 * SHORT_MS);
	ck_assert_int_eq(ptj_job_closed(job), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 1);
	gate_open(&gate);
	expect_result(job, &gate);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(wait_drops_a_pending_job_when_its_time_is_over)
{
	ptj_scheduler *s = make_simple(1, 1);
	ptj_job *job;

	gate_init(&gate);
	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	job = spawn(s, job_at_gate, &gate);
	expect(ETIMEDOUT, ptj_job_poll(job, 0, NULL));
	ck_assert_int_eq(ptj_job_pending(job), 1);
	expect(ETIMEDOUT, ptj_job_wait(job, 0, NULL));
	ck_assert_int_eq(ptj_job_closed(job), 1);
	expect(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(gate_arrived(&gate), 1);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* Longer than a time_t of 32 bits goes, and than nanoseconds in an int64_t. */
static const int64_t long_timeouts[] = {INT64_C(3600000) * 24 * 36525, INT64_MAX};

START_TEST(a_wait_of_a_century_waits)
{
	ptj_scheduler *s = make_reporting();
	struct caller c = {.timeout = long_timeouts[_i]};

	gate_init(&gate);
	c.job = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	caller_start(&c, call_wait);
	caller_await_blocked(&c);
	gate_open(&gate);
	ok(caller_join(&c));
	ck_assert_ptr_eq(c.value, &gate);
	ptj_job_unref(c.job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* ---- Many waiters, and none ----------------------------------------------------------------- */

enum { WAITERS = 12 };

static void start_waiters(struct caller *c, ptj_job *job)
{
	for (int i = 0; i < WAITERS; i++) {
		c[i] = (struct caller){.job = job, .timeout = i % 3 ? PATIENCE_MS : PTJ_INFINITE};
		caller_start(&c[i], i % 2 ? call_wait : call_poll);
		if (i < WAITERS / 2)
			caller_await_blocked(&c[i]);
	}
}

START_TEST(all_waiters_get_the_same_result)
{
	ptj_scheduler *s = make_reporting();
	struct caller c[WAITERS];
	ptj_job *job;

	gate_init(&gate);
	job = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	start_waiters(c, job);
	gate_open(&gate);
	for (int i = 0; i < WAITERS; i++) {
		ok(caller_join(&c[i]));
		ck_assert_ptr_eq(c[i].value, &gate);
	}
	expect_result(job, &gate);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

static void *job_fail_at_gate(void *arg)
{
	gate_pass(arg);
	return ptj_job_fail(EIO, "after the gate");
}

START_TEST(all_waiters_hear_of_the_failure_and_the_handler_does_not)
{
	ptj_scheduler *s = make_reporting();
	struct caller c[WAITERS];
	ptj_job *job;

	gate_init(&gate);
	job = spawn(s, job_fail_at_gate, &gate);
	gate_await(&gate, 1);
	start_waiters(c, job);
	gate_open(&gate);
	for (int i = 0; i < WAITERS; i++)
		expect(PTJ_EFAILED, caller_join(&c[i]));
	expect_failure(job, EIO, "after the gate");
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
	gate_destroy(&gate);
}
END_TEST

START_TEST(all_waiters_hear_of_the_cancellation)
{
	ptj_scheduler *s = make_reporting();
	struct caller c[WAITERS];
	ptj_job *job;

	gate_init(&gate);
	if (_i == 0) { /* pending */
		spawn_n(s, 4, job_at_gate, &gate);
		gate_await(&gate, 4);
		job = spawn(s, job_at_gate, &gate);
	} else {
		job = spawn(s, job_obedient, &gate);
		gate_await(&gate, 1);
	}
	start_waiters(c, job);
	ok(ptj_job_close(job, PTJ_INFINITE));
	for (int i = 0; i < WAITERS; i++)
		expect(ECANCELED, caller_join(&c[i]));
	ptj_job_unref(job);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
	gate_destroy(&gate);
}
END_TEST

START_TEST(cancelled_waiter_leaves_the_job_alone)
{
	static int (*const calls[])(struct caller *) = {call_wait, call_poll};
	ptj_scheduler *s = make_simple(1, 1);
	struct caller c, other;
	ptj_job *job;

	gate_init(&gate);
	job = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	other = (struct caller){.job = job, .timeout = PTJ_INFINITE};
	caller_start(&other, call_wait);
	c = (struct caller){.job = job, .timeout = _i < 2 ? PTJ_INFINITE : PATIENCE_MS};
	caller_start(&c, calls[_i % 2]);
	caller_await_blocked(&c);
	pthread_cancel(c.thread);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_int_eq(ptj_job_active(job), 1);
	ck_assert_int_eq(caller_done(&other), 0);
	gate_open(&gate);
	ok(caller_join(&other));
	expect_result(job, &gate);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* Those with timeouts of their own neither wake nor disturb each other. */
START_TEST(impatient_waiters_leave_while_others_stay)
{
	ptj_scheduler *s = make_simple(1, 1);
	struct caller c[WAITERS];
	ptj_job *job;

	gate_init(&gate);
	job = spawn(s, job_at_gate, &gate);
	for (int i = 0; i < WAITERS; i++) {
		c[i] = (struct caller){.job = job, .timeout = i % 2 ? SHORT_MS : PTJ_INFINITE};
		caller_start(&c[i], call_poll);
	}
	for (int i = 1; i < WAITERS; i += 2)
		expect(ETIMEDOUT, caller_join(&c[i]));
	ck_assert_int_eq(ptj_job_active(job), 1);
	gate_open(&gate);
	for (int i = 0; i < WAITERS; i += 2)
		ok(caller_join(&c[i]));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

struct selfish {
	int wait, poll, close;
};

static void *job_wait_for_itself(void *arg)
{
	struct selfish *codes = arg;

	codes->wait = ptj_job_wait(ptj_job_self(), PTJ_INFINITE, NULL);
	codes->poll = ptj_job_poll(ptj_job_self(), SHORT_MS, NULL);
	codes->close = ptj_job_close(ptj_job_self(), PTJ_INFINITE);
	return ptj_job_cancelled() ? NULL : arg;
}

START_TEST(waiting_for_oneself_is_edeadlk)
{
	struct setup u = setup_number(_i);
	ptj_scheduler *s = make(&u);
	struct selfish codes = {0};
	ptj_job *job = spawn(s, job_wait_for_itself, &codes);

	expect_result(job, &codes);
	expect(EDEADLK, codes.wait);
	expect(EDEADLK, codes.poll);
	expect(EDEADLK, codes.close);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

/* ---- Waiting for all ------------------------------------------------------------------------ */

START_TEST(scheduler_wait_leaves_it_open)
{
	ptj_scheduler *s = make_simple(2, 0);
	struct caller c = {.s = s, .timeout = PTJ_INFINITE};
	int64_t start;

	ok(ptj_scheduler_wait(s, 0));
	gate_init(&gate);
	spawn_n(s, 5, job_at_gate, &gate);
	expect(ETIMEDOUT, ptj_scheduler_wait(s, 0));
	start = now_ms();
	expect(ETIMEDOUT, ptj_scheduler_wait(s, SHORT_MS));
	expect_took(start, SHORT_MS);
	ck_assert_uint_eq(ptj_scheduler_len(s), 5);
	caller_start(&c, call_scheduler_wait);
	caller_await_blocked(&c);
	gate_open(&gate);
	ok(caller_join(&c));
	ck_assert_int_eq(gate_passed(&gate), 5);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_int_eq(ptj_scheduler_closed(s), 0);
	spawn_n(s, 1, job_at_gate, &gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(cancelled_scheduler_wait_leaves_everything_alone)
{
	ptj_scheduler *s = make_simple(1, 1);
	struct caller c = {.s = s, .timeout = _i ? PATIENCE_MS : PTJ_INFINITE};

	gate_init(&gate);
	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	caller_start(&c, call_scheduler_wait);
	caller_await_blocked(&c);
	pthread_cancel(c.thread);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_int_eq(ptj_scheduler_closed(s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 1);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_job_ends_in_each_way, 0, MODES * ENDINGS);
	tcase_add_loop_test(tc, with_explicit_result_silence_is_a_failure, 0, ENDINGS);
	tcase_add_test(tc, while_it_runs_there_is_no_error);
	tcase_add_test(tc, poll_leaves_the_job_alone);
	tcase_add_loop_test(tc, wait_closes_the_job_when_its_time_is_over, 0, 2);
	tcase_add_test(tc, wait_on_a_stubborn_job_returns_after_timeout_and_close_timeout);
	tcase_add_test(tc, wait_drops_a_pending_job_when_its_time_is_over);
	tcase_add_loop_test(tc, a_wait_of_a_century_waits, 0, 2);
	tcase_add_test(tc, all_waiters_get_the_same_result);
	tcase_add_test(tc, all_waiters_hear_of_the_failure_and_the_handler_does_not);
	tcase_add_loop_test(tc, all_waiters_hear_of_the_cancellation, 0, 2);
	tcase_add_loop_test(tc, cancelled_waiter_leaves_the_job_alone, 0, 4);
	tcase_add_test(tc, impatient_waiters_leave_while_others_stay);
	tcase_add_loop_test(tc, waiting_for_oneself_is_edeadlk, 0, SETUPS);
	tcase_add_test(tc, scheduler_wait_leaves_it_open);
	tcase_add_loop_test(tc, cancelled_scheduler_wait_leaves_everything_alone, 0, 2);
}

int main(void)
{
	return run_tests("wait", add);
}
