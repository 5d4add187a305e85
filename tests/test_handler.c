/* The exception handler: who hears of what, exactly once, and what the default one writes.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <sched.h>

static struct gate gate;
static struct reports reports, others;

static ptj_scheduler *make_here(struct setup u)
{
	gate_init(&gate);
	reports_init(&reports);
	reports_init(&others);
	u.reports = &reports;
	return make(&u);
}

static void free_here(ptj_scheduler *s)
{
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

/* ---- Exactly once --------------------------------------------------------------------------- */

START_TEST(unobserved_failure_is_reported_once)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	struct reported r;

	ok(ptj_spawn(s, job_fail_eio, NULL, NULL));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 1);
	r = report_at(&reports, 0);
	ck_assert_ptr_eq(r.scheduler, s);
	ck_assert_str_eq(r.message, PROCESSING_FAILED);
	ck_assert_uint_eq(r.job_id, 1);
	ck_assert_int_eq(r.error, EIO);
	ck_assert_int_eq(r.has_error_message, 1);
	ck_assert_str_eq(r.error_message, "disk on fire");
	/* The job is closed and has its error already. */
	ck_assert_int_eq(r.job_closed, 1);
	ck_assert_int_eq(r.job_error, EIO);
	ck_assert_int_eq(r.has_traceback, 0);
	ck_assert_uint_eq(r.traceback_len, 0);
	ck_assert_int_eq(r.cancel_state, PTHREAD_CANCEL_DISABLE);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 1);
}
END_TEST

static void *job_fail_silently(void *arg)
{
	(void)arg;
	return ptj_job_fail(ENOSPC, NULL);
}

START_TEST(failure_without_a_text_has_none)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));

	spawn_n(s, 1, job_fail_silently, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(report_at(&reports, 0).error, ENOSPC);
	ck_assert_int_eq(report_at(&reports, 0).has_error_message, 0);
	free_here(s);
}
END_TEST

START_TEST(each_of_many_is_reported)
{
	enum { N = 100 };
	ptj_scheduler *s = make_here(setup_number(_i));

	for (int i = 0; i < N; i++)
		spawn_n(s, 1, i % 2 ? job_fail_eio : job_identity, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_with(&reports, PROCESSING_FAILED), N / 2);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), N / 2);
}
END_TEST

static void *job_fail_at_gate(void *arg)
{
	gate_pass_stubborn(arg);
	return ptj_job_fail(EIO, NULL);
}

static int poll_once(struct caller *c)
{
	return ptj_job_poll(c->job, 0, NULL);
}

static int close_once(struct caller *c)
{
	return ptj_job_close(c->job, 0);
}

/* Having asked once is enough, also where the answer was not waited for. */
START_TEST(who_asked_by_then_is_told_and_the_handler_is_not)
{
	static int (*const asks[])(struct caller *) = {poll_once, close_once, call_wait};
	ptj_scheduler *s = make_here(setup_of(1, 0));
	struct caller c = {.job = spawn(s, job_fail_at_gate, &gate), .timeout = PTJ_INFINITE};

	gate_await(&gate, 1);
	caller_start(&c, asks[_i]);
	if (_i == 2) {
		caller_await_blocked(&c);
		/* Another one asks, too, who loses patience. */
		expect(ETIMEDOUT, ptj_job_poll(c.job, 1, NULL));
	} else {
		expect(ETIMEDOUT, caller_join(&c));
	}
	gate_open(&gate);
	if (_i == 2)
		expect(PTJ_EFAILED, caller_join(&c));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 0);
	ck_assert_int_eq(ptj_job_error(c.job), EIO);
	ptj_job_unref(c.job);
	free_here(s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

START_TEST(a_handle_alone_does_not_observe)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));
	ptj_job *job = spawn(s, job_fail_eio, NULL);

	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 1);
	expect(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

/* Observation and failure race: told is the one or the other, and never both or neither. */
START_TEST(observer_or_handler_hears_of_it)
{
	enum { ROUNDS = REPORT_MAX };
	ptj_scheduler *s = make_here(setup_of(1, 0));

	for (int i = 0; i < ROUNDS; i++) {
		ptj_job *job = spawn(s, job_fail_eio, NULL);

		if (i % 2)
			sched_yield();
		expect(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
		ptj_job_unref(job);
	}
	ck_assert_uint_le(reports_count(&reports), ROUNDS);
	ck_assert_uint_eq(reports_with(&reports, PROCESSING_FAILED), reports_count(&reports));
	free_here(s);
}
END_TEST

/* ---- The scheduler's handler ---------------------------------------------------------------- */

START_TEST(handler_is_set_got_and_called)
{
	ptj_context context = {.message = "something else", .error = EPROTO};
	ptj_scheduler *s = make_here(setup_of(1, 0));
	void *user = NULL;

	ck_assert(ptj_scheduler_get_exception_handler(s, &user) == reports_handler);
	ck_assert_ptr_eq(user, &reports);
	ok(ptj_scheduler_call_exception_handler(s, &context));
	ck_assert_str_eq(report_at(&reports, 0).message, "something else");
	ck_assert_int_eq(report_at(&reports, 0).error, EPROTO);
	ck_assert_ptr_eq(report_at(&reports, 0).scheduler, s);
	expect(EINVAL, ptj_scheduler_call_exception_handler(s, NULL));

	ok(ptj_scheduler_set_exception_handler(s, reports_handler, &others));
	ck_assert(ptj_scheduler_get_exception_handler(s, &user) == reports_handler);
	ck_assert_ptr_eq(user, &others);
	spawn_n(s, 1, job_fail_eio, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_uint_eq(reports_count(&others), 1);
	ok(ptj_scheduler_set_exception_handler(s, NULL, NULL));
	ck_assert(ptj_scheduler_get_exception_handler(s, NULL) == NULL);
	free_here(s);
}
END_TEST

enum { FAILURES = 3000 };

static int spawn_failures(struct caller *c)
{
	int code = 0;

	for (int i = 0; i < FAILURES && !code; i++)
		code = ptj_spawn(c->s, job_fail_eio, NULL, NULL);
	return code;
}

/* A handler always gets its own argument, and no report is lost. */
START_TEST(replaced_while_jobs_fail_none_is_lost)
{
	ptj_scheduler *s = make_here(setup_of(2, 100));
	struct caller c = {.s = s};

	caller_start(&c, spawn_failures);
	/* valgrind runs one thread at a time, which would be this one for long. */
	for (int i = 0; !caller_done(&c); i++, sched_yield())
		ok(ptj_scheduler_set_exception_handler(s, reports_handler,
		                                       i % 2 ? &reports : &others));
	ok(caller_join(&c));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports) + reports_count(&others), FAILURES);
	free_here(s);
}
END_TEST

static void handler_use_the_library(ptj_scheduler *s, const ptj_context *context, void *arg)
{
	struct recorder *r = arg;
	char text[64];

	record(r, ptj_job_closed(context->job));
	record(r, ptj_scheduler_contains(s, context->job));
	record(r, ptj_job_describe(context->job, text, sizeof text) > 0);
	record(r, ptj_spawn(s, job_identity, NULL, NULL) == 0);
	record(r, ptj_job_poll(context->job, 0, NULL) != 0);
	ptj_job_unref(ptj_job_ref(context->job));
}

/* No lock is held while it runs, and the job has not left before it returned. */
START_TEST(handler_may_use_the_library)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	static struct recorder r;

	recorder_init(&r);
	ok(ptj_scheduler_set_exception_handler(s, handler_use_the_library, &r));
	spawn_n(s, 1, job_fail_eio, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&r), 5);
	ck_assert_uint_eq(recorded_times(&r, 1), 5);
	free_here(s);
}
END_TEST

static void handler_at_gate(ptj_scheduler *s, const ptj_context *context, void *at)
{
	(void)s;
	(void)context;
	gate_pass_stubborn(at);
}

START_TEST(job_has_ended_when_the_handler_returned)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));
	struct gate later;
	ptj_job *job;

	gate_init(&later);
	ok(ptj_scheduler_set_exception_handler(s, handler_at_gate, &gate));
	job = spawn(s, job_fail_eio, NULL);
	spawn_n(s, 1, job_at_gate, &later);
	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_poll(job, SHORT_MS, NULL));
	ck_assert_int_eq(ptj_job_closed(job), 1);
	ck_assert_int_eq(ptj_job_error(job), EIO);
	ck_assert_uint_eq(ptj_scheduler_len(s), 2);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 1);
	ck_assert_int_eq(ptj_scheduler_contains(s, job), 1);
	ck_assert_int_eq(gate_arrived(&later), 0);
	gate_open(&gate);
	gate_open(&later);
	expect(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_job_unref(job);
	free_here(s);
	gate_destroy(&later);
}
END_TEST

/* ---- Debug mode ----------------------------------------------------------------------------- */

START_TEST(in_debug_mode_the_spawn_is_traced)
{
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s;

	if (_i)
		ck_assert_int_eq(setenv("PTJOBS_DEBUG", "1", 1), 0);
	else
		u.debug = 1;
	s = make_here(u);
	unsetenv("PTJOBS_DEBUG");
	spawn_n(s, 1, job_fail_eio, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(report_at(&reports, 0).has_traceback, 1);
	ck_assert_uint_gt(report_at(&reports, 0).traceback_len, 0);
	free_here(s);
}
END_TEST

START_TEST(other_values_of_the_variable_do_not_switch_it_on)
{
	ptj_scheduler *s;

	ck_assert_int_eq(setenv("PTJOBS_DEBUG", _i ? "0" : "", 1), 0);
	s = make_here(setup_of(1, 0));
	unsetenv("PTJOBS_DEBUG");
	spawn_n(s, 1, job_fail_eio, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(report_at(&reports, 0).has_traceback, 0);
	free_here(s);
}
END_TEST

/* ---- The default handler -------------------------------------------------------------------- */

enum { CAPTURED = 16384 };

static char captured[CAPTURED];
static int real_stderr, capture_fd;

static void capture_stderr(void)
{
	char path[] = "/tmp/ptjobs-test-XXXXXX";

	real_stderr = dup(2);
	capture_fd = mkstemp(path);
	ck_assert_int_ge(capture_fd, 0);
	unlink(path);
	dup2(capture_fd, 2);
}

static void restore_stderr(void)
{
	ssize_t n;

	dup2(real_stderr, 2);
	close(real_stderr);
	n = pread(capture_fd, captured, CAPTURED - 1, 0);
	close(capture_fd);
	ck_assert_int_ge(n, 0);
	captured[n] = '\0';
}

static void expect_captured(const char *text)
{
	ck_assert_msg(strstr(captured, text) != NULL, "no \"%s\" in:\n%s", text, captured);
}

/* qsort() is a caller whose name any traceback can show: the C library exports it. */
static ptj_scheduler *spawned_in;
static ptj_job_attr *spawned_with;

static int compare_and_spawn(const void *a, const void *b)
{
	(void)a;
	(void)b;
	(void)ptj_spawn_attr(spawned_in, spawned_with, job_fail_eio, NULL, PTJ_INFINITE, NULL);
	return 0;
}

START_TEST(default_handler_writes_a_readable_block)
{
	int two[2] = {0};
	struct setup u = setup_of(1, 0);
	ptj_job_attr *ja = job_attr(NULL, -1);
	ptj_scheduler *s;

	u.debug = _i;
	ok(ptj_job_attr_set_name(ja, "the-importer"));
	s = make(&u);
	spawned_in = s;
	spawned_with = ja;
	capture_stderr();
	qsort(two, 2, sizeof *two, compare_and_spawn);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	restore_stderr();
	ptj_job_attr_free(ja);
	expect_captured(PROCESSING_FAILED);
	expect_captured("the-importer");
	expect_captured("disk on fire");
	expect_captured(strerror(EIO));
	ck_assert_int_eq(captured[strlen(captured) - 1], '\n');
	if (u.debug)
		expect_captured("qsort");
	else
		ck_assert_ptr_null(strstr(captured, "qsort"));
}
END_TEST

START_TEST(default_handler_is_silent_about_success_and_cancellation)
{
	ptj_scheduler *s = make_simple(1, 0);

	gate_init(&gate);
	capture_stderr();
	spawn_n(s, 3, job_identity, NULL);
	spawn_n(s, 2, job_sleep_forever, NULL);
	ptj_scheduler_free(s);
	restore_stderr();
	ck_assert_str_eq(captured, "");
	gate_destroy(&gate);
}
END_TEST

START_TEST(default_handler_names_the_stragglers)
{
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s;
	ptj_job *job;

	u.close_timeout = SHORT_MS;
	gate_init(&gate);
	s = make(&u);
	capture_stderr();
	job = spawn(s, job_stubborn, &gate);
	ok(ptj_job_set_name(job, "the-deaf-one"));
	gate_await(&gate, 1);
	ptj_scheduler_free(s);
	restore_stderr();
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ptj_job_unref(job);
	expect_captured(CLOSING_TIMED_OUT);
	expect_captured("the-deaf-one");
	gate_destroy(&gate);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, unobserved_failure_is_reported_once, 0, SETUPS);
	tcase_add_test(tc, failure_without_a_text_has_none);
	tcase_add_loop_test(tc, each_of_many_is_reported, 0, SETUPS);
	tcase_add_loop_test(tc, who_asked_by_then_is_told_and_the_handler_is_not, 0, 3);
	tcase_add_test(tc, a_handle_alone_does_not_observe);
	tcase_add_test(tc, observer_or_handler_hears_of_it);
	tcase_add_test(tc, handler_is_set_got_and_called);
	tcase_add_test(tc, replaced_while_jobs_fail_none_is_lost);
	tcase_add_loop_test(tc, handler_may_use_the_library, 0, SETUPS);
	tcase_add_test(tc, job_has_ended_when_the_handler_returned);
	tcase_add_loop_test(tc, in_debug_mode_the_spawn_is_traced, 0, 2);
	tcase_add_loop_test(tc, other_values_of_the_variable_do_not_switch_it_on, 0, 2);
	tcase_add_loop_test(tc, default_handler_writes_a_readable_block, 0, 2);
	tcase_add_test(tc, default_handler_is_silent_about_success_and_cancellation);
	tcase_add_test(tc, default_handler_names_the_stragglers);
}

int main(void)
{
	return run_tests("handler", add);
}
