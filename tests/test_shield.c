/* Shielded functions: outside the limit and the counts, and safe from their caller's end.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct reports reports;
static struct recorder seen;

static ptj_scheduler *make_here(struct setup u)
{
	gate_init(&gate);
	recorder_init(&seen);
	reports_init(&reports);
	u.reports = &reports;
	return make(&u);
}

static void free_here(ptj_scheduler *s)
{
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

START_TEST(its_result_is_the_callers)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	void *result = NULL;

	ok(ptj_shield(s, job_identity, &gate, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ok(ptj_shield(s, job_identity, &gate, PTJ_DEFAULT, NULL));
	ok(ptj_shield(s, job_identity, &seen, PATIENCE_MS, &result));
	ck_assert_ptr_eq(result, &seen);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

static void *job_exit(void *result)
{
	pthread_exit(result);
}

START_TEST(its_exit_value_is_a_result)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	void *result = NULL;

	ok(ptj_shield(s, job_exit, &gate, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ok(ptj_shield(s, job_identity, &seen, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &seen);
	free_here(s);
}
END_TEST

START_TEST(its_failure_is_the_callers)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	void *result = &result;

	expect(PTJ_EFAILED, ptj_shield(s, job_fail_eio, NULL, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &result);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

static int visit_count(ptj_job *job, void *n)
{
	(void)job;
	++*(int *)n;
	return 0;
}

START_TEST(it_is_outside_the_limit_and_the_counts)
{
	enum { SHIELDS = 5 };
	ptj_scheduler *s = make_here(setup_of(1, 1));
	struct caller c[SHIELDS];
	ptj_job *handles[4];
	int visited = 0;

	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	for (int i = 0; i < SHIELDS; i++) {
		c[i] = (struct caller){
			.s = s, .fn = job_at_gate, .arg = &gate, .timeout = PTJ_INFINITE};
		caller_start(&c[i], call_shield);
	}
	gate_await(&gate, 1 + SHIELDS);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), SHIELDS);
	ck_assert_uint_eq(ptj_scheduler_len(s), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 0);
	ok(ptj_scheduler_foreach(s, visit_count, &visited));
	ck_assert_int_eq(visited, 1);
	ck_assert_uint_eq(ptj_scheduler_jobs(s, handles, 4), 1);
	ptj_job_unref(handles[0]);
	gate_open(&gate);
	for (int i = 0; i < SHIELDS; i++) {
		ok(caller_join(&c[i]));
		ck_assert_ptr_eq(c[i].value, &gate);
	}
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
	free_here(s);
}
END_TEST

static void *job_look_inside(void *s)
{
	record(&seen, ptj_job_self() != NULL);
	record(&seen, ptj_job_id(ptj_job_self()) == 0);
	record(&seen, !ptj_scheduler_contains(s, ptj_job_self()));
	record(&seen, ptj_job_cancelled() == 0);
	record(&seen, ptj_job_cancel_fd() >= 0);
	record(&seen, ptj_sleep(1) == 0);
	record(&seen, ptj_job_on_cancel(free, NULL) == 0);
	record(&seen, ptj_job_on_cancel(NULL, NULL) == 0);
	record(&seen, ptj_job_succeed(&gate) == 0);
	return NULL;
}

START_TEST(the_calls_of_a_job_work_in_it)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	void *result = NULL;

	ok(ptj_shield(s, job_look_inside, s, PTJ_INFINITE, &result));
	ck_assert_uint_eq(recorded(&seen), 9);
	ck_assert_uint_eq(recorded_times(&seen, 1), 9);
	ck_assert_ptr_eq(result, &gate);
	free_here(s);
}
END_TEST

/* ---- The caller goes ------------------------------------------------------------------------ */

START_TEST(timeout_releases_the_caller_only)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	void *result = NULL;
	int64_t start = now_ms();

	expect(ETIMEDOUT, ptj_shield(s, job_at_gate, &gate, SHORT_MS, &result));
	expect_took(start, SHORT_MS);
	expect(ETIMEDOUT, ptj_shield(s, job_at_gate, &gate, 0, &result));
	ck_assert_ptr_null(result);
	gate_await(&gate, 2);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 2);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(gate_passed(&gate), 2);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

START_TEST(a_cancelled_caller_goes_and_the_function_goes_on)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	struct caller c = {.s = s, .fn = job_at_gate, .arg = &gate, .timeout = PTJ_INFINITE};

	caller_start(&c, call_shield);
	gate_await(&gate, 1);
	caller_await_blocked(&c);
	pthread_cancel(c.thread);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 1);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(gate_passed(&gate), 1);
	free_here(s);
}
END_TEST

struct call_from_job {
	ptj_scheduler *s;
	ptj_job_fn fn;
};

static void *job_call_shield(void *arg)
{
	struct call_from_job *call = arg;
	void *result = NULL;
	int code = ptj_shield(call->s, call->fn, &gate, PTJ_INFINITE, &result);

	record(&seen, code);
	return code == EINTR ? ptj_job_fail(ECANCELED, NULL) : result;
}

/* What a shield is for: the job that called is closed, what it called is not. */
START_TEST(a_closed_job_goes_and_the_function_goes_on)
{
	struct setup u = setup_number(_i);
	ptj_scheduler *s = make_here(u);
	struct call_from_job call = {.s = s, .fn = job_at_gate};
	ptj_job *job;

	/* A masked job ends only where it says; it is not what is tested here. */
	if (u.mode == PTJ_CANCEL_MASKED) {
		call.fn = job_identity;
		gate_open(&gate);
	}
	job = spawn(s, job_call_shield, &call);
	if (u.mode == PTJ_CANCEL_MASKED) {
		ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	} else {
		gate_await(&gate, 1);
		ok(ptj_job_close(job, PTJ_INFINITE));
		expect(ECANCELED, ptj_job_wait(job, 0, NULL));
		ck_assert_uint_eq(ptj_scheduler_len(s), 0);
		ck_assert_uint_eq(ptj_scheduler_shield_count(s), 1);
		gate_open(&gate);
		ok(ptj_scheduler_wait(s, PTJ_INFINITE));
		ck_assert_int_eq(gate_passed(&gate), 1);
	}
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void *job_fail_at_gate(void *arg)
{
	gate_pass(arg);
	return ptj_job_fail(EIO, "nobody waits");
}

START_TEST(with_nobody_left_the_handler_hears_of_a_failure)
{
	ptj_scheduler *s = make_here(setup_number(_i));

	expect(ETIMEDOUT, ptj_shield(s, job_fail_at_gate, &gate, 0, NULL));
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_str_eq(report_at(&reports, 0).message, PROCESSING_FAILED);
	ck_assert_int_eq(report_at(&reports, 0).error, EIO);
	ck_assert_str_eq(report_at(&reports, 0).error_message, "nobody waits");
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 1);
}
END_TEST

static void handler_spawn_and_wait(ptj_scheduler *s, const ptj_context *context, void *user)
{
	ptj_job *job;

	(void)user;
	record(&seen, context->error);
	record(&seen, ptj_spawn(s, job_identity, NULL, &job));
	record(&seen, ptj_job_wait(job, PTJ_INFINITE, NULL));
	ptj_job_unref(job);
}

/* On the function's thread, which has no permit to lend. */
START_TEST(that_handler_may_wait_for_jobs)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));

	ok(ptj_scheduler_set_exception_handler(s, handler_spawn_and_wait, NULL));
	expect(ETIMEDOUT, ptj_shield(s, job_fail_at_gate, &gate, 0, NULL));
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&seen, EIO), 1);
	ck_assert_uint_eq(recorded_times(&seen, 0), 2);
	free_here(s);
}
END_TEST

static void *job_known_fails_at_gate(void *job)
{
	*(ptj_job **)job = ptj_job_ref(ptj_job_self());
	return job_fail_at_gate(&gate);
}

/* Its caller is gone, and was not the only one to ask. */
START_TEST(somebody_else_who_waits_hears_of_a_failure)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	ptj_job *job = NULL;
	struct caller shield = {
		.s = s, .fn = job_known_fails_at_gate, .arg = &job, .timeout = PTJ_INFINITE};
	struct caller other = {.timeout = PTJ_INFINITE};

	caller_start(&shield, call_shield);
	gate_await(&gate, 1);
	other.job = job;
	caller_start(&other, call_poll);
	caller_await_blocked(&other);
	ck_assert_int_eq(pthread_cancel(shield.thread), 0);
	expect(CALLER_CANCELLED, caller_join(&shield));
	gate_open(&gate);
	expect(PTJ_EFAILED, caller_join(&other));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_job_unref(job);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

/* ---- The scheduler goes --------------------------------------------------------------------- */

START_TEST(close_cancels_it_and_its_caller_gets_ecanceled)
{
	struct setup u = setup_number(_i);
	ptj_scheduler *s = make_here(u);
	struct caller c = {.s = s, .fn = job_obedient, .arg = &gate, .timeout = PTJ_INFINITE};

	caller_start(&c, call_shield);
	gate_await(&gate, 1);
	ok(ptj_scheduler_close(s));
	expect(ECANCELED, caller_join(&c));
	ck_assert_int_eq(gate_passed(&gate), 0);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

START_TEST(a_stubborn_one_is_a_straggler)
{
	struct setup u = setup_number(_i);
	struct caller c = {.fn = job_stubborn, .arg = &gate, .timeout = PTJ_INFINITE};

	u.close_timeout = SHORT_MS;
	c.s = make_here(u);
	caller_start(&c, call_shield);
	gate_await(&gate, 1);
	ok(ptj_scheduler_close(c.s));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_str_eq(report_at(&reports, 0).message, CLOSING_TIMED_OUT);
	ck_assert_uint_eq(ptj_scheduler_shield_count(c.s), 0);
	gate_open(&gate);
	/* Its caller, if it is still there, has the real result. */
	await(caller_done(&c));
	(void)caller_join(&c);
	await(gate_passed(&gate) == 1);
	free_here(c.s);
	ck_assert_uint_eq(reports_count(&reports), 1);
}
END_TEST

static void *job_give_a_handle(void *job)
{
	*(ptj_job **)job = ptj_job_ref(ptj_job_self());
	return job_stubborn(&gate) ? job : NULL;
}

/* The scheduler has given it up, and its caller has gone: it has not ended. */
START_TEST(who_waits_for_a_straggler_waits_on)
{
	struct setup u = setup_of(1, 0);
	struct caller shield = {.fn = job_give_a_handle, .timeout = PTJ_INFINITE}, c[2];
	ptj_job *job = NULL;
	ptj_scheduler *s;

	u.close_timeout = SHORT_MS;
	u.mode = _i;
	shield.s = s = make_here(u);
	shield.arg = &job;
	caller_start(&shield, call_shield);
	gate_await(&gate, 1);
	for (int i = 0; i < 2; i++) {
		c[i] = (struct caller){.job = job, .timeout = PTJ_INFINITE};
		caller_start(&c[i], i ? call_close : call_poll);
		caller_await_blocked(&c[i]);
	}
	ok(ptj_scheduler_close(s));
	expect(ECANCELED, caller_join(&shield));
	for (int i = 0; i < 2; i++) {
		caller_await_blocked(&c[i]);
		ck_assert(!caller_done(&c[i]));
	}
	gate_open(&gate);
	ok(caller_join(&c[0]));
	ck_assert_ptr_eq(c[0].value, &job);
	ok(caller_join(&c[1]));
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void hook_at_gate(void *gate_of_it)
{
	gate_pass_stubborn(gate_of_it);
}

static ptj_job *reported_job;
static struct gate reported_gate;

static void keep_job(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s;
	reported_job = ptj_job_ref(context->job);
	gate_pass_stubborn(user);
}

static void *job_records(void *ran)
{
	atomic_store((atomic_int *)ran, 1);
	return NULL;
}

/* It is in its thread's hands, and so nobody else's to end. */
START_TEST(one_whose_thread_is_in_its_hook_can_be_closed)
{
	struct setup u = setup_of(1, 0);
	atomic_int ran = 0;
	struct caller shield = {.fn = job_records, .arg = &ran, .timeout = PTJ_INFINITE};
	struct caller close = {0};

	gate_init(&reported_gate);
	u.close_timeout = SHORT_MS;
	u.thread_start = hook_at_gate;
	u.thread_user = &gate;
	close.s = shield.s = make_here(u);
	ok(ptj_scheduler_set_exception_handler(close.s, keep_job, &reported_gate));
	caller_start(&shield, call_shield);
	gate_await(&gate, 1);
	caller_start(&close, call_scheduler_close);
	gate_await(&reported_gate, 1);
	expect(ECANCELED, caller_join(&shield));
	expect(ETIMEDOUT, ptj_job_close(reported_job, 0));
	gate_open(&reported_gate);
	gate_open(&gate);
	ok(caller_join(&close));
	expect(ECANCELED, ptj_job_wait(reported_job, PTJ_INFINITE, NULL));
	ptj_job_unref(reported_job);
	free_here(close.s);
	ck_assert_int_eq(atomic_load(&ran), 0);
	gate_destroy(&reported_gate);
}
END_TEST

START_TEST(an_abandoned_one_is_cancelled_by_close)
{
	ptj_scheduler *s = make_here(setup_number(_i));

	expect(ETIMEDOUT, ptj_shield(s, job_obedient, &gate, 0, NULL));
	gate_await(&gate, 1);
	ok(ptj_scheduler_close(s));
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
	ck_assert_int_eq(gate_passed(&gate), 0);
	ck_assert_uint_eq(reports_count(&reports), 0);
	free_here(s);
}
END_TEST

/* A shield in a shield, and in a job at limit 1. */
static void *job_shield_deeper(void *arg)
{
	struct call_from_job *call = arg;

	return ptj_shield(call->s, call->fn, &gate, PTJ_INFINITE, NULL) ? NULL : &gate;
}

START_TEST(shields_nest)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	struct call_from_job call = {.s = s, .fn = job_identity};
	void *result = NULL;
	ptj_job *job;

	ok(ptj_shield(s, job_shield_deeper, &call, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	result = NULL;
	job = spawn(s, job_shield_deeper, &call);
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, its_result_is_the_callers, 0, SETUPS);
	tcase_add_loop_test(tc, its_exit_value_is_a_result, 0, SETUPS);
	tcase_add_loop_test(tc, its_failure_is_the_callers, 0, SETUPS);
	tcase_add_test(tc, it_is_outside_the_limit_and_the_counts);
	tcase_add_loop_test(tc, the_calls_of_a_job_work_in_it, 0, SETUPS);
	tcase_add_loop_test(tc, timeout_releases_the_caller_only, 0, SETUPS);
	tcase_add_loop_test(tc, a_cancelled_caller_goes_and_the_function_goes_on, 0, SETUPS);
	tcase_add_loop_test(tc, a_closed_job_goes_and_the_function_goes_on, 0, SETUPS);
	tcase_add_loop_test(tc, with_nobody_left_the_handler_hears_of_a_failure, 0, SETUPS);
	tcase_add_test(tc, that_handler_may_wait_for_jobs);
	tcase_add_loop_test(tc, somebody_else_who_waits_hears_of_a_failure, 0, SETUPS);
	tcase_add_loop_test(tc, close_cancels_it_and_its_caller_gets_ecanceled, 0, SETUPS);
	tcase_add_loop_test(tc, a_stubborn_one_is_a_straggler, 0, SETUPS);
	tcase_add_loop_test(tc, who_waits_for_a_straggler_waits_on, 0, MODES);
	tcase_add_test(tc, one_whose_thread_is_in_its_hook_can_be_closed);
	tcase_add_loop_test(tc, an_abandoned_one_is_cancelled_by_close, 0, SETUPS);
	tcase_add_loop_test(tc, shields_nest, 0, SETUPS);
}

int main(void)
{
	return run_tests("shield", add);
}
