/* Release functions: once for each job that was, whatever became of it, and never for one that
   was not.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct reports reports;
static struct recorder order;

enum { FUNCTION = 1, RELEASED = 2, REPORTED = 3 };

static void release_record(void *arg)
{
	(void)arg;
	record(&order, RELEASED);
}

static ptj_scheduler *make_here(size_t limit, int mode)
{
	struct setup u = setup_of(limit, 0);

	gate_init(&gate);
	recorder_init(&order);
	reports_init(&reports);
	u.mode = mode;
	u.reports = &reports;
	return make(&u);
}

static void free_here(ptj_scheduler *s)
{
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

static ptj_job *spawn_released(ptj_scheduler *s, ptj_job_fn fn, ptj_release_fn release)
{
	ptj_job_attr *ja = job_attr(release, -1);
	ptj_job *job = spawn_with(s, ja, fn, &gate);

	ptj_job_attr_free(ja);
	return job;
}

static void *job_record_then_stay(void *arg)
{
	int code = gate_pass_obedient(arg);

	record(&order, FUNCTION);
	return code ? ptj_job_fail(code, NULL) : arg;
}

static void *job_record_and_exit(void *arg)
{
	record(&order, FUNCTION);
	pthread_exit(arg);
}

static void *job_record_and_fail(void *arg)
{
	(void)arg;
	record(&order, FUNCTION);
	return ptj_job_fail(EIO, NULL);
}

static void handler_record(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s;
	(void)context;
	(void)user;
	record(&order, REPORTED);
}

/* Function, release function, handler; only then do others see that it has ended. */
START_TEST(it_comes_after_the_function_and_before_the_report)
{
	ptj_scheduler *s = make_here(1, _i);

	ok(ptj_scheduler_set_exception_handler(s, handler_record, NULL));
	ptj_job_unref(spawn_released(s, job_record_and_fail, release_record));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&order), 3);
	ck_assert_int_eq(recorded_at(&order, 0), FUNCTION);
	ck_assert_int_eq(recorded_at(&order, 1), RELEASED);
	ck_assert_int_eq(recorded_at(&order, 2), REPORTED);
	free_here(s);
}
END_TEST

START_TEST(it_is_over_when_wait_returns)
{
	static const ptj_job_fn fns[] = {job_identity, job_record_and_exit, job_fail_eio};
	ptj_scheduler *s = make_here(2, _i);
	int code;

	for (size_t i = 0; i < 300; i++) {
		ptj_job *job = spawn_released(s, fns[i % 3], release_record);

		code = ptj_job_wait(job, PTJ_INFINITE, NULL);
		ck_assert_uint_eq(recorded_times(&order, RELEASED), i + 1);
		ck_assert_int_eq(code, i % 3 == 2 ? PTJ_EFAILED : 0);
		ptj_job_unref(job);
	}
	free_here(s);
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 300);
}
END_TEST

START_TEST(a_cancelled_job_is_released_once)
{
	ptj_scheduler *s = make_here(1, _i);
	ptj_job *job = spawn_released(s, job_record_then_stay, release_record);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 1);
	ptj_job_unref(job);
	free_here(s);
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 1);
}
END_TEST

START_TEST(a_job_that_never_began_is_released_once)
{
	enum { N = 10 };
	ptj_scheduler *s = make_here(1, _i);
	ptj_job *jobs[N];

	spawn_n(s, 1, job_obedient, &gate);
	gate_await(&gate, 1);
	for (int i = 0; i < N; i++)
		jobs[i] = spawn_released(s, job_record_then_stay, release_record);
	for (int i = 0; i < N / 2; i++) {
		ok(ptj_job_close(jobs[i], 0));
		ck_assert_uint_eq(recorded(&order), i + 1);
	}
	ok(ptj_scheduler_close(s));
	ck_assert_uint_eq(recorded(&order), N);
	ck_assert_uint_eq(recorded_times(&order, RELEASED), N);
	for (int i = 0; i < N; i++)
		ptj_job_unref(jobs[i]);
	free_here(s);
	ck_assert_uint_eq(recorded(&order), N);
}
END_TEST

START_TEST(a_straggler_is_released_when_it_ends)
{
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s;
	ptj_job *job;

	gate_init(&gate);
	recorder_init(&order);
	reports_init(&reports);
	u.mode = _i;
	u.close_timeout = 0;
	u.reports = &reports;
	s = make(&u);
	job = spawn_released(s, job_stubborn, release_record);
	gate_await(&gate, 1);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(recorded(&order), 0);
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(recorded(&order), 1);
	ptj_job_unref(job);
	gate_destroy(&gate);
}
END_TEST

START_TEST(a_handle_keeps_the_job_but_not_its_argument)
{
	ptj_scheduler *s = make_here(1, 0);
	ptj_job *job = spawn_released(s, job_identity, release_record);

	ck_assert_ptr_eq(ptj_job_ref(job), job);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 1);
	ptj_job_unref(job);
	ok(ptj_job_wait(job, 0, NULL));
	ptj_job_unref(job);
	free_here(s);
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 1);
}
END_TEST

static void release_at_gate(void *arg)
{
	record(&order, RELEASED);
	gate_pass(arg); /* a cancellation point */
	record(&order, RELEASED);
}

/* The job has not ended before its release function returned. */
START_TEST(a_slow_one_holds_the_end_of_the_job)
{
	ptj_scheduler *s = make_here(1, _i);
	ptj_job *job = spawn_released(s, job_identity, release_at_gate);

	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_poll(job, SHORT_MS, NULL));
	ck_assert_uint_eq(ptj_scheduler_len(s), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 1);
	ck_assert_int_eq(ptj_scheduler_contains(s, job), 1);
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 2);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

/* The function is over, so a close that comes now has nothing to cancel. */
START_TEST(a_close_does_not_cancel_it)
{
	ptj_scheduler *s = make_here(1, _i);
	ptj_job *job = spawn_released(s, job_identity, release_at_gate);
	void *result = NULL;
	int code;

	gate_await(&gate, 1);
	code = ptj_job_close(job, 0);
	ck_assert_msg(code == ETIMEDOUT || code == 0, "%s", ptj_strerror(code));
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 2);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static ptj_scheduler *spawned_in;

static void release_spawn(void *arg)
{
	record(&order, RELEASED);
	if (ptj_spawn(spawned_in, job_identity, arg, NULL) == 0)
		record(&order, REPORTED);
}

START_TEST(it_may_use_the_library)
{
	spawned_in = make_here(1, _i);
	ptj_job_unref(spawn_released(spawned_in, job_identity, release_spawn));
	ok(ptj_scheduler_wait(spawned_in, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&order, RELEASED), 1);
	ck_assert_uint_eq(recorded_times(&order, REPORTED), 1);
	free_here(spawned_in);
}
END_TEST

static void release_look(void *job)
{
	record(&order, ptj_job_closed(*(ptj_job **)job));
}

/* Closed is true only from the end, or a close; the release function belongs to the end. */
START_TEST(a_job_being_closed_is_closed_in_it)
{
	ptj_scheduler *s = make_here(1, _i);
	ptj_job_attr *ja = job_attr(release_look, -1);
	static ptj_job *job;

	spawn_n(s, 1, job_obedient, &gate);
	gate_await(&gate, 1);
	job = spawn_with(s, ja, job_identity, &job);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&order, 1), 1);
	ptj_job_attr_free(ja);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, it_comes_after_the_function_and_before_the_report, 0, MODES);
	tcase_add_loop_test(tc, it_is_over_when_wait_returns, 0, MODES);
	tcase_add_loop_test(tc, a_cancelled_job_is_released_once, 0, MODES);
	tcase_add_loop_test(tc, a_job_that_never_began_is_released_once, 0, MODES);
	tcase_add_loop_test(tc, a_straggler_is_released_when_it_ends, 0, MODES);
	tcase_add_test(tc, a_handle_keeps_the_job_but_not_its_argument);
	tcase_add_loop_test(tc, a_slow_one_holds_the_end_of_the_job, 0, MODES);
	tcase_add_loop_test(tc, a_close_does_not_cancel_it, 0, MODES);
	tcase_add_loop_test(tc, it_may_use_the_library, 0, MODES);
	tcase_add_loop_test(tc, a_job_being_closed_is_closed_in_it, 0, MODES);
}

int main(void)
{
	return run_tests("release", add);
}
