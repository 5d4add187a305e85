/* More clients than connections, and more connections than descriptors: they wait, and are served.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { LIMIT_MS = 2000 }; /* the receive timeout where one is tested */

static struct gate gate;

static ptj_web_app *make_here(size_t limit, size_t pending_limit)
{
	gate_init(&gate);
	return web_app_with(setup_of(limit, pending_limit));
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
}

/* ---- Connections ---------------------------------------------------------------------------- */

START_TEST(more_connections_than_allowed_wait_and_are_served)
{
	enum { LIMIT = 4, N = 24 };
	ptj_web_app *app = make_here(LIMIT, 0);
	struct client c[N];
	uint16_t port;

	ok(ptj_web_set_connection_limit(app, LIMIT));
	ok(ptj_web_set_threads(app, _i));
	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	port = web_start(app);
	for (int i = 0; i < N; i++) {
		client_open(&c[i], port);
		client_request_with(&c[i], "GET", "/", "Connection: close\r\n");
	}
	gate_await(&gate, 1);
	ck_assert_uint_le(ptj_web_connection_count(app), LIMIT);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(client_has_news(&c[i]), 0);
	gate_open(&gate);
	for (int i = 0; i < N; i++) {
		client_expect(&c[i], 200, "passed");
		client_expect_end(&c[i]);
		client_close(&c[i]);
	}
	end_here(app);
}
END_TEST

/* All at once, with more descriptors than the server first has places for. */
START_TEST(a_server_grows_with_its_connections)
{
	enum { N = 80 };
	ptj_web_app *app = make_here(1, 0);
	struct client c[N];
	uint16_t port;

	web_atomic(app, "GET", "/", handler_hello, NULL);
	port = web_start(app);
	for (int i = 0; i < N; i++)
		client_open(&c[i], port);
	await(ptj_web_connection_count(app) == N);
	for (int i = 0; i < N; i++) {
		client_request(&c[i], "GET", "/");
		client_expect(&c[i], 200, "hello");
	}
	for (int i = 0; i < N; i++)
		client_close(&c[i]);
	end_here(app);
}
END_TEST

/* With a limit of its own making there is room for whoever may be active, pending or in line. */
START_TEST(unless_set_there_is_room_for_all_that_may_wait)
{
	enum { ACTIVE = 2, PENDING = 3, LINE = 4, N = ACTIVE + PENDING + LINE };
	ptj_web_app *app = make_here(ACTIVE, PENDING);
	struct client c[N];
	uint16_t port;

	ok(ptj_web_set_connection_limit(app, 0));
	ok(ptj_web_set_line_limit(app, LINE));
	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	port = web_start(app);
	for (int i = 0; i < N; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/");
	}
	gate_await(&gate, ACTIVE);
	await(ptj_web_line_count(app) == LINE);
	expect_get(port, "/", 503, NULL);
	gate_open(&gate);
	for (int i = 0; i < N; i++) {
		client_expect(&c[i], 200, "passed");
		client_close(&c[i]);
	}
	end_here(app);
}
END_TEST

/* As many jobs as there may be, and whatever the limits add up to. */
START_TEST(no_limit_is_too_high)
{
	static const struct {
		size_t limit, pending, line, connections;
	} limits[] = {
		{0, 1, 0, 0},        {SIZE_MAX, 1, 0, 0}, {1, SIZE_MAX, 0, 0},
		{1, 1, SIZE_MAX, 0}, {1, 1, 0, SIZE_MAX}, {1, 1, 0, SIZE_MAX - SOMAXCONN - 63},
		{1, 1, 0, UINT_MAX},
	};

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		ptj_web_app *app = make_here(limits[i].limit, limits[i].pending);

		ok(ptj_web_set_line_limit(app, limits[i].line));
		ok(ptj_web_set_connection_limit(app, limits[i].connections));
		ok(ptj_web_set_threads(app, _i));
		web_atomic(app, "GET", "/", handler_hello, NULL);
		expect_get(web_start(app), "/", 200, "hello");
		end_here(app);
	}
}
END_TEST

/* The look at who has gone comes while there is no room, too, and then accepts nobody. */
START_TEST(whoever_is_cut_off_makes_room)
{
	ptj_web_app *app = make_here(1, 0);
	struct client busy, silent, waiting;
	uint16_t port;

	ok(ptj_web_set_connection_limit(app, 2));
	ok(ptj_web_set_receive_timeout(app, LIMIT_MS));
	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
	port = web_start(app);
	client_open(&busy, port);
	client_request(&busy, "GET", "/");
	gate_await(&gate, 1);
	client_open(&silent, port);
	await(ptj_web_connection_count(app) == 2);
	client_open(&waiting, port);
	client_request(&waiting, "GET", "/inline");
	client_expect_end(&silent);
	client_expect(&waiting, 200, "hello");
	gate_open(&gate);
	client_expect(&busy, 200, "passed");
	client_close(&busy);
	client_close(&silent);
	client_close(&waiting);
	end_here(app);
}
END_TEST

/* So short that it is looked for them as often as at most. */
START_TEST(also_when_there_is_hardly_any_time)
{
	ptj_web_app *app = make_here(1, 0);
	struct client c;

	ok(ptj_web_set_receive_timeout(app, 5));
	client_open(&c, web_start(app));
	client_expect_end(&c);
	client_close(&c);
	end_here(app);
}
END_TEST

/* A stop meets clients that were never accepted: they are refused or reset, and it ends. */
START_TEST(a_stop_does_not_wait_for_those_who_wait)
{
	enum { N = 8 };
	ptj_web_app *app = make_here(1, 1);
	struct client c[N];
	uint16_t port;

	ok(ptj_web_set_connection_limit(app, 1));
	web_atomic(app, "GET", "/", handler_obedient, &gate);
	port = web_start(app);
	for (int i = 0; i < N; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/");
	}
	gate_await(&gate, 1);
	ok(ptj_web_stop(app, 0));
	for (int i = 0; i < N; i++) {
		client_await_end(&c[i]);
		client_close(&c[i]);
	}
	end_here(app);
}
END_TEST

/* ---- Descriptors ---------------------------------------------------------------------------- */

/* Without a descriptor nobody is accepted; when there is one again, all are. */
START_TEST(without_descriptors_they_wait_too)
{
	enum { N = 10 };
	ptj_web_app *app = make_here(2, 0);
	struct rlimit limit, before;
	struct client c[N];
	uint16_t port;

	web_atomic(app, "GET", "/", handler_hello, NULL);
	port = web_start(app);
	expect_get(port, "/", 200, "hello");
	await(ptj_web_connection_count(app) == 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < N; i++)
		client_open(&c[i], port);
	/* Those that were accepted by now stay; no more are to be had. */
	limit = before;
	limit.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < N; i++)
		client_request_with(&c[i], "GET", "/", "Connection: close\r\n");
	for (int i = 0; i < 50; i++)
		pause_briefly();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < N; i++) {
		client_expect(&c[i], 200, "hello");
		client_expect_end(&c[i]);
		client_close(&c[i]);
	}
	expect_get(port, "/", 200, "hello");
	end_here(app);
}
END_TEST

/* Nothing but the server's own descriptors from here on: clients come later. */
START_TEST(a_start_without_descriptors_fails_and_the_next_works)
{
	ptj_web_app *app = make_here(2, 0);
	struct rlimit limit, before;
	int spare = open("/dev/null", O_RDONLY | O_CLOEXEC), fails = 0;
	uint16_t port;

	ck_assert_int_ge(spare, 0);
	close(spare); /* the lowest that is free */
	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/", handler_hello,
	                NULL);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (int n = 0;; n++) {
		int code;

		ck_assert_int_lt(n, 100);
		limit = before;
		limit.rlim_cur = (rlim_t)(spare + n);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		code = ptj_web_start(app, "127.0.0.1", 0);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (code == 0)
			break;
		ck_assert_msg(code == EMFILE || code == ENFILE, "%d: %s", n, strerror(code));
		ck_assert_uint_eq(ptj_web_port(app), 0);
		fails++;
	}
	ck_assert_int_ge(fails, 1);
	port = ptj_web_port(app);
	expect_get(port, "/", 200, "hello");
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, more_connections_than_allowed_wait_and_are_served, 1, 4);
	tcase_add_test(tc, a_server_grows_with_its_connections);
	tcase_add_test(tc, unless_set_there_is_room_for_all_that_may_wait);
	tcase_add_loop_test(tc, no_limit_is_too_high, 1, 4);
	tcase_add_test(tc, whoever_is_cut_off_makes_room);
	tcase_add_test(tc, also_when_there_is_hardly_any_time);
	tcase_add_test(tc, a_stop_does_not_wait_for_those_who_wait);
	tcase_add_test(tc, without_descriptors_they_wait_too);
	tcase_add_test(tc, a_start_without_descriptors_fails_and_the_next_works);
}

int main(void)
{
	return run_tests("web_limits", add);
}
