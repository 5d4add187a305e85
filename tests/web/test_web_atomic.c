/* Atomic routes: the handler is a job.  It blocks nobody, its failure is a 500 and a report, and it
   goes on when its client does not.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <stdio.h>

static struct gate gate;
static struct recorder seen;
static struct reports reports;
static struct lines lines;
static char inline_text[] = "inline";

static ptj_web_app *make_here(size_t limit, size_t pending_limit)
{
	struct setup u = setup_of(limit, pending_limit);
	ptj_web_app *app;

	gate_init(&gate);
	recorder_init(&seen);
	reports_init(&reports);
	lines_init(&lines);
	u.reports = &reports;
	app = web_app_with(u);
	ok(ptj_web_set_log(app, lines_log, &lines));
	return app;
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
}

/* The only job of app's. */
static ptj_job *only_job(ptj_web_app *app)
{
	ptj_job *job = NULL;

	ck_assert_uint_eq(ptj_scheduler_jobs(ptj_web_scheduler_from_app(app), &job, 1), 1);
	return job;
}

/* ---- It blocks nobody ----------------------------------------------------------------------- */

/* With one thread for the event loop, and with several. */
START_TEST(the_event_loop_goes_on_while_handlers_block)
{
	enum { N = 20, LIMIT = 4 };
	ptj_web_app *app = make_here(LIMIT, 0);
	ptj_scheduler *s;
	struct client blocked[N];
	uint16_t port;

	ok(ptj_web_set_threads(app, _i));
	web_atomic(app, "GET", "/blocks", handler_at_gate, &gate);
	ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
	port = web_start(app);
	s = ptj_web_scheduler_from_app(app);
	for (int i = 0; i < N; i++) {
		client_open(&blocked[i], port);
		client_request(&blocked[i], "GET", "/blocks");
	}
	gate_await(&gate, LIMIT);
	await(ptj_scheduler_len(s) == N);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), LIMIT);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), N - LIMIT);
	for (int i = 0; i < 8; i++)
		expect_get(port, "/inline", 200, "hello");
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(client_has_news(&blocked[i]), 0);
	ck_assert_int_eq(gate_arrived(&gate), LIMIT);
	gate_open(&gate);
	for (int i = 0; i < N; i++) {
		client_expect(&blocked[i], 200, "passed");
		client_close(&blocked[i]);
	}
	end_here(app);
}
END_TEST

START_TEST(one_connection_has_many_requests)
{
	ptj_web_app *app = make_here(2, 2);
	struct client c;

	web_atomic(app, "GET", "/", handler_hello, NULL);
	ok(ptj_web_route(app, "GET", "/inline", handler_hello, inline_text));
	client_open(&c, web_start(app));
	for (int i = 0; i < 100; i++) {
		client_request(&c, "GET", i % 3 ? "/" : "/inline");
		client_expect(&c, 200, i % 3 ? "hello" : "inline");
	}
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_name(ptj_web_request *r, void *user)
{
	char job[64] = "", thread[64] = "", text[160];

	(void)user;
	ptj_job_get_name(ptj_job_self(), job, sizeof job);
	pthread_getname_np(pthread_self(), thread, sizeof thread);
	snprintf(text, sizeof text, "%s %s", job, thread);
	return respond_text(r, 200, text);
}

START_TEST(the_job_has_the_name_of_its_route)
{
	ptj_web_app *app = make_here(1, 1);
	uint16_t port;

	web_atomic_with(app, (struct way){.name = "report"}, "GET", "/named", handler_name, NULL);
	web_atomic(app, "GET", "/unnamed", handler_name, NULL);
	port = web_start(app);
	expect_get(port, "/named", 200, "report report");
	expect_get(port, "/unnamed", 200, "job-2 job-2");
	end_here(app);
}
END_TEST

/* ---- Failures ------------------------------------------------------------------------------- */

static int handler_fail_job(ptj_web_request *r, void *user)
{
	(void)user;
	respond_text(r, 200, "not to be seen");
	ptj_job_fail(EIO, "disk on fire");
	return 0;
}

static int handler_fail_zero(ptj_web_request *r, void *user)
{
	(void)user;
	return ptj_web_fail(r, 0, "disk on fire");
}

static int handler_fail_answered(ptj_web_request *r, void *user)
{
	(void)user;
	respond_text(r, 200, "not to be seen");
	return EIO;
}

static int handler_fail_quietly(ptj_web_request *r, void *user)
{
	(void)user;
	return ptj_web_fail(r, EIO, NULL);
}

/* An excuse for no answer only where the client is gone. */
static int handler_epipe(ptj_web_request *r, void *user)
{
	(void)r;
	(void)user;
	return EPIPE;
}

static int handler_exit(ptj_web_request *r, void *user)
{
	(void)r;
	(void)user;
	pthread_exit(NULL);
}

static const struct {
	ptj_web_handler handler;
	int error;
	const char *message;
} failures[] = {
	{handler_fail_eio, EIO, "disk on fire"}, {handler_fail_zero, EINVAL, "disk on fire"},
	{handler_fail_answered, EIO, NULL},      {handler_nothing, ENODATA, NULL},
	{handler_fail_quietly, EIO, NULL},       {handler_epipe, EPIPE, NULL},
	{handler_fail_job, EIO, "disk on fire"}, {handler_exit, ENODATA, NULL},
};

enum { FAILURES = sizeof failures / sizeof failures[0], INLINE_FAILURES = 6 };

/* The client learns of it, and nothing about it. */
static void expect_500(uint16_t port, const char *target)
{
	struct answer a;
	struct client c;

	client_open(&c, port);
	client_request(&c, "GET", target);
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.status, 500);
	ck_assert_int_eq(a.whole, 1);
	ck_assert_ptr_null(strstr(a.body, "disk"));
	ck_assert_ptr_null(strstr(a.head, "disk"));
	ck_assert_ptr_null(strstr(a.body, "not to be seen"));
	answer_free(&a);
	/* The connection is as good as before, or was closed properly. */
	client_close(&c);
	expect_get(port, "/well", 200, "hello");
}

START_TEST(a_failure_is_a_500_and_a_report)
{
	ptj_web_app *app = make_here(1, 1);
	struct reported report;

	web_atomic(app, "GET", "/", failures[_i].handler, NULL);
	web_atomic(app, "GET", "/well", handler_hello, NULL);
	expect_500(web_start(app), "/");
	await(reports_count(&reports) == 1);
	report = report_at(&reports, 0);
	ck_assert_ptr_eq(report.scheduler, ptj_web_scheduler_from_app(app));
	ck_assert_int_eq(report.error, failures[_i].error);
	if (failures[_i].message)
		ck_assert_str_eq(report.error_message, failures[_i].message);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_uint_eq(reports_count(&reports), 1);
	end_here(app);
}
END_TEST

START_TEST(so_is_one_on_the_event_loop)
{
	ptj_web_app *app = make_here(1, 1);

	ok(ptj_web_route(app, "GET", "/", failures[_i].handler, NULL));
	ok(ptj_web_route(app, "GET", "/well", handler_hello, NULL));
	expect_500(web_start(app), "/");
	await(reports_count(&reports) == 1);
	ck_assert_int_eq(report_at(&reports, 0).error, failures[_i].error);
	if (failures[_i].message)
		ck_assert_str_eq(report_at(&reports, 0).error_message, failures[_i].message);
	end_here(app);
}
END_TEST

START_TEST(without_a_scheduler_the_log_has_it)
{
	ptj_web_app *app = web_app();

	lines_init(&lines);
	ok(ptj_web_set_log(app, lines_log, &lines));
	ok(ptj_web_route(app, "GET", "/", failures[_i].handler, NULL));
	ok(ptj_web_route(app, "GET", "/well", handler_hello, NULL));
	expect_500(web_start(app), "/");
	await(lines_count(&lines) >= 1);
	if (failures[_i].message)
		ck_assert_int_eq(lines_have(&lines, failures[_i].message), 1);
	web_end(app);
}
END_TEST

/* ---- Cancelled ------------------------------------------------------------------------------ */

START_TEST(who_is_cancelled_is_answered_with_503)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c;
	ptj_job *job;

	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = _i}, "GET", "/", handler_obedient,
	                &gate);
	web_atomic(app, "GET", "/well", handler_hello, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	job = only_job(app);
	ok(ptj_job_close(job, PATIENCE_MS));
	ptj_job_unref(job);
	client_expect(&c, 503, NULL);
	client_close(&c);
	ck_assert_uint_eq(reports_count(&reports), 0);
	expect_get(ptj_web_port(app), "/well", 200, "hello");
	end_here(app);
}
END_TEST

START_TEST(who_is_cancelled_before_it_has_run_is_too)
{
	ptj_web_app *app = make_here(1, 2);
	struct client c[2];
	ptj_job *jobs[2];
	uint16_t port;

	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	port = web_start(app);
	client_open(&c[0], port);
	client_request(&c[0], "GET", "/");
	gate_await(&gate, 1);
	client_open(&c[1], port);
	client_request(&c[1], "GET", "/");
	await(ptj_scheduler_pending_count(ptj_web_scheduler_from_app(app)) == 1);
	ck_assert_uint_eq(ptj_scheduler_jobs(ptj_web_scheduler_from_app(app), jobs, 2), 2);
	ok(ptj_job_close(jobs[ptj_job_pending(jobs[1])], PATIENCE_MS));
	client_expect(&c[1], 503, NULL);
	gate_open(&gate);
	client_expect(&c[0], 200, "passed");
	for (int i = 0; i < 2; i++) {
		client_close(&c[i]);
		ptj_job_unref(jobs[i]);
	}
	ck_assert_int_eq(gate_arrived(&gate), 1);
	end_here(app);
}
END_TEST

/* ---- The client goes ------------------------------------------------------------------------ */

static void leave(struct client *c, int how)
{
	if (how == 0) {
		client_close(c);
	} else if (how == 1) {
		client_vanish(c);
	} else {
		client_half_close(c);
	}
}

/* By closing, by a reset, and by no longer sending, which is not to leave at all. */
START_TEST(a_client_that_leaves_leaves_the_job_running)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c;
	ptj_job *job;

	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	web_atomic(app, "GET", "/well", handler_hello, NULL);
	ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	job = only_job(app);
	leave(&c, _i);
	/* The event loop has a full turn to notice it in. */
	expect_get(ptj_web_port(app), "/inline", 200, "hello");
	ck_assert_int_eq(ptj_job_closed(job), 0);
	gate_open(&gate);
	ok(ptj_job_wait(job, PATIENCE_MS, NULL));
	ck_assert_int_eq(gate_passed(&gate), 1);
	if (_i == 2) {
		client_expect(&c, 200, "passed");
		client_close(&c);
	}
	ptj_job_unref(job);
	expect_get(ptj_web_port(app), "/well", 200, "hello");
	await(ptj_web_request_count(app) == 0);
	ck_assert_uint_eq(reports_count(&reports), 0);
	end_here(app);
}
END_TEST

START_TEST(unless_the_route_has_it_closed)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c;
	ptj_job *job;

	web_atomic_with(app, (struct way){.close_on_disconnect = 1, .sets_mode = 1, .mode = _i / 3},
	                "GET", "/", handler_obedient, &gate);
	web_atomic(app, "GET", "/well", handler_hello, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	job = only_job(app);
	leave(&c, _i % 3);
	expect(ECANCELED, ptj_job_poll(job, PATIENCE_MS, NULL));
	ck_assert_int_eq(gate_passed(&gate), 0);
	if (_i % 3 == 2)
		client_close(&c);
	ptj_job_unref(job);
	expect_get(ptj_web_port(app), "/well", 200, "hello");
	await(ptj_web_request_count(app) == 0);
	end_here(app);
}
END_TEST

/* The same in line: it never runs. */
START_TEST(also_while_it_is_pending)
{
	ptj_web_app *app = make_here(1, 2);
	ptj_scheduler *s;
	struct client c[2];
	uint16_t port;

	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/", handler_at_gate,
	                &gate);
	port = web_start(app);
	s = ptj_web_scheduler_from_app(app);
	for (int i = 0; i < 2; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/");
		gate_await(&gate, 1);
	}
	await(ptj_scheduler_pending_count(s) == 1);
	client_vanish(&c[1]);
	await(ptj_scheduler_pending_count(s) == 0);
	gate_open(&gate);
	client_expect(&c[0], 200, "passed");
	client_close(&c[0]);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_int_eq(gate_arrived(&gate), 1);
	end_here(app);
}
END_TEST

/* With it, a client that stays is served as ever, on one connection again and again. */
START_TEST(who_stays_is_not_closed)
{
	ptj_web_app *app = make_here(2, 2);
	struct client c;

	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/", handler_hello,
	                NULL);
	client_open(&c, web_start(app));
	for (int i = 0; i < 50; i++) {
		client_request(&c, "GET", "/");
		client_expect(&c, 200, "hello");
	}
	/* Two at once: the second is not there yet when the first is watched, or it is. */
	client_send(&c, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
	client_expect(&c, 200, "hello");
	client_expect(&c, 200, "hello");
	client_close(&c);
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, the_event_loop_goes_on_while_handlers_block, 1, 4);
	tcase_add_test(tc, one_connection_has_many_requests);
	tcase_add_test(tc, the_job_has_the_name_of_its_route);
	tcase_add_loop_test(tc, a_failure_is_a_500_and_a_report, 0, FAILURES);
	tcase_add_loop_test(tc, so_is_one_on_the_event_loop, 0, INLINE_FAILURES);
	tcase_add_loop_test(tc, without_a_scheduler_the_log_has_it, 0, INLINE_FAILURES);
	tcase_add_loop_test(tc, who_is_cancelled_is_answered_with_503, 0, MODES);
	tcase_add_test(tc, who_is_cancelled_before_it_has_run_is_too);
	tcase_add_loop_test(tc, a_client_that_leaves_leaves_the_job_running, 0, 3);
	tcase_add_loop_test(tc, unless_the_route_has_it_closed, 0, 3 * MODES);
	tcase_add_test(tc, also_while_it_is_pending);
	tcase_add_test(tc, who_stays_is_not_closed);
}

int main(void)
{
	return run_tests("web_atomic", add);
}
