/* A full queue: 503 at once, or a line of bounded length in which requests wait in their order.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <stdio.h>

enum { MOST = 16 };

static struct gate gate;
static struct recorder seen;
static struct client clients[MOST];
static uint16_t port;

/* Records its number. */
static int handler_number(ptj_web_request *r, void *user)
{
	(void)user;
	gate_pass(&gate);
	record(&seen, atoi(ptj_web_param(r, "n")));
	return respond_text(r, 200, ptj_web_param(r, "n"));
}

/* One job is active, one pending, and so many wait in line. */
static ptj_web_app *make_here(size_t line)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));

	gate_init(&gate);
	recorder_init(&seen);
	ok(ptj_web_set_line_limit(app, line));
	web_atomic(app, "GET", "/{n}", handler_number, NULL);
	ok(ptj_web_route(app, "GET", "/in/line", handler_hello, NULL));
	return app;
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
}

static void ask(int i)
{
	char target[32];

	snprintf(target, sizeof target, "/%d", i);
	client_open(&clients[i], port);
	client_request(&clients[i], "GET", target);
}

static void expect_number(int i)
{
	char number[32];

	snprintf(number, sizeof number, "%d", i);
	client_expect(&clients[i], 200, number);
	client_close(&clients[i]);
}

/* Asks n times, each when the one before has its place; ahead of them are so many jobs. */
static void ask_behind(ptj_web_app *app, int ahead, int n)
{
	ptj_scheduler *s = ptj_web_scheduler_from_app(app);

	for (int i = 0; i < n; i++) {
		ask(i);
		await(ptj_scheduler_len(s) + ptj_web_line_count(app) == (size_t)(ahead + i + 1));
	}
}

static void ask_in_turn(ptj_web_app *app, int n)
{
	ask_behind(app, 0, n);
	gate_await(&gate, 1);
}

static void expect_turned_away(int i)
{
	struct answer a;
	char *end;

	client_answer(&clients[i], "GET", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_int_eq(a.whole, 1);
	ck_assert_ptr_nonnull(answer_header(&a, "Retry-After"));
	ck_assert_int_gt(strtol(answer_header(&a, "Retry-After"), &end, 10), 0);
	ck_assert_str_eq(end, "");
	answer_free(&a);
}

START_TEST(without_a_line_a_full_queue_is_503_at_once)
{
	ptj_web_app *app = make_here(0);

	port = web_start(app);
	ask_in_turn(app, 2);
	for (int i = 2; i < 6; i++) {
		ask(i);
		expect_turned_away(i);
	}
	ck_assert_int_eq(gate_arrived(&gate), 1);
	ck_assert_int_eq(client_has_news(&clients[0]), 0);
	expect_get(port, "/in/line", 200, "hello");
	gate_open(&gate);
	expect_number(0);
	expect_number(1);
	/* The connection of one that was turned away is as good as new. */
	for (int i = 2; i < 6; i++) {
		char target[32];

		snprintf(target, sizeof target, "/%d", i);
		client_request(&clients[i], "GET", target);
		expect_number(i);
	}
	end_here(app);
}
END_TEST

START_TEST(in_line_they_wait_in_their_order)
{
	ptj_web_app *app = make_here((size_t)_i);
	int n = 2 + _i;

	port = web_start(app);
	ask_in_turn(app, n);
	ck_assert_uint_eq(ptj_web_line_count(app), (size_t)_i);
	ck_assert_uint_eq(ptj_web_request_count(app), (size_t)n);
	for (int i = n; i < n + 2; i++) {
		ask(i);
		expect_turned_away(i);
		client_close(&clients[i]);
	}
	ck_assert_uint_eq(ptj_web_line_count(app), (size_t)_i);
	gate_open(&gate);
	for (int i = 0; i < n; i++)
		expect_number(i);
	ck_assert_uint_eq(ptj_web_line_count(app), 0);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(recorded_at(&seen, (size_t)i), i);
	end_here(app);
}
END_TEST

/* A place in the line is free again when one has moved up. */
START_TEST(the_line_moves_up)
{
	ptj_web_app *app = make_here(1);
	ptj_scheduler *s;
	struct gate other;
	ptj_job *first;

	gate_init(&other);
	port = web_start(app);
	s = ptj_web_scheduler_from_app(app);
	first = spawn(s, job_at_gate, &other);
	gate_await(&other, 1);
	ask(0);
	await(ptj_scheduler_pending_count(s) == 1);
	ask(1);
	await(ptj_web_line_count(app) == 1);
	ask(2);
	expect_turned_away(2);
	client_close(&clients[2]);
	gate_open(&other);
	await(ptj_web_line_count(app) == 0); /* 0 is active now, and 1 pending */
	ask(2);
	await(ptj_web_line_count(app) == 1);
	gate_open(&gate);
	for (int i = 0; i < 3; i++) {
		expect_number(i);
		ck_assert_int_eq(recorded_at(&seen, (size_t)i), i);
	}
	ptj_job_unref(first);
	end_here(app);
	gate_destroy(&other);
}
END_TEST

/* Places come free by jobs of the program's as well, and by one that is closed while it is
   pending. */
START_TEST(a_closed_job_makes_room)
{
	ptj_web_app *app = make_here(1);
	ptj_scheduler *s;
	ptj_job *active, *pending;

	port = web_start(app);
	s = ptj_web_scheduler_from_app(app);
	active = spawn(s, job_at_gate, &gate);
	pending = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	ask(0);
	await(ptj_web_line_count(app) == 1);
	ok(ptj_job_close(pending, PATIENCE_MS));
	await(ptj_web_line_count(app) == 0);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 1);
	gate_open(&gate);
	expect_number(0);
	ptj_job_unref(active);
	ptj_job_unref(pending);
	end_here(app);
}
END_TEST

START_TEST(who_leaves_the_line_does_not_hold_it_up)
{
	ptj_web_app *app = make_here(3);

	port = web_start(app);
	ask_in_turn(app, 5);
	client_vanish(&clients[2]);
	client_close(&clients[3]);
	gate_open(&gate);
	expect_number(0);
	expect_number(1);
	expect_number(4);
	await(ptj_web_request_count(app) == 0);
	ck_assert_uint_eq(ptj_web_line_count(app), 0);
	end_here(app);
}
END_TEST

/* Whoever is first in line is about to be spawned; those behind it leave at once. */
START_TEST(a_route_that_closes_on_disconnect_frees_the_place)
{
	ptj_web_app *app = make_here(2);

	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/close/{n}",
	                handler_number, NULL);
	port = web_start(app);
	ask_in_turn(app, 3);
	client_open(&clients[3], port);
	client_request(&clients[3], "GET", "/close/3");
	await(ptj_web_line_count(app) == 2);
	ask(4);
	expect_turned_away(4);
	client_close(&clients[4]);
	client_vanish(&clients[3]);
	await(ptj_web_line_count(app) == 1);
	ask(4);
	await(ptj_web_line_count(app) == 2);
	gate_open(&gate);
	for (int i = 0; i < 5; i++)
		if (i != 3)
			expect_number(i);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_uint_eq(recorded(&seen), 4);
	ck_assert_uint_eq(recorded_times(&seen, 3), 0);
	end_here(app);
}
END_TEST

/* The first in line is about to be spawned when it leaves: its job is closed as soon as there is
   one.  The line is one shorter only once its thread has the next in its hands.  The loop hears of
   the second, which leaves after it, after it. */
START_TEST(who_leaves_as_its_turn_comes_is_closed)
{
	ptj_web_app *app = make_here(2);
	struct gate ahead, other;
	ptj_job *first;

	gate_init(&ahead);
	gate_init(&other);
	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/close/{n}",
	                handler_obedient, &other);
	port = web_start(app);
	first = spawn(ptj_web_scheduler_from_app(app), job_at_gate, &ahead);
	gate_await(&ahead, 1);
	ask_behind(app, 1, 2);
	client_open(&clients[2], port);
	client_request(&clients[2], "GET", "/close/2");
	await(ptj_web_line_count(app) == 2);
	gate_open(&ahead);
	await(ptj_web_line_count(app) == 1);
	client_open(&clients[3], port);
	client_request(&clients[3], "GET", "/close/3");
	await(ptj_web_line_count(app) == 2);
	/* By now the daemon's thread has begun to watch them. */
	expect_get(port, "/in/line", 200, "hello");
	client_vanish(&clients[2]);
	client_vanish(&clients[3]);
	await(ptj_web_line_count(app) == 1);
	gate_open(&gate);
	expect_number(0);
	expect_number(1);
	await(ptj_web_request_count(app) == 0);
	ck_assert_int_eq(gate_passed(&other), 0);
	ptj_job_unref(first);
	end_here(app);
	gate_destroy(&other);
	gate_destroy(&ahead);
}
END_TEST

static int handler_never(ptj_web_request *r, void *user)
{
	(void)user;
	record(&seen, 99);
	return respond_text(r, 200, "never");
}

/* What it has sent by then is read, and dropped. */
START_TEST(so_is_who_leaves_the_line_within_a_body)
{
	enum { SIZE = 1000000, SENT = 120000 };
	ptj_web_app *app = make_here(2);

	web_atomic_with(app, (struct way){.close_on_disconnect = 1, .stream_body = 1}, "POST",
	                "/stream", handler_never, NULL);
	port = web_start(app);
	ask_in_turn(app, 3);
	client_open(&clients[3], port);
	client_begin_post(&clients[3], "/stream", SIZE, "");
	await(ptj_web_line_count(app) == 2);
	/* More than is taken before its job reads, and not more than a socket holds. */
	ck_assert_uint_eq(client_pour(&clients[3], 0, SENT, PATIENCE_MS), SENT);
	for (int i = 0; i < 3; i++)
		expect_get(port, "/in/line", 200, "hello");
	client_half_close(&clients[3]);
	await(ptj_web_line_count(app) == 1);
	gate_open(&gate);
	for (int i = 0; i < 3; i++)
		expect_number(i);
	client_await_end(&clients[3]);
	client_close(&clients[3]);
	await(ptj_web_request_count(app) == 0);
	ck_assert_uint_eq(recorded_times(&seen, 99), 0);
	end_here(app);
}
END_TEST

/* A connection that is not suspended, since its body still comes, is answered all the same. */
START_TEST(a_stop_answers_who_still_sends_in_line)
{
	struct setup u = setup_of(1, 1);
	ptj_web_app *app;

	u.close_timeout = SHORT_MS;
	u.mode = PTJ_CANCEL_COOPERATIVE;
	app = web_app_with(u);
	gate_init(&gate);
	recorder_init(&seen);
	ok(ptj_web_set_line_limit(app, 2));
	web_atomic(app, "GET", "/{n}", handler_obedient, &gate);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/stream", handler_never,
	                NULL);
	port = web_start(app);
	ask_in_turn(app, 2);
	for (int i = 2; i < 4; i++) {
		client_open(&clients[i], port);
		client_begin_post(&clients[i], "/stream", 10, "");
		await(ptj_web_line_count(app) == (size_t)i - 1);
	}
	ok(ptj_web_stop(app, 0));
	for (int i = 0; i < 4; i++) {
		client_await_end(&clients[i]);
		client_close(&clients[i]);
	}
	ck_assert_uint_eq(recorded(&seen), 0);
	end_here(app);
}
END_TEST

/* Each application with a scheduler has a line; who has none waits in that of its scheduler's. */
START_TEST(a_sub_application_has_a_line_of_its_own_or_its_parents)
{
	ptj_web_app *app = make_here(1), *with = web_app_with(setup_of(1, 1)), *without = web_app();
	struct gate other;
	struct client c[3];

	gate_init(&other);
	ok(ptj_web_set_line_limit(with, 1));
	web_atomic(with, "GET", "/{n}", handler_at_gate, &other);
	web_atomic(without, "GET", "/{n}", handler_number, NULL);
	ok(ptj_web_mount(app, "/with", with));
	ok(ptj_web_mount(app, "/without", without));
	port = web_start(app);
	for (int i = 0; i < 3; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/with/0");
		gate_await(&other, 1);
	}
	await(ptj_web_line_count(with) == 1);
	ck_assert_uint_eq(ptj_web_line_count(app), 0);
	expect_get(port, "/with/0", 503, NULL);
	ask_in_turn(app, 2);
	client_open(&clients[2], port);
	client_request(&clients[2], "GET", "/without/2");
	await(ptj_web_line_count(app) == 1);
	ck_assert_uint_eq(ptj_web_line_count(without), 0);
	expect_get(port, "/without/3", 503, NULL);
	gate_open(&gate);
	for (int i = 0; i < 3; i++)
		expect_number(i);
	gate_open(&other);
	for (int i = 0; i < 3; i++) {
		client_expect(&c[i], 200, "passed");
		client_close(&c[i]);
	}
	end_here(app);
	ptj_web_app_free(with);
	ptj_web_app_free(without);
	gate_destroy(&other);
}
END_TEST

/* The stop gives those in line their time, and whom it cannot serve an answer. */
START_TEST(those_in_line_are_served_at_the_stop)
{
	ptj_web_app *app = make_here(3);
	struct caller stop = {.arg = app, .timeout = PTJ_DEFAULT};

	port = web_start(app);
	ask_in_turn(app, 5);
	caller_start(&stop, call_web_stop);
	caller_await_blocked(&stop);
	gate_open(&gate);
	for (int i = 0; i < 5; i++)
		expect_number(i);
	ok(caller_join(&stop));
	end_here(app);
}
END_TEST

START_TEST(or_answered_with_503_when_the_time_is_over)
{
	ptj_web_app *app = make_here(3);

	port = web_start(app);
	ask_in_turn(app, 5);
	ok(ptj_web_stop(app, 0));
	for (int i = 0; i < 5; i++) {
		client_expect(&clients[i], 503, NULL);
		client_expect_end(&clients[i]);
		client_close(&clients[i]);
	}
	ck_assert_uint_eq(recorded(&seen), 0);
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, without_a_line_a_full_queue_is_503_at_once);
	tcase_add_loop_test(tc, in_line_they_wait_in_their_order, 0, 8);
	tcase_add_test(tc, the_line_moves_up);
	tcase_add_test(tc, a_closed_job_makes_room);
	tcase_add_test(tc, who_leaves_the_line_does_not_hold_it_up);
	tcase_add_test(tc, a_route_that_closes_on_disconnect_frees_the_place);
	tcase_add_test(tc, who_leaves_as_its_turn_comes_is_closed);
	tcase_add_test(tc, so_is_who_leaves_the_line_within_a_body);
	tcase_add_test(tc, a_stop_answers_who_still_sends_in_line);
	tcase_add_test(tc, a_sub_application_has_a_line_of_its_own_or_its_parents);
	tcase_add_test(tc, those_in_line_are_served_at_the_stop);
	tcase_add_test(tc, or_answered_with_503_when_the_time_is_over);
}

int main(void)
{
	return run_tests("web_line", add);
}
