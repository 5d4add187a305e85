/* What handlers submit: spawned jobs outlive the answer, shielded ones their handler.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

static struct gate gate, other;
static struct recorder seen;
static struct reports reports;

static ptj_web_app *make_here(size_t limit, size_t pending_limit)
{
	struct setup u = setup_of(limit, pending_limit);

	gate_init(&gate);
	gate_init(&other);
	recorder_init(&seen);
	reports_init(&reports);
	u.reports = &reports;
	return web_app_with(u);
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
	gate_destroy(&other);
}

/* ---- Spawn ---------------------------------------------------------------------------------- */

/* Answers with what the spawn returned. */
static int handler_spawn(ptj_web_request *r, void *fn)
{
	ptj_job *job = NULL;
	int code = ptj_web_spawn(r, *(ptj_job_fn *)fn, &gate, &job);

	record(&seen, code);
	record(&seen, (job != NULL) == (code == 0));
	ptj_job_unref(job);
	return respond_text(r, 200, code ? "not spawned" : "spawned");
}

static ptj_job_fn at_gate = job_at_gate, fail_eio = job_fail_eio;

static void route_both(ptj_web_app *app, ptj_web_handler handler, void *user)
{
	ok(ptj_web_route(app, "GET", "/inline", handler, user));
	web_atomic(app, "GET", "/atomic", handler, user);
}

static const char *const both[] = {"/inline", "/atomic"};

START_TEST(the_answer_goes_out_and_the_job_goes_on)
{
	ptj_web_app *app = make_here(2, 2);
	uint16_t port;

	route_both(app, handler_spawn, &at_gate);
	port = web_start(app);
	expect_get(port, both[_i], 200, "spawned");
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	ck_assert_int_eq(recorded_at(&seen, 1), 1);
	gate_await(&gate, 1);
	ck_assert_int_eq(gate_passed(&gate), 0);
	gate_open(&gate);
	end_here(app);
}
END_TEST

/* Also where the client has not waited for its answer. */
START_TEST(the_job_goes_on_when_the_client_is_gone)
{
	ptj_web_app *app = make_here(2, 2);
	struct client c;

	route_both(app, handler_spawn, &at_gate);
	client_open(&c, web_start(app));
	client_request(&c, "GET", both[_i]);
	gate_await(&gate, 1);
	client_vanish(&c);
	gate_open(&gate);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_int_eq(gate_passed(&gate), 1);
	end_here(app);
}
END_TEST

START_TEST(its_failure_is_reported_and_the_client_does_not_see_it)
{
	ptj_web_app *app = make_here(2, 2);
	uint16_t port;

	route_both(app, handler_spawn, &fail_eio);
	port = web_start(app);
	expect_get(port, both[_i], 200, "spawned");
	await(reports_count(&reports) == 1);
	ck_assert_int_eq(report_at(&reports, 0).error, EIO);
	ck_assert_str_eq(report_at(&reports, 0).error_message, "disk on fire");
	end_here(app);
}
END_TEST

/* The event loop does not wait for a place, and goes on. */
START_TEST(on_the_event_loop_a_full_queue_is_eagain)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c;

	ok(ptj_web_route(app, "GET", "/", handler_spawn, &at_gate));
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	client_expect(&c, 200, "spawned");
	gate_await(&gate, 1);
	client_request(&c, "GET", "/");
	client_expect(&c, 200, "spawned");
	for (int i = 0; i < 3; i++) {
		client_request(&c, "GET", "/");
		client_expect(&c, 200, "not spawned");
	}
	ck_assert_uint_eq(recorded_times(&seen, EAGAIN), 3);
	gate_open(&gate);
	client_close(&c);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_int_eq(gate_passed(&gate), 2);
	end_here(app);
}
END_TEST

static int handler_spawn_when_told(ptj_web_request *r, void *user)
{
	gate_pass(&gate);
	record(&seen, gettid_here());
	for (int i = 0; i < 3; i++)
		if (ptj_web_spawn(r, job_stubborn, &other, NULL))
			break;
	record(&seen, 0);
	return respond_text(r, 200, user ? user : "spawned");
}

/* A handler that is a job waits for a place, as ptj_spawn() does. */
START_TEST(in_a_job_a_full_queue_is_waited_for)
{
	ptj_web_app *app = make_here(2, 1);
	ptj_scheduler *s;
	struct client c;

	web_atomic(app, "GET", "/", handler_spawn, &at_gate);
	client_open(&c, web_start(app));
	s = ptj_web_scheduler_from_app(app);
	/* The handler lends its permit to the one in line, so each of these takes a place. */
	spawn_n(s, 1, job_stubborn, &other);
	gate_await(&other, 1);
	client_request(&c, "GET", "/");
	client_expect(&c, 200, "spawned");
	gate_await(&gate, 1);
	/* Two are active now, and one is in line: a handler is. */
	client_request(&c, "GET", "/");
	await(ptj_scheduler_pending_count(s) == 1);
	ck_assert_int_eq(client_has_news(&c), 0);
	gate_open(&other);
	client_expect(&c, 200, "spawned");
	gate_open(&gate);
	client_close(&c);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_int_eq(gate_passed(&gate), 2);
	end_here(app);
}
END_TEST

/* And may be cancelled there.  Its permit goes to the first in line, which keeps it; so at the
   latest the third spawn waits for ever. */
START_TEST(who_waits_for_a_place_is_cancelled)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c;
	ptj_scheduler *s;
	ptj_job *jobs[2];

	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = PTJ_CANCEL_DEFERRED}, "GET", "/",
	                handler_spawn_when_told, NULL);
	client_open(&c, web_start(app));
	s = ptj_web_scheduler_from_app(app);
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	ck_assert_uint_eq(ptj_scheduler_jobs(s, jobs, 1), 1);
	spawn_n(s, 1, job_stubborn, &other);
	gate_open(&gate);
	await(recorded(&seen) == 1 && thread_is_blocked((int)recorded_at(&seen, 0)));
	ok(ptj_job_close(jobs[0], PATIENCE_MS));
	client_expect(&c, 503, NULL);
	ck_assert_uint_eq(recorded(&seen), 1);
	ptj_job_unref(jobs[0]);
	gate_open(&other);
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- Without a scheduler -------------------------------------------------------------------- */

static int handler_without(ptj_web_request *r, void *user)
{
	ptj_job *job = NULL;
	void *result = user;

	record(&seen, ptj_web_spawn(r, job_identity, NULL, &job) == ENOENT && !job);
	record(&seen, ptj_web_shield(r, job_identity, NULL, 0, &result) == ENOENT);
	record(&seen, result == user);
	return respond_text(r, 200, "without");
}

START_TEST(without_a_scheduler_both_are_enoent)
{
	ptj_web_app *app = web_app();

	recorder_init(&seen);
	ok(ptj_web_route(app, "GET", "/", handler_without, &seen));
	expect_get(web_start(app), "/", 200, "without");
	ck_assert_uint_eq(recorded(&seen), 3);
	ck_assert_uint_eq(recorded_times(&seen, 1), 3);
	web_end(app);
}
END_TEST

/* ---- Shield --------------------------------------------------------------------------------- */

static char shielded[] = "shielded";

static void *job_text(void *arg)
{
	(void)arg;
	return shielded;
}

static int handler_shield(ptj_web_request *r, void *user)
{
	void *result = NULL;
	int code = ptj_web_shield(r, job_text, NULL, PTJ_INFINITE, &result);

	(void)user;
	return code ? code : respond_text(r, 200, result);
}

static int handler_shield_failing(ptj_web_request *r, void *user)
{
	void *result = user;

	record(&seen, ptj_web_shield(r, job_fail_eio, NULL, PTJ_INFINITE, &result) == PTJ_EFAILED);
	record(&seen, result == user);
	return respond_text(r, 200, "failed");
}

START_TEST(a_shielded_function_has_a_result_or_has_failed)
{
	ptj_web_app *app = make_here(1, 1);
	uint16_t port;

	route_both(app, handler_shield, NULL);
	ok(ptj_web_route(app, "GET", "/failing", handler_shield_failing, &seen));
	port = web_start(app);
	expect_get(port, both[_i], 200, "shielded");
	expect_get(port, "/failing", 200, "failed");
	ck_assert_uint_eq(recorded_times(&seen, 1), 2);
	ck_assert_uint_eq(reports_count(&reports), 0);
	end_here(app);
}
END_TEST

static int handler_shield_at_gate(ptj_web_request *r, void *timeout)
{
	int code = ptj_web_shield(r, job_at_gate, &gate, *(int64_t *)timeout, NULL);

	record(&seen, code);
	if (code == EINTR)
		return ECANCELED;
	return code ? code : respond_text(r, 200, "passed");
}

static int64_t never = PTJ_INFINITE, soon = SHORT_MS;

START_TEST(a_shield_that_is_not_waited_for_goes_on)
{
	ptj_web_app *app = make_here(1, 1);
	uint16_t port;

	route_both(app, handler_shield_at_gate, &soon);
	port = web_start(app);
	expect_get(port, both[_i], 500, NULL);
	ck_assert_int_eq(recorded_at(&seen, 0), ETIMEDOUT);
	gate_await(&gate, 1);
	ck_assert_uint_eq(ptj_scheduler_shield_count(ptj_web_scheduler_from_app(app)), 1);
	gate_open(&gate);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_int_eq(gate_passed(&gate), 1);
	end_here(app);
}
END_TEST

/* The handler is cancelled, its client is told, and the stop gives what it has shielded its
   grace. */
START_TEST(a_shield_survives_its_handler)
{
	ptj_web_app *app = make_here(1, 1);
	struct caller stop = {.arg = app, .timeout = PTJ_DEFAULT};
	struct client c;
	ptj_scheduler *s;
	ptj_job *job;

	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = _i}, "GET", "/",
	                handler_shield_at_gate, &never);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	s = ptj_web_scheduler_from_app(app);
	ck_assert_uint_eq(ptj_scheduler_jobs(s, &job, 1), 1);
	if (_i == PTJ_CANCEL_MASKED) {
		/* Cancellation is disabled there, so it goes on until its shield is through. */
		expect(ETIMEDOUT, ptj_job_close(job, 0));
		gate_open(&gate);
		client_expect(&c, 200, "passed");
		ptj_job_unref(job);
		client_close(&c);
		end_here(app);
		return;
	}
	ok(ptj_job_close(job, PATIENCE_MS));
	client_expect(&c, 503, NULL);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 1);
	ptj_job_unref(job);
	client_close(&c);
	caller_start(&stop, call_web_stop);
	caller_await_blocked(&stop);
	gate_open(&gate);
	ok(caller_join(&stop));
	ck_assert_int_eq(gate_passed(&gate), 1);
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, the_answer_goes_out_and_the_job_goes_on, 0, 2);
	tcase_add_loop_test(tc, the_job_goes_on_when_the_client_is_gone, 0, 2);
	tcase_add_loop_test(tc, its_failure_is_reported_and_the_client_does_not_see_it, 0, 2);
	tcase_add_test(tc, on_the_event_loop_a_full_queue_is_eagain);
	tcase_add_test(tc, in_a_job_a_full_queue_is_waited_for);
	tcase_add_test(tc, who_waits_for_a_place_is_cancelled);
	tcase_add_test(tc, without_a_scheduler_both_are_enoent);
	tcase_add_loop_test(tc, a_shielded_function_has_a_result_or_has_failed, 0, 2);
	tcase_add_loop_test(tc, a_shield_that_is_not_waited_for_goes_on, 0, 2);
	tcase_add_loop_test(tc, a_shield_survives_its_handler, 0, MODES);
}

int main(void)
{
	return run_tests("web_spawn", add);
}
