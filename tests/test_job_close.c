/* Closing one job: pending, running or over, obedient or not, in each cancellation mode.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct reports reports;
static struct recorder released;

static void release_record(void *what)
{
	record(&released, (intptr_t)what);
}

static ptj_scheduler *make_here(int mode, int64_t close_timeout)
{
	struct setup u = setup_of(2, 10);

	gate_init(&gate);
	recorder_init(&released);
	reports_init(&reports);
	u.mode = mode;
	u.close_timeout = close_timeout;
	u.reports = &reports;
	return make(&u);
}

static ptj_job *spawn_released(ptj_scheduler *s, ptj_job_fn fn)
{
	ptj_job_attr *ja = job_attr(release_record, -1);
	ptj_job *job = spawn_with(s, ja, fn, &gate);

	ptj_job_attr_free(ja);
	return job;
}

static void free_here(ptj_scheduler *s, ptj_job *job)
{
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

/* It is over, it was cancelled, it was released once, and nobody was told. */
static void expect_cancelled(ptj_scheduler *s, ptj_job *job)
{
	void *untouched = &untouched, *result = untouched;

	ck_assert_int_eq(ptj_job_closed(job), 1);
	ck_assert_int_eq(ptj_job_active(job), 0);
	ck_assert_int_eq(ptj_job_pending(job), 0);
	ck_assert_int_eq(ptj_job_error(job), ECANCELED);
	ck_assert_ptr_null(ptj_job_error_message(job));
	ck_assert_int_eq(ptj_scheduler_contains(s, job), 0);
	ck_assert_uint_eq(recorded(&released), 1);
	ck_assert_int_eq(recorded_at(&released, 0), (intptr_t)&gate);
	expect(ECANCELED, ptj_job_poll(job, 0, &result));
	expect(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, untouched);
	ok(ptj_job_close(job, 0));
	ck_assert_uint_eq(reports_count(&reports), 0);
}

START_TEST(running_job_is_cancelled)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_obedient);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	expect_cancelled(s, job);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_int_eq(gate_passed(&gate), 0);
	free_here(s, job);
}
END_TEST

START_TEST(pending_job_is_dropped_without_running)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job;

	spawn_n(s, 2, job_obedient, &gate);
	gate_await(&gate, 2);
	job = spawn_released(s, job_obedient);
	ck_assert_int_eq(ptj_job_pending(job), 1);
	ok(ptj_job_close(job, 0));
	expect_cancelled(s, job);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 2);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 2);
	ck_assert_int_eq(gate_arrived(&gate), 2);
	free_here(s, job);
}
END_TEST

START_TEST(job_that_is_over_keeps_its_result)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_identity);
	void *result = NULL;

	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_job_close(job, 0));
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ck_assert_int_eq(ptj_job_error(job), 0);
	ck_assert_uint_eq(recorded(&released), 1);
	free_here(s, job);
}
END_TEST

START_TEST(failed_job_that_is_over_closes_with_0)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_fail_eio);

	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ok(ptj_job_close(job, PTJ_INFINITE));
	expect(PTJ_EFAILED, ptj_job_wait(job, 0, NULL));
	ck_assert_int_eq(ptj_job_error(job), EIO);
	/* It ended unobserved, before the close. */
	ck_assert_uint_eq(reports_with(&reports, PROCESSING_FAILED), 1);
	free_here(s, job);
}
END_TEST

/* ---- Stubborn jobs -------------------------------------------------------------------------- */

/* The close returned ETIMEDOUT: the job is closed, but there, and nobody else was told. */
static void expect_straggling(ptj_scheduler *s, ptj_job *job)
{
	ck_assert_int_eq(ptj_job_closed(job), 1);
	ck_assert_int_eq(ptj_job_active(job), 0);
	ck_assert_int_eq(ptj_job_error(job), 0);
	ck_assert_int_eq(ptj_scheduler_contains(s, job), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 1);
	ck_assert_uint_eq(recorded(&released), 0);
	ck_assert_uint_eq(reports_count(&reports), 0);
	expect(ETIMEDOUT, ptj_job_poll(job, 0, NULL));
}

START_TEST(stubborn_job_outlasts_each_timeout_and_has_its_real_result)
{
	ptj_scheduler *s = make_here(_i, SHORT_MS);
	ptj_job *job = spawn_released(s, job_stubborn);
	void *result = NULL;
	int64_t start;

	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	expect_straggling(s, job);
	start = now_ms();
	expect(ETIMEDOUT, ptj_job_close(job, SHORT_MS));
	expect_took(start, SHORT_MS);
	start = now_ms();
	expect(ETIMEDOUT, ptj_job_close(job, PTJ_DEFAULT));
	expect_took(start, SHORT_MS);
	expect_straggling(s, job);

	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ck_assert_int_eq(ptj_job_error(job), 0);
	ck_assert_uint_eq(recorded(&released), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_uint_eq(reports_count(&reports), 0);
	free_here(s, job);
}
END_TEST

START_TEST(close_without_a_timeout_waits_for_the_stubborn)
{
	ptj_scheduler *s = make_here(_i, 0);
	ptj_job *job = spawn_released(s, job_stubborn);
	struct caller c = {.job = job, .timeout = PTJ_INFINITE};

	gate_await(&gate, 1);
	caller_start(&c, call_close);
	caller_await_blocked(&c);
	ck_assert_int_eq(ptj_job_closed(job), 1);
	gate_open(&gate);
	ok(caller_join(&c));
	ok(ptj_job_wait(job, 0, NULL));
	free_here(s, job);
}
END_TEST

START_TEST(close_with_0_begins_and_poll_follows)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_obedient);
	int code;

	gate_await(&gate, 1);
	code = ptj_job_close(job, 0);
	ck_assert_msg(code == 0 || code == ETIMEDOUT, "%s", ptj_strerror(code));
	ck_assert_int_eq(ptj_job_closed(job), 1);
	expect(ECANCELED, ptj_job_poll(job, PTJ_INFINITE, NULL));
	expect_cancelled(s, job);
	free_here(s, job);
}
END_TEST

/* ---- Jobs that answer a close in their own way ---------------------------------------------- */

static void *job_fail_when_closed(void *arg)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return gate_pass_obedient(arg) ? ptj_job_fail(EPIPE, "no answer") : arg;
}

static void *job_return_when_closed(void *arg)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	gate_pass_obedient(arg);
	return &released;
}

static void *job_exit_when_closed(void *arg)
{
	job_return_when_closed(arg);
	pthread_exit(&released);
}

static void *job_obey_with_a_text(void *arg)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	gate_pass_obedient(arg);
	return ptj_job_fail(ECANCELED, "as you wish");
}

START_TEST(failing_on_its_own_meanwhile_is_told_the_closer_only)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_fail_when_closed);

	gate_await(&gate, 1);
	expect(PTJ_EFAILED, ptj_job_close(job, PTJ_INFINITE));
	ck_assert_int_eq(ptj_job_error(job), EPIPE);
	ck_assert_str_eq(ptj_job_error_message(job), "no answer");
	expect(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&released), 1);
	ck_assert_uint_eq(reports_count(&reports), 0);
	free_here(s, job);
}
END_TEST

START_TEST(finishing_in_spite_of_it_is_a_real_result)
{
	static const ptj_job_fn fns[] = {job_return_when_closed, job_exit_when_closed};
	ptj_scheduler *s = make_here(_i % MODES, PATIENCE_MS);
	ptj_job *job = spawn_released(s, fns[_i / MODES]);
	void *result = NULL;

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &released);
	ck_assert_int_eq(ptj_job_error(job), 0);
	free_here(s, job);
}
END_TEST

START_TEST(failing_with_ecanceled_is_a_cancellation)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_obey_with_a_text);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	expect(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_int_eq(ptj_job_error(job), ECANCELED);
	ck_assert_uint_eq(reports_count(&reports), 0);
	free_here(s, job);
}
END_TEST

static void *job_fail_ecanceled(void *arg)
{
	(void)arg;
	return ptj_job_fail(ECANCELED, "unasked");
}

/* Without a close it is a failure like any other. */
START_TEST(failing_with_ecanceled_unasked_is_a_failure)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_fail_ecanceled);

	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_with(&reports, PROCESSING_FAILED), 1);
	ck_assert_int_eq(report_at(&reports, 0).error, ECANCELED);
	expect(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_str_eq(ptj_job_error_message(job), "unasked");
	free_here(s, job);
}
END_TEST

/* ---- Closers -------------------------------------------------------------------------------- */

START_TEST(all_closers_return_when_it_is_over)
{
	enum { CLOSERS = 8 };
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_stubborn);
	struct caller c[CLOSERS];

	gate_await(&gate, 1);
	for (int i = 0; i < CLOSERS; i++) {
		c[i] = (struct caller){.job = job, .timeout = i % 2 ? PTJ_DEFAULT : PTJ_INFINITE};
		caller_start(&c[i], call_close);
	}
	for (int i = 0; i < CLOSERS; i++)
		caller_await_blocked(&c[i]);
	gate_open(&gate);
	for (int i = 0; i < CLOSERS; i++)
		ok(caller_join(&c[i]));
	ck_assert_uint_eq(recorded(&released), 1);
	free_here(s, job);
}
END_TEST

static int close_with_a_cancellation_pending(struct caller *c)
{
	pthread_cancel(pthread_self());
	c->value = (void *)(intptr_t)ptj_job_close(c->job, PTJ_INFINITE);
	c->spawned = c->job;
	pthread_testcancel();
	return 0;
}

START_TEST(close_is_not_a_cancellation_point)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	ptj_job *job = spawn_released(s, job_obedient);
	struct caller c = {.job = job};

	gate_await(&gate, 1);
	caller_start(&c, close_with_a_cancellation_pending);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_ptr_eq(c.spawned, job);
	ck_assert_ptr_null(c.value);
	expect_cancelled(s, job);
	free_here(s, job);
}
END_TEST

/* Whatever the moment, the job either ran to its end, was cancelled in it, or never began. */
START_TEST(closing_at_once_is_consistent)
{
	enum { ROUNDS = 300 };
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);

	gate_open(&gate);
	for (int i = 0; i < ROUNDS; i++) {
		ptj_job *job = spawn_released(s, job_at_gate);
		void *result = NULL;
		int code;

		ok(ptj_job_close(job, PTJ_INFINITE));
		ck_assert_uint_eq(recorded(&released), i + 1);
		ck_assert_uint_eq(ptj_scheduler_len(s), 0);
		code = ptj_job_wait(job, PTJ_INFINITE, &result);
		ck_assert(code == 0 || code == ECANCELED);
		ck_assert_ptr_eq(result, code ? NULL : (void *)&gate);
		ptj_job_unref(job);
	}
	ck_assert_uint_eq(reports_count(&reports), 0);
	free_here(s, NULL);
}
END_TEST

/* After a cancellation the permit is there again, and so is a thread to use it. */
START_TEST(pending_jobs_go_on_after_a_cancellation)
{
	ptj_scheduler *s = make_here(_i, PATIENCE_MS);
	struct gate open;
	ptj_job *jobs[2];

	gate_init(&open);
	gate_open(&open);
	for (int i = 0; i < 2; i++)
		jobs[i] = spawn_released(s, job_obedient);
	gate_await(&gate, 2);
	spawn_n(s, 8, job_at_gate, &open);
	for (int i = 0; i < 2; i++)
		ck_assert_int_ne(ptj_job_close(jobs[i], 0), PTJ_EFAILED);
	/* Nobody calls in for the pending jobs: they run by themselves. */
	gate_await(&open, 8);
	await(ptj_scheduler_len(s) == 0);
	expect(ECANCELED, ptj_job_poll(jobs[0], 0, NULL));
	ptj_job_unref(jobs[0]);
	free_here(s, jobs[1]);
	gate_destroy(&open);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, running_job_is_cancelled, 0, MODES);
	tcase_add_loop_test(tc, pending_job_is_dropped_without_running, 0, MODES);
	tcase_add_loop_test(tc, job_that_is_over_keeps_its_result, 0, MODES);
	tcase_add_loop_test(tc, failed_job_that_is_over_closes_with_0, 0, MODES);
	tcase_add_loop_test(tc, stubborn_job_outlasts_each_timeout_and_has_its_real_result, 0,
	                    MODES);
	tcase_add_loop_test(tc, close_without_a_timeout_waits_for_the_stubborn, 0, MODES);
	tcase_add_loop_test(tc, close_with_0_begins_and_poll_follows, 0, MODES);
	tcase_add_loop_test(tc, failing_on_its_own_meanwhile_is_told_the_closer_only, 0, MODES);
	tcase_add_loop_test(tc, finishing_in_spite_of_it_is_a_real_result, 0, 2 * MODES);
	tcase_add_loop_test(tc, failing_with_ecanceled_is_a_cancellation, 0, MODES);
	tcase_add_loop_test(tc, failing_with_ecanceled_unasked_is_a_failure, 0, MODES);
	tcase_add_loop_test(tc, all_closers_return_when_it_is_over, 0, MODES);
	tcase_add_loop_test(tc, close_is_not_a_cancellation_point, 0, MODES);
	tcase_add_loop_test(tc, closing_at_once_is_consistent, 0, MODES);
	tcase_add_loop_test(tc, pending_jobs_go_on_after_a_cancellation, 0, MODES);
}

int main(void)
{
	return run_tests("job_close", add);
}
