/* Closing the scheduler: what becomes of pending, running, stubborn and shielded work, who may
   close, and in what time.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct reports reports;
static struct recorder released;

static void release_record(void *what)
{
	record(&released, (intptr_t)what);
}

static ptj_scheduler *make_here(struct setup u)
{
	gate_init(&gate);
	recorder_init(&released);
	reports_init(&reports);
	u.reports = &reports;
	return make(&u);
}

static void spawn_released(ptj_scheduler *s, size_t n, ptj_job_fn fn)
{
	ptj_job_attr *ja = job_attr(release_record, -1);

	while (n--)
		ok(ptj_spawn_attr(s, ja, fn, &gate, PTJ_INFINITE, NULL));
	ptj_job_attr_free(ja);
}

static void expect_nothing_left(ptj_scheduler *s)
{
	ck_assert_int_eq(ptj_scheduler_closed(s), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 0);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
}

static void free_here(ptj_scheduler *s)
{
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

START_TEST(closing_an_idle_scheduler_twice_is_fine)
{
	ptj_scheduler *s = make_here(setup_number(_i));

	ck_assert_int_eq(ptj_scheduler_closed(s), 0);
	ok(ptj_scheduler_close(s));
	expect_nothing_left(s);
	ok(ptj_scheduler_close(s));
	ok(ptj_scheduler_wait_and_close(s, PTJ_DEFAULT));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

START_TEST(running_jobs_are_cancelled_and_pending_ones_dropped)
{
	struct setup u = setup_number(_i);
	size_t active = u.limit ? u.limit : 5;
	size_t pending = u.limit ? (u.pending_limit ? u.pending_limit : 64) : 0;
	ptj_scheduler *s = make_here(u);

	spawn_released(s, active, job_obedient);
	gate_await(&gate, (int)active);
	spawn_released(s, pending, job_obedient);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), pending);
	ok(ptj_scheduler_close(s));
	expect_nothing_left(s);
	ck_assert_uint_eq(recorded(&released), active + pending);
	ck_assert_int_eq(gate_arrived(&gate), (int)active);
	ck_assert_int_eq(gate_passed(&gate), 0);
	free_here(s);
	ck_assert_uint_eq(recorded(&released), active + pending);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

/* aiojobs starts each of them only to cancel it. */
START_TEST(thousands_of_pending_jobs_are_dropped_untouched)
{
	enum { N = 20000 };
	ptj_scheduler *s = make_here(setup_of(1, 0));
	ptj_job *last;

	spawn_n(s, 1, job_obedient, &gate);
	gate_await(&gate, 1);
	spawn_released(s, N, job_stubborn);
	last = spawn(s, job_stubborn, &gate);
	ok(ptj_scheduler_close(s));
	expect_nothing_left(s);
	ck_assert_uint_eq(recorded(&released), N);
	ck_assert_int_eq(gate_arrived(&gate), 1);
	ck_assert_int_eq(ptj_job_closed(last), 1);
	expect(ECANCELED, ptj_job_wait(last, PTJ_INFINITE, NULL));
	ptj_job_unref(last);
	free_here(s);
}
END_TEST

static void *job_fail_when_closed(void *arg)
{
	return gate_pass_obedient(arg) ? ptj_job_fail(EPIPE, "no answer") : arg;
}

/* Obeying is not reported; failing on one's own is, as nobody waits. */
START_TEST(failing_while_the_scheduler_closes_is_reported)
{
	struct setup u = setup_of(2, 0);
	ptj_scheduler *s;

	u.mode = PTJ_CANCEL_COOPERATIVE;
	s = make_here(u);
	spawn_released(s, 1, job_obedient);
	spawn_released(s, 1, job_fail_when_closed);
	gate_await(&gate, 2);
	ok(ptj_scheduler_close(s));
	expect_nothing_left(s);
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_str_eq(report_at(&reports, 0).message, PROCESSING_FAILED);
	ck_assert_int_eq(report_at(&reports, 0).error, EPIPE);
	free_here(s);
}
END_TEST

/* ---- Stragglers ----------------------------------------------------------------------------- */

START_TEST(one_deadline_serves_many_stubborn_jobs)
{
	enum { N = 20, CLOSE_MS = 300 };
	struct setup u = setup_of(0, 0);
	ptj_scheduler *s;
	int64_t start, took;

	u.close_timeout = CLOSE_MS;
	u.mode = _i;
	s = make_here(u);
	spawn_released(s, N, job_stubborn);
	gate_await(&gate, N);
	start = now_ms();
	ok(ptj_scheduler_close(s));
	took = now_ms() - start;
	ck_assert_int_ge(took, CLOSE_MS - EARLY_MS);
	ck_assert_int_lt(took, N * CLOSE_MS);
	expect_nothing_left(s);
	ck_assert_uint_eq(reports_count(&reports), N);
	ck_assert_uint_eq(reports_with(&reports, CLOSING_TIMED_OUT), N);
	ck_assert_int_eq(report_at(&reports, 0).error, ETIMEDOUT);
	ck_assert_uint_eq(recorded(&released), 0);
	ok(ptj_scheduler_close(s));
	ck_assert_uint_eq(reports_count(&reports), N);
	gate_open(&gate);
	await(recorded(&released) == N);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), N);
}
END_TEST

static void *job_stubborn_then_fail(void *arg)
{
	gate_pass_stubborn(arg);
	return ptj_job_fail(EIO, "long after");
}

START_TEST(straggler_outlives_free_and_is_not_reported_again)
{
	enum { N = 3 };
	struct setup u = setup_of(1, 0);
	ptj_job_attr *ja = job_attr(release_record, _i);
	ptj_scheduler *s;
	ptj_job *job;

	u.close_timeout = SHORT_MS;
	s = make_here(u);
	job = spawn_with(s, ja, job_stubborn_then_fail, &gate);
	ptj_job_attr_free(ja);
	gate_await(&gate, 1);
	spawn_released(s, N, job_stubborn);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_str_eq(report_at(&reports, 0).message, CLOSING_TIMED_OUT);
	ck_assert_uint_eq(report_at(&reports, 0).job_id, ptj_job_id(job));
	ck_assert_uint_eq(recorded(&released), N);
	ck_assert_int_eq(ptj_job_closed(job), 1);
	expect(ETIMEDOUT, ptj_job_poll(job, 0, NULL));

	gate_open(&gate);
	expect(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_str_eq(ptj_job_error_message(job), "long after");
	ck_assert_uint_eq(recorded(&released), N + 1);
	ck_assert_uint_eq(reports_count(&reports), 1);
	ptj_job_unref(job);
	gate_destroy(&gate);
}
END_TEST

START_TEST(straggler_is_reported_although_somebody_waits_or_closed_it)
{
	struct setup u = setup_of(1, 0);
	struct caller c = {.timeout = PTJ_INFINITE};
	ptj_scheduler *s;

	u.close_timeout = SHORT_MS;
	s = make_here(u);
	c.job = spawn(s, job_stubborn, &gate);
	gate_await(&gate, 1);
	if (_i) {
		expect(ETIMEDOUT, ptj_job_close(c.job, 0));
		ck_assert_uint_eq(reports_count(&reports), 0);
	}
	caller_start(&c, call_wait);
	caller_await_blocked(&c);
	ok(ptj_scheduler_close(s));
	ck_assert_uint_eq(reports_with(&reports, CLOSING_TIMED_OUT), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_int_eq(caller_done(&c), 0);
	gate_open(&gate);
	ok(caller_join(&c));
	ck_assert_ptr_eq(c.value, &gate);
	ptj_job_unref(c.job);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 1);
}
END_TEST

START_TEST(close_timeout_of_0_does_not_wait)
{
	struct setup u = setup_of(2, 0);
	ptj_scheduler *s;

	u.close_timeout = 0;
	s = make_here(u);
	spawn_released(s, 2, job_stubborn);
	gate_await(&gate, 2);
	ok(ptj_scheduler_close(s));
	expect_nothing_left(s);
	ck_assert_uint_eq(reports_with(&reports, CLOSING_TIMED_OUT), 2);
	gate_open(&gate);
	await(recorded(&released) == 2);
	free_here(s);
}
END_TEST

/* ---- Closers -------------------------------------------------------------------------------- */

START_TEST(all_closers_return_when_it_is_done)
{
	enum { N = 6 };
	struct setup u = setup_of(2, 0);
	ptj_scheduler *s;
	struct caller c[N];

	u.mode = _i;
	u.close_timeout = PTJ_INFINITE;
	s = make_here(u);
	spawn_released(s, 2, job_stubborn);
	gate_await(&gate, 2);
	for (int i = 0; i < N; i++) {
		c[i] = (struct caller){.s = s, .timeout = 0};
		caller_start(&c[i], i % 2 ? call_wait_and_close : call_scheduler_close);
	}
	for (int i = 0; i < N; i++)
		caller_await_blocked(&c[i]);
	ck_assert_int_eq(ptj_scheduler_closed(s), 1);
	expect(ESHUTDOWN, ptj_spawn(s, job_identity, NULL, NULL));
	gate_open(&gate);
	for (int i = 0; i < N; i++)
		ok(caller_join(&c[i]));
	expect_nothing_left(s);
	ck_assert_uint_eq(recorded(&released), 2);
	ck_assert_uint_eq(reports_count(&reports), 0);
	free_here(s);
}
END_TEST

static int close_with_a_cancellation_pending(struct caller *c)
{
	pthread_cancel(pthread_self());
	c->result = ptj_scheduler_close(c->s);
	c->value = c;
	pthread_testcancel();
	return 0;
}

START_TEST(close_is_not_a_cancellation_point)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	struct caller c = {.s = s};

	spawn_released(s, 1, job_obedient);
	gate_await(&gate, 1);
	caller_start(&c, close_with_a_cancellation_pending);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_ptr_eq(c.value, &c);
	ck_assert_int_eq(c.result, 0);
	expect_nothing_left(s);
	free_here(s);
}
END_TEST

enum { RACE_SPAWNERS = 4 };

static int spawn_until_shutdown(struct caller *c)
{
	int code, n = 0;

	while ((code = ptj_spawn_attr(c->s, c->attr, job_identity, &gate, PTJ_INFINITE, NULL)) == 0)
		n++;
	c->value = (void *)(intptr_t)n;
	return code;
}

/* Either close finds the job, or spawn returns ESHUTDOWN and the job never was. */
START_TEST(spawn_races_close)
{
	struct setup u = setup_number(_i);
	ptj_job_attr *ja = job_attr(release_record, -1);
	struct caller c[RACE_SPAWNERS];
	size_t spawned = 0;
	ptj_scheduler *s;

	if (u.pending_limit == 0)
		u.pending_limit = 1000;
	if (u.limit == 0)
		u.limit = 30;
	s = make_here(u);
	for (int i = 0; i < RACE_SPAWNERS; i++) {
		c[i] = (struct caller){.s = s, .attr = ja};
		caller_start(&c[i], spawn_until_shutdown);
	}
	await(recorded(&released) > 20);
	ok(ptj_scheduler_close(s));
	expect_nothing_left(s);
	for (int i = 0; i < RACE_SPAWNERS; i++) {
		expect(ESHUTDOWN, caller_join(&c[i]));
		spawned += (size_t)(intptr_t)c[i].value;
	}
	ck_assert_uint_eq(recorded(&released), spawned);
	ck_assert_uint_eq(reports_count(&reports), 0);
	ptj_job_attr_free(ja);
	free_here(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, closing_an_idle_scheduler_twice_is_fine, 0, SETUPS);
	tcase_add_loop_test(tc, running_jobs_are_cancelled_and_pending_ones_dropped, 0, SETUPS);
	tcase_add_test(tc, thousands_of_pending_jobs_are_dropped_untouched);
	tcase_add_test(tc, failing_while_the_scheduler_closes_is_reported);
	tcase_add_loop_test(tc, one_deadline_serves_many_stubborn_jobs, 0, MODES);
	tcase_add_loop_test(tc, straggler_outlives_free_and_is_not_reported_again, 0, MODES);
	tcase_add_loop_test(tc, straggler_is_reported_although_somebody_waits_or_closed_it, 0, 2);
	tcase_add_test(tc, close_timeout_of_0_does_not_wait);
	tcase_add_loop_test(tc, all_closers_return_when_it_is_done, 0, MODES);
	tcase_add_loop_test(tc, close_is_not_a_cancellation_point, 0, SETUPS);
	tcase_add_loop_test(tc, spawn_races_close, 0, SETUPS);
}

int main(void)
{
	return run_tests("close", add);
}
