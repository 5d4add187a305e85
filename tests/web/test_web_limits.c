/* More clients than connections, and more connections than descriptors: they wait, and are served.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <fcntl.h>
#include <sys/resource.h>

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
	tcase_add_test(tc, unless_set_there_is_room_for_all_that_may_wait);
	tcase_add_test(tc, a_stop_does_not_wait_for_those_who_wait);
	tcase_add_test(tc, without_descriptors_they_wait_too);
	tcase_add_test(tc, a_start_without_descriptors_fails_and_the_next_works);
}

int main(void)
{
	return run_tests("web_limits", add);
}
