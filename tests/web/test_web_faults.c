/* The n-th allocation, thread or descriptor fails, for n = 0, 1, 2...: while an application is put
   together, at its start, during a request of each kind, and at the stop.  A call fails cleanly, a
   client has an answer or the end of its connection, the next one is served, and nothing leaks.

   The library's own calls fail, also those of libmicrohttpd's functions, and not what these call,
   which is not linked in.  What then fails in one way only, or must fail at one moment, stands
   below.

   SPDX-License-Identifier: Apache-2.0 */

#include "../faults.h"
#include "../sanitizers.h"
#include "web_faults.h"

#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* An interruption is no failure. */
static const enum fault shortages[] = {NO_MEMORY, NO_THREAD, NO_DESCRIPTOR,
                                       NO_OBJECT, NO_ANSWER, INTERRUPTED};

enum { SHORTAGES = sizeof shortages / sizeof shortages[0] };

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

/* Those that make objects first. */
static int (*const makers[])(void) = {create, create_below, mount,       setup,     route,
                                      atomic, route_with,   attr_create, attr_name, tls};

enum { MAKERS = sizeof makers / sizeof makers[0], MAKERS_OF_OBJECTS = 3 };

/* A call that failed for want of memory, or of an object, can be made again. */
START_TEST(without_memory_each_call_fails_cleanly_and_succeeds_at_last)
{
	enum fault fault = _i < MAKERS ? NO_MEMORY : NO_OBJECT;
	int (*maker)(void) = makers[_i % MAKERS];
	int hits = 1, n, failed = 0;

	for (n = 0; hits && n < MANY; n++) {
		int code;

		child = NULL;
		in_library(ok(ptj_web_app_create(&app, NULL)));
		in_library(ok(ptj_web_route_attr_create(&route_attr)));
		in_library(ok(ptj_web_route_attr_set_atomic(route_attr, 1)));
		in_library(ok(ptj_web_route_attr_set_name(route_attr, "named")));
		fault_arm(fault, n, FAULT_ONCE);
		in_library(code = maker());
		hits = fault_disarm(fault);
		ck_assert_msg(code == (hits ? ENOMEM : 0), "call %d, fault %d, %d: %d", _i,
		              (int)fault, n, code);
		failed += code != 0;
		if (code)
			in_library(ok(maker()));
		in_library(ptj_web_app_free(child));
		in_library(ptj_web_app_free(app));
		in_library(ptj_web_route_attr_free(route_attr));
		ck_assert_uint_eq(blocks_held(), 0);
	}
	ck_assert_int_ge(failed, 1);
}
END_TEST

START_TEST(without_tls_a_certificate_is_enotsup)
{
	in_library(ok(ptj_web_app_create(&app, NULL)));
	refuse(CALL_HAS_FEATURE, 1, 1);
	in_library(expect(ENOTSUP, ptj_web_set_tls(app, "a certificate", "a key")));
	in_library(ptj_web_app_free(app));
	ck_assert_uint_eq(blocks_held(), 0);
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

/* Answers with the error that the body ends with. */
static int handler_read_late(ptj_web_request *r, void *user)
{
	char piece[1000], text[32];
	size_t got = 1;
	int code = 0;

	(void)user;
	gate_pass_stubborn(&gate);
	while (code == 0 && got > 0)
		code = ptj_web_read(r, piece, sizeof piece, PTJ_INFINITE, &got);
	snprintf(text, sizeof text, "%d", code);
	return respond_text(r, 200, text);
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

static int handler_into_file(ptj_web_request *r, void *user)
{
	uint64_t written = 0;
	char text[32];
	int fd = memfd_create("file", MFD_CLOEXEC), code;

	(void)user;
	if (fd < 0)
		return errno;
	code = ptj_web_read_to_fd(r, fd, PTJ_INFINITE, &written);
	close(fd);
	snprintf(text, sizeof text, "%ju", (uintmax_t)written);
	return code ? code : respond_text(r, 200, text);
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

#define SHORT "a-segment-that-needs-room-of-its-own"
#define MEDIUM SHORT SHORT SHORT SHORT SHORT
#define LONG MEDIUM MEDIUM MEDIUM MEDIUM

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
	{"POST /into/file", 9000, 200},
	{"GET /stream", 0, 200},
	{"GET /fd", 0, 200},
	{"GET /watched", 0, 200},
	{"GET /spawn", 0, 200},
	{"GET /shield", 0, 200},
	{"GET /fail", 0, 500},
	{"GET /below/a", 0, 200},
	{"GET /rest/" LONG "/b/c?d=%20", 0, 200},
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
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/into/file",
	                handler_into_file, NULL);
	web_atomic(app, "GET", "/rest/{a}/{b...}", handler_hello, NULL);
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

static int start_at(const char *address)
{
	int code;

	in_library(code = address ? ptj_web_start(app, address, 0) : ptj_web_open(app));
	return code;
}

/* With a server, and without. */
START_TEST(a_start_fails_cleanly_and_succeeds_at_last)
{
	static const int codes[FAULTS] = {[NO_MEMORY] = ENOMEM,
	                                  [NO_THREAD] = EAGAIN,
	                                  [NO_DESCRIPTOR] = EMFILE,
	                                  [NO_OBJECT] = EAGAIN,
	                                  [NO_ANSWER] = ENOBUFS};
	const char *address = _i < SHORTAGES ? "127.0.0.1" : NULL;
	enum fault fault = shortages[_i % SHORTAGES];
	int hits = 1, failed = 0;

	/* ThreadSanitizer's run-time makes attributes for a thread that is given none. */
	if (SANITIZED && fault == NO_OBJECT)
		return;
	make_here();
	for (int n = 0; hits; n++) {
		int code;

		ck_assert_int_lt(n, MANY);
		fault_arm(fault, n, FAULT_ONCE);
		code = start_at(address);
		hits = fault_disarm(fault);
		failed += code != 0;
		if (code) {
			ck_assert_msg(code == codes[fault] ||
			                      (fault == NO_OBJECT && code == ENOMEM),
			              "call %d: %s", n, strerror(code));
			ck_assert_int_ge(hits, 1);
			ck_assert_uint_eq(ptj_web_port(app), 0);
			ck_assert_ptr_null(ptj_web_scheduler_from_app(app));
			continue;
		}
		if (address)
			expect_get(ptj_web_port(app), "/atomic/a", 200, "hello");
		in_library(ok(ptj_web_stop(app, PTJ_DEFAULT)));
	}
	if (fault != INTERRUPTED && (address || fault != NO_ANSWER))
		ck_assert_int_ge(failed, 1);
	end_here();
}
END_TEST

static const struct {
	const char *address;
	enum call call;
	int error, code;
} starts[] = {
	/* Without IPv6 it is IPv4. */
	{NULL, CALL_SOCKET, EAFNOSUPPORT, 0},
	{NULL, CALL_BIND, EADDRNOTAVAIL, 0},
	{NULL, CALL_BIND, EADDRINUSE, EADDRINUSE},
	{"127.0.0.1", CALL_SOCKET, EAFNOSUPPORT, EAFNOSUPPORT},
	{"127.0.0.1", CALL_BIND, EACCES, EACCES},
	{"127.0.0.1", CALL_LISTEN, EADDRINUSE, EADDRINUSE},
	{"127.0.0.1", CALL_GETSOCKNAME, ENOBUFS, ENOBUFS},
	{"127.0.0.1", CALL_GETADDRINFO, EAI_NONAME, EADDRNOTAVAIL},
	{"127.0.0.1", CALL_GETADDRINFO, EAI_AGAIN, EADDRNOTAVAIL},
	{"127.0.0.1", CALL_GETADDRINFO, EIO, EIO},
	{"127.0.0.1", CALL_GETADDRINFO, EAI_SYSTEM, EADDRNOTAVAIL},
};

enum { STARTS = sizeof starts / sizeof starts[0] };

START_TEST(what_the_system_says_comes_back)
{
	int code;

	make_here();
	refuse(starts[_i].call, starts[_i].error, 1);
	in_library(code = ptj_web_start(app, starts[_i].address, 0));
	ck_assert_int_eq(refused(starts[_i].call), 1);
	ck_assert_int_eq(code, starts[_i].code);
	if (code)
		ok(start_at("127.0.0.1"));
	expect_get(ptj_web_port(app), "/atomic/a", 200, "hello");
	end_here();
}
END_TEST

/* Of two the first, or, where that cannot be had, the second. */
START_TEST(the_first_address_that_works_is_taken)
{
	make_here();
	find_twice();
	refuse(CALL_BIND, EADDRNOTAVAIL, _i);
	ok(start_at("127.0.0.1"));
	ck_assert_int_eq(refused(CALL_BIND), _i);
	expect_get(ptj_web_port(app), "/atomic/a", 200, "hello");
	end_here();
}
END_TEST

static int call_start(struct caller *c)
{
	return ptj_web_start(c->arg, "127.0.0.1", 0);
}

/* And a stop waits until it has started. */
START_TEST(what_is_starting_neither_starts_nor_changes)
{
	struct caller starting, stopping;

	make_here();
	starting = stopping = (struct caller){.arg = app, .timeout = PTJ_DEFAULT};
	hold(CALL_GETADDRINFO, &gate);
	caller_start(&starting, call_start);
	gate_await(&gate, 1);
	expect(EALREADY, start_at("127.0.0.1"));
	in_library(expect(EBUSY, ptj_web_set_threads(app, 2)));
	caller_start(&stopping, call_web_stop);
	caller_await_blocked(&stopping);
	gate_open(&gate);
	ok(caller_join(&starting));
	ok(caller_join(&stopping));
	ck_assert_uint_eq(ptj_web_port(app), 0);
	end_here();
}
END_TEST

/* ---- Requests ------------------------------------------------------------------------------- */

/* The status of the answer, whole or not, or 0 where the connection just ended. */
static int ask(uint16_t port, int kind)
{
	char start[13] = "", text[2048];
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

static enum MHD_Result access_handler(void *user, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *upload, size_t *upload_size, void **request)
{
	return ptj_web_request_begin(user, connection, url, method, version, upload, upload_size,
	                             request)
	               ? MHD_YES
	               : MHD_NO;
}

/* What fails is the server's fault, and only that request's. */
START_TEST(a_request_fails_cleanly_and_is_served_at_last)
{
	enum fault fault = shortages[_i / KINDS];
	int kind = _i % KINDS, hits = 1;
	uint16_t port;

	make_here();
	in_library(port = web_start(app));
	for (int n = 0; hits; n++) {
		int status;

		ck_assert_int_lt(n, MANY);
		fault_arm(fault, n, FAULT_ONCE);
		status = ask(port, kind);
		hits = fault_disarm(fault);
		ck_assert_msg(status == kinds[kind].status || (hits && fault != INTERRUPTED &&
		                                               (status == 0 || status / 100 == 5)),
		              "%s: %d after fault %d, call %d", kinds[kind].request, status,
		              (int)fault, n);
		await(ptj_web_request_count(app) == 0);
		ck_assert_msg(ask(port, kind) == kinds[kind].status, "%s: after call %d",
		              kinds[kind].request, n);
	}
	end_here();
}
END_TEST

/* The first connection of a server is the first that needs a table. */
START_TEST(a_connection_that_cannot_be_kept_is_closed)
{
	static const int nth[] = {0, 1, 1, 2}; /* once there is a table it stays */
	struct client c;
	uint16_t port;

	make_here();
	in_library(port = web_start(app));
	for (int i = 0; i < 4; i++) {
		fault_arm(NO_MEMORY, nth[i], FAULT_ONCE);
		client_open(&c, port);
		client_expect_end(&c);
		ck_assert_int_eq(fault_disarm(NO_MEMORY), 1);
		client_close(&c);
		await(ptj_web_connection_count(app) == 0);
	}
	expect_get(port, "/inline/a", 200, "hello");
	end_here();
}
END_TEST

/* libmicrohttpd does so where it finds no memory for it, and does not tell: with room for more the
   next takes the place along with the descriptor's number. */
START_TEST(one_that_libmicrohttpd_drops_gives_its_place_back)
{
	struct client c;
	uint16_t port;

	make_here();
	in_library(ok(ptj_web_set_connection_limit(app, _i ? 10 : 1)));
	in_library(port = web_start(app));
	refuse(CALL_ADD_CONNECTION, EIO, 2);
	for (int i = 0; i < 2; i++) {
		client_open(&c, port);
		client_expect_end(&c);
		client_close(&c);
	}
	expect_get(port, "/inline/a", 200, "hello");
	ck_assert_int_eq(refused(CALL_ADD_CONNECTION), 2);
	await(ptj_web_connection_count(app) == 0);
	end_here();
}
END_TEST

START_TEST(one_that_is_gone_before_it_is_accepted_is_none)
{
	uint16_t port;

	make_here();
	in_library(port = web_start(app));
	refuse(CALL_ACCEPT, _i ? EINTR : ECONNABORTED, 3);
	expect_get(port, "/inline/a", 200, "hello");
	ck_assert_int_eq(refused(CALL_ACCEPT), 3);
	end_here();
}
END_TEST

/* Only so many may have been there when the stop began. */
START_TEST(and_those_that_go_on_coming_do_not_hold_up_a_stop)
{
	make_here();
	in_library(web_start(app));
	refuse(CALL_ACCEPT, ECONNABORTED, INT_MAX);
	in_library(ok(ptj_web_stop(app, PTJ_DEFAULT)));
	ck_assert_int_eq(refused(CALL_ACCEPT), SOMAXCONN + 1);
	end_here();
}
END_TEST

/* What came before is read; then it fails, whatever else comes. */
START_TEST(a_body_that_finds_no_room_has_failed)
{
	enum { SIZE = 60000 };
	struct client c;
	uint16_t port;

	make_here();
	in_library(web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/late/read",
	                           handler_read_late, NULL));
	in_library(port = web_start(app));
	client_open(&c, port);
	client_begin_post(&c, "/late/read", SIZE, "");
	gate_await(&gate, 1);
	client_pour(&c, 0, 1000, PATIENCE_MS);
	expect_get(port, "/inline/a", 200, "hello");
	fault_arm(NO_MEMORY, 0, FAULT_ONCE);
	client_pour(&c, 1000, SIZE / 2, PATIENCE_MS);
	await(fault_hits(NO_MEMORY) == 1);
	fault_disarm(NO_MEMORY);
	client_pour(&c, SIZE / 2, SIZE, PATIENCE_MS);
	gate_open(&gate);
	client_expect(&c, 200, "12");
	client_close(&c);
	end_here();
}
END_TEST

/* Where the daemon calls without the URI callback, a request begins here. */
START_TEST(a_request_that_cannot_begin_is_refused)
{
	static char place;
	void *request = NULL;
	size_t none = 0;
	int code;

	make_here();
	ok(start_at(NULL));
	for (int n = 0; n < 2; n++) {
		fault_arm(NO_MEMORY, n, FAULT_ONCE);
		in_library(code = ptj_web_request_begin(app, (struct MHD_Connection *)&place, "/",
		                                        "GET", "HTTP/1.1", NULL, &none, &request));
		ck_assert_int_eq(fault_disarm(NO_MEMORY), 1);
		ck_assert_int_eq(code, 0);
		ck_assert_ptr_null(request);
	}
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	end_here();
}
END_TEST

/* Here the library's loop watches a connection of a daemon of the program's.  Without, the
   job just goes on. */
START_TEST(so_does_one_before_a_daemon_of_the_programs)
{
	struct MHD_Daemon *daemon;
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)ptj_web_request_end, NULL},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)ptj_web_request_uri, NULL},
		{MHD_OPTION_END, 0, NULL}};
	int hits = 1, served = 0, watched = 0;
	uint16_t port;

	make_here();
	options[0].ptr_value = options[1].ptr_value = app;
	while (strcmp(kinds[watched].request, "GET /watched") != 0)
		watched++;
	ok(start_at(NULL));
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
	                          NULL, access_handler, app, MHD_OPTION_ARRAY, options,
	                          MHD_OPTION_END);
	ck_assert_ptr_nonnull(daemon);
	port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	for (int n = 0; hits; n++) {
		int status;

		ck_assert_int_lt(n, MANY);
		fault_arm(NO_MEMORY, n, FAULT_ONCE);
		status = ask(port, watched);
		hits = fault_disarm(NO_MEMORY);
		ck_assert_msg(status == 200 || (hits && (status == 0 || status / 100 == 5)),
		              "%d without call %d", status, n);
		served += hits && status == 200;
		await(ptj_web_request_count(app) == 0);
	}
	ck_assert_int_ge(served, 1);
	in_library(ok(ptj_web_close(app, PTJ_DEFAULT)));
	MHD_stop_daemon(daemon);
	end_here();
}
END_TEST

/* ---- The stop ------------------------------------------------------------------------------- */

/* Whatever is short: it ends, and so do the connections. */
START_TEST(a_stop_needs_nothing)
{
	enum { N = 7 };
	enum fault fault = shortages[_i % SHORTAGES];
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
	fault_arm(fault, 0, fault == INTERRUPTED ? FAULT_IN_A_BURST : FAULT_FOR_EVER);
	in_library(code = ptj_web_stop(app, _i < SHORTAGES ? 0 : SHORT_MS));
	fault_disarm(fault);
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

/* ---- Moments -------------------------------------------------------------------------------- */

static atomic_int untils; /* calls of the handler below */

/* Opens the gate when the server has given all requests up. */
static int handler_until_given_up(ptj_web_request *r, void *user)
{
	(void)user;
	atomic_fetch_add(&untils, 1);
	while (ptj_web_request_app(r))
		pause_briefly();
	gate_open(&gate);
	return EIO;
}

static const struct {
	const char *request;
	enum call call;
} moments[] = {
	{"GET /inline/a", CALL_GET_VALUES},
	{"POST /read", CALL_MAKE_PIPE},
	{"GET /atomic/a", CALL_SPAWN},
};

enum { MOMENTS = sizeof moments / sizeof moments[0] };

/* The stop gives up a request while the daemon's thread is at work on it. */
START_TEST(whoever_is_given_up_at_any_moment_is_answered)
{
	struct setup u = setup_of(1, 1);
	struct caller stopping;
	struct client c[3];
	char text[256];
	uint16_t port;

	gate_init(&gate);
	u.mode = PTJ_CANCEL_COOPERATIVE;
	u.close_timeout = SHORT_MS;
	u.reports = &reports;
	reports_init(&reports);
	library_enter();
	app = web_app_with(u);
	ok(ptj_web_route(app, "GET", "/inline/{a}", handler_hello, NULL));
	web_atomic(app, "GET", "/atomic/{a}", handler_hello, NULL);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/read", handler_read, NULL);
	web_atomic(app, "GET", "/until", handler_until_given_up, NULL);
	port = web_start(app);
	library_leave();
	/* One runs, and not only will: else the close would drop it.  One is pending. */
	for (int i = 0; i < 2; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/until");
		await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) == (size_t)i + 1);
		await(atomic_load(&untils) == 1);
	}
	/* The daemon's thread is done with those. */
	expect_get(port, "/inline/a", 200, "hello");
	hold(moments[_i].call, &gate);
	client_open(&c[2], port);
	snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n\r\n",
	         moments[_i].request);
	client_send(&c[2], text);
	gate_await(&gate, 1);
	stopping = (struct caller){.arg = app, .timeout = 0};
	caller_start(&stopping, call_web_stop);
	for (int i = 0; i < 3; i++) {
		client_expect(&c[i], 503, NULL);
		client_close(&c[i]);
	}
	ok(caller_join(&stopping));
	in_library(ptj_web_app_free(app));
	await(blocks_held() == 0);
	gate_destroy(&gate);
}
END_TEST

/* Where its client's leaving is to close it, the daemon's thread keeps a handle of the job: of one
   that has not ended. */
START_TEST(a_job_may_be_over_before_its_handle_is_kept)
{
	struct client c;
	uint16_t port;

	gate_init(&gate);
	library_enter();
	app = web_app_with(setup_of(1, 1));
	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/", handler_hello,
	                NULL);
	port = web_start(app);
	library_leave();
	hold(CALL_SPAWN, &gate);
	client_open(&c, port);
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) == 0);
	gate_open(&gate);
	client_expect(&c, 200, "hello");
	client_request(&c, "GET", "/");
	client_expect(&c, 200, "hello");
	client_close(&c);
	end_here();
}
END_TEST

/* The daemon is not stopped under whoever has resumed a connection and is still within that. */
START_TEST(a_stop_waits_for_who_resumes)
{
	struct setup u = setup_of(1, 1);
	struct caller stopping;
	struct gate resuming;
	struct client c;
	uint16_t port;

	gate_init(&gate);
	gate_init(&resuming);
	reports_init(&reports);
	u.close_timeout = SHORT_MS;
	u.reports = &reports;
	library_enter();
	app = web_app_with(u);
	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
	port = web_start(app);
	library_leave();
	client_open(&c, port);
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	/* By then the daemon has looked at the first twice, and suspended it. */
	for (int i = 0; i < 3; i++)
		expect_get(port, "/inline", 200, "hello");
	hold(CALL_RESUME, &resuming);
	gate_open(&gate);
	client_expect(&c, 200, "passed");
	client_close(&c);
	gate_await(&resuming, 1);
	stopping = (struct caller){.arg = app, .timeout = 0};
	caller_start(&stopping, call_web_stop);
	await(reports_with(&reports, CLOSING_TIMED_OUT) == 1);
	await(ptj_web_connection_count(app) == 0);
	caller_await_blocked(&stopping);
	ck_assert_int_eq(caller_done(&stopping), 0);
	gate_open(&resuming);
	ok(caller_join(&stopping));
	in_library(ptj_web_app_free(app));
	await(blocks_held() == 0);
	gate_destroy(&resuming);
	gate_destroy(&gate);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, without_memory_each_call_fails_cleanly_and_succeeds_at_last, 0,
	                    MAKERS + MAKERS_OF_OBJECTS);
	tcase_add_test(tc, without_tls_a_certificate_is_enotsup);
	tcase_add_loop_test(tc, a_start_fails_cleanly_and_succeeds_at_last, 0, 2 * SHORTAGES);
	tcase_add_loop_test(tc, what_the_system_says_comes_back, 0, STARTS);
	tcase_add_loop_test(tc, the_first_address_that_works_is_taken, 0, 2);
	tcase_add_test(tc, what_is_starting_neither_starts_nor_changes);
	tcase_add_loop_test(tc, a_request_fails_cleanly_and_is_served_at_last, 0,
	                    SHORTAGES * KINDS);
	tcase_add_test(tc, a_connection_that_cannot_be_kept_is_closed);
	tcase_add_loop_test(tc, one_that_libmicrohttpd_drops_gives_its_place_back, 0, 2);
	tcase_add_loop_test(tc, one_that_is_gone_before_it_is_accepted_is_none, 0, 2);
	tcase_add_test(tc, and_those_that_go_on_coming_do_not_hold_up_a_stop);
	tcase_add_test(tc, a_body_that_finds_no_room_has_failed);
	tcase_add_test(tc, a_request_that_cannot_begin_is_refused);
	tcase_add_test(tc, so_does_one_before_a_daemon_of_the_programs);
	tcase_add_loop_test(tc, whoever_is_given_up_at_any_moment_is_answered, 0, MOMENTS);
	tcase_add_test(tc, a_job_may_be_over_before_its_handle_is_kept);
	tcase_add_test(tc, a_stop_waits_for_who_resumes);
	tcase_add_loop_test(tc, a_stop_needs_nothing, 0, 2 * SHORTAGES);
}

int main(void)
{
	faults_spare_this_thread();
	return run_tests("web_faults", add);
}
