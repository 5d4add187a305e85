/* The n-th allocation, thread or descriptor fails, for n = 0, 1, 2...: while an application is put
   together, at its start, during a request of each kind, and at the stop.  A call fails cleanly, a
   client has an answer or the end of its connection, the next one is served, and nothing leaks.

   The library's own calls fail, and not those of libmicrohttpd, which is not linked in.

   SPDX-License-Identifier: Apache-2.0 */

#include "../faults.h"
#include "web_support.h"

#include <stdio.h>
#include <sys/mman.h>

/* No memory, no thread, no descriptor. */
enum { SHORTAGES = NO_DESCRIPTOR + 1 };

enum { MANY = 2000 }; /* more than anything needs */

static struct gate gate;
static struct reports reports;
static ptj_web_app *app, *child;
static ptj_web_route_attr *route_attr;

/* ---- Putting it together -------------------------------------------------------------------- */

static int create(void)
{
	return ptj_web_app_create(&child, NULL);
}

static int create_below(void)
{
	return ptj_web_app_create(&child, app);
}

static int setup(void)
{
	return ptj_web_setup(app, NULL);
}

static int route(void)
{
	return ptj_web_route(app, "PROPFIND", "/{a}/b/{rest...}", handler_hello, NULL);
}

static int atomic(void)
{
	return ptj_web_atomic(app, "GET", "/{a}/b/{rest...}", handler_hello, NULL);
}

static int route_with(void)
{
	return ptj_web_route_with(app, route_attr, "GET", "/{a}", handler_hello, NULL);
}

static int attr_create(void)
{
	ptj_web_route_attr *attr = NULL;
	int code = ptj_web_route_attr_create(&attr);

	ptj_web_route_attr_free(attr);
	return code;
}

static int attr_name(void)
{
	return ptj_web_route_attr_set_name(route_attr, "a name that is longer than others are");
}

static int mount(void)
{
	int code = child ? 0 : ptj_web_app_create(&child, NULL);

	return code ? code : ptj_web_mount(app, "/a/b/c", child);
}

static int tls(void)
{
	int code = ptj_web_set_tls(app, "a certificate", "a key");

	return code == ENOTSUP ? 0 : code;
}

static int (*const calls[])(void) = {create,     create_below, setup,     route, atomic,
                                     route_with, attr_create,  attr_name, mount, tls};

enum { CALLS = sizeof calls / sizeof calls[0] };

/* A call that failed for want of memory can be made again. */
START_TEST(without_memory_each_call_fails_cleanly_and_succeeds_at_last)
{
	int hits = 1, n, failed = 0;

	for (n = 0; hits && n < MANY; n++) {
		int code;

		child = NULL;
		in_library(ok(ptj_web_app_create(&app, NULL)));
		in_library(ok(ptj_web_route_attr_create(&route_attr)));
		in_library(ok(ptj_web_route_attr_set_atomic(route_attr, 1)));
		in_library(ok(ptj_web_route_attr_set_name(route_attr, "named")));
		fault_arm(NO_MEMORY, n, FAULT_ONCE);
		in_library(code = calls[_i]());
		hits = fault_disarm(NO_MEMORY);
		ck_assert_msg(code == (hits ? ENOMEM : 0), "call %d, allocation %d: %d", _i, n,
		              code);
		failed += code != 0;
		if (code)
			in_library(ok(calls[_i]()));
		in_library(ptj_web_app_free(child));
		in_library(ptj_web_app_free(app));
		in_library(ptj_web_route_attr_free(route_attr));
		ck_assert_uint_eq(blocks_held(), 0);
	}
	ck_assert_int_ge(failed, 1);
}
END_TEST

/* ---- The server ----------------------------------------------------------------------------- */

static int handler_body(ptj_web_request *r, void *user)
{
	char text[64];
	size_t size = 0;

	(void)user;
	ptj_web_body(r, &size);
	snprintf(text, sizeof text, "%zu", size);
	return respond_text(r, 200, text);
}

static int handler_read(ptj_web_request *r, void *user)
{
	char piece[1000], text[32];
	size_t size = 0, got = 1;
	int code = 0;

	(void)user;
	while (code == 0 && got > 0) {
		code = ptj_web_read(r, piece, sizeof piece, PTJ_INFINITE, &got);
		size += code ? 0 : got;
	}
	snprintf(text, sizeof text, "%zu", size);
	return code ? code : respond_text(r, 200, text);
}

static int handler_stream(ptj_web_request *r, void *user)
{
	static const char *const headers[] = {"X-Kind", "stream", NULL};
	static const char piece[30000];
	int code = ptj_web_stream(r, 200, headers, UINT64_MAX);

	(void)user;
	for (int i = 0; code == 0 && i < 10; i++)
		code = ptj_web_write(r, piece, sizeof piece, PTJ_INFINITE, NULL);
	return code;
}

static int handler_fd(ptj_web_request *r, void *user)
{
	int fd = memfd_create("file", MFD_CLOEXEC), code;

	(void)user;
	if (fd < 0)
		return errno;
	code = ptj_web_respond_fd(r, 200, NULL, fd, 0, UINT64_MAX);
	if (code)
		close(fd);
	return code;
}

static int handler_spawn(ptj_web_request *r, void *user)
{
	int code = ptj_web_spawn(r, job_identity, user, NULL);

	return code ? code : respond_text(r, 200, "spawned");
}

static int handler_shield(ptj_web_request *r, void *user)
{
	int code = ptj_web_shield(r, job_identity, user, PTJ_INFINITE, NULL);

	return code ? code : respond_text(r, 200, "shielded");
}

static const struct {
	const char *request; /* with Connection: close behind it */
	size_t body;
	int status;
} kinds[] = {
	{"GET /inline/a%20b?c=d&e=f", 0, 200},
	{"POST /inline/a", 9000, 200},
	{"GET /atomic/a%20b?c=d&e=f", 0, 200},
	{"POST /atomic/a", 9000, 200},
	{"POST /read", 9000, 200},
	{"GET /stream", 0, 200},
	{"GET /fd", 0, 200},
	{"GET /watched", 0, 200},
	{"GET /spawn", 0, 200},
	{"GET /shield", 0, 200},
	{"GET /fail", 0, 500},
	{"GET /below/a", 0, 200},
	{"GET /nothing", 0, 404},
	{"DELETE /stream", 0, 405},
	{"GET /..", 0, 400},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void make_here(void)
{
	struct setup u = setup_of(2, 2);

	gate_init(&gate);
	reports_init(&reports);
	u.reports = &reports;
	u.idle_timeout = 0; /* so that each job needs a thread */
	library_enter();
	app = web_app_with(u);
	child = web_app();
	ok(ptj_web_set_line_limit(app, 2));
	ok(ptj_web_route(app, "GET", "/inline/{a}", handler_hello, NULL));
	ok(ptj_web_route(app, "POST", "/inline/{a}", handler_body, NULL));
	web_atomic(app, "GET", "/atomic/{a}", handler_hello, NULL);
	web_atomic(app, "POST", "/atomic/{a}", handler_body, NULL);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/read", handler_read, NULL);
	web_atomic(app, "GET", "/stream", handler_stream, NULL);
	web_atomic(app, "GET", "/fd", handler_fd, NULL);
	web_atomic_with(app, (struct way){.close_on_disconnect = 1, .name = "watched"}, "GET",
	                "/watched", handler_hello, NULL);
	web_atomic(app, "GET", "/spawn", handler_spawn, NULL);
	web_atomic(app, "GET", "/shield", handler_shield, NULL);
	web_atomic(app, "GET", "/fail", handler_fail_eio, NULL);
	web_atomic(app, "GET", "/gate", handler_obedient, &gate);
	web_atomic(child, "GET", "/{a}", handler_hello, NULL);
	ok(ptj_web_mount(app, "/below", child));
	library_leave();
}

static void end_here(void)
{
	in_library(web_end(app));
	in_library(ptj_web_app_free(child));
	await(blocks_held() == 0);
	gate_destroy(&gate);
}

START_TEST(a_start_fails_cleanly_and_succeeds_at_last)
{
	int hits = 1, failed = 0;

	make_here();
	for (int n = 0; hits; n++) {
		int code;

		ck_assert_int_lt(n, MANY);
		fault_arm(_i, n, FAULT_ONCE);
		in_library(code = ptj_web_start(app, "127.0.0.1", 0));
		hits = fault_disarm(_i);
		failed += code != 0;
		if (code) {
			ck_assert_msg(code == (_i == NO_MEMORY   ? ENOMEM
			                       : _i == NO_THREAD ? EAGAIN
			                                         : EMFILE),
			              "call %d: %s", n, strerror(code));
			ck_assert_int_ge(hits, 1);
			ck_assert_uint_eq(ptj_web_port(app), 0);
			ck_assert_ptr_null(ptj_web_scheduler_from_app(app));
			continue;
		}
		expect_get(ptj_web_port(app), "/atomic/a", 200, "hello");
		in_library(ok(ptj_web_stop(app, PTJ_DEFAULT)));
	}
	ck_assert_int_ge(failed, 1);
	end_here();
}
END_TEST

/* ---- Requests ------------------------------------------------------------------------------- */

/* The status of the answer, whole or not, or 0 where the connection just ended. */
static int ask(uint16_t port, int kind)
{
	char start[13] = "", text[256];
	struct client c;

	client_open(&c, port);
	snprintf(text, sizeof text,
	         "%s HTTP/1.1\r\nHost: l\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
	         kinds[kind].request, kinds[kind].body);
	client_send(&c, text);
	client_pour(&c, 0, kinds[kind].body, PATIENCE_MS);
	if (client_take(&c, start, 12) < 12)
		start[9] = '\0';
	client_await_end(&c);
	client_close(&c);
	return start[9] ? atoi(start + 9) : 0;
}

/* What fails is the server's fault, and only that request's. */
START_TEST(a_request_fails_cleanly_and_is_served_at_last)
{
	int fault = _i / KINDS, kind = _i % KINDS, hits = 1;
	uint16_t port;

	make_here();
	in_library(port = web_start(app));
	ck_assert_int_eq(ask(port, kind), kinds[kind].status);
	for (int n = 0; hits; n++) {
		int status;

		ck_assert_int_lt(n, MANY);
		fault_arm(fault, n, FAULT_ONCE);
		status = ask(port, kind);
		hits = fault_disarm(fault);
		ck_assert_msg(status == kinds[kind].status || (hits && status / 100 == 5) ||
		                      (hits && status == 0),
		              "%s: %d without call %d", kinds[kind].request, status, n);
		await(ptj_web_request_count(app) == 0);
		ck_assert_msg(ask(port, kind) == kinds[kind].status, "%s: after call %d",
		              kinds[kind].request, n);
	}
	end_here();
}
END_TEST

/* ---- The stop ------------------------------------------------------------------------------- */

/* Whatever is short: it ends, and so do the connections. */
START_TEST(a_stop_needs_nothing)
{
	enum { N = 7 };
	struct client c[N];
	uint16_t port;
	int code;

	make_here();
	in_library(port = web_start(app));
	for (int i = 0; i < N; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/gate");
	}
	gate_await(&gate, 2);
	await(ptj_web_line_count(app) == 2);
	await(ptj_web_request_count(app) >= 6);
	fault_arm(_i % SHORTAGES, 0, FAULT_FOR_EVER);
	in_library(code = ptj_web_stop(app, _i < SHORTAGES ? 0 : SHORT_MS));
	fault_disarm(_i % SHORTAGES);
	ok(code);
	for (int i = 0; i < N; i++) {
		client_await_end(&c[i]);
		client_close(&c[i]);
	}
	ck_assert_int_eq(gate_passed(&gate), 0);
	in_library(port = web_start(app));
	expect_get(port, "/atomic/a", 200, "hello");
	end_here();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, without_memory_each_call_fails_cleanly_and_succeeds_at_last, 0,
	                    CALLS);
	tcase_add_loop_test(tc, a_start_fails_cleanly_and_succeeds_at_last, 0, SHORTAGES);
	tcase_add_loop_test(tc, a_request_fails_cleanly_and_is_served_at_last, 0,
	                    SHORTAGES * KINDS);
	tcase_add_loop_test(tc, a_stop_needs_nothing, 0, 2 * SHORTAGES);
}

int main(void)
{
	faults_spare_this_thread();
	return run_tests("web_faults", add);
}
