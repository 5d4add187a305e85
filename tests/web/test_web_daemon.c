/* The lower level: a daemon of the program's own, in each way that libmicrohttpd has to run one but
   with a thread for each connection: there all threads wait for one descriptor to hear that a
   connection is to go on, and the one that listens may take the word from the one that it is for.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>

static struct gate gate;
static struct recorder seen;
static struct reports reports;

enum way_to_run { EPOLL, POOL, POLL, SELECT, EXTERNAL, WAYS, THREADS = WAYS };

static const unsigned flags[WAYS + 1] = {
	[EPOLL] = MHD_USE_EPOLL_INTERNAL_THREAD,
	[POOL] = MHD_USE_EPOLL_INTERNAL_THREAD,
	[POLL] = MHD_USE_POLL_INTERNAL_THREAD,
	[SELECT] = MHD_USE_INTERNAL_POLLING_THREAD,
	[EXTERNAL] = 0,
	[THREADS] = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD,
};

static char mark; /* *request of a request that the program serves itself */
static struct MHD_Daemon *the_daemon;
static pthread_t loop;      /* of EXTERNAL */
static atomic_int loop_end; /* of EXTERNAL */

static enum MHD_Result access_handler(void *app, struct MHD_Connection *connection, const char *url,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_size, void **request)
{
	return ptj_web_request_begin(app, connection, url, method, version, upload, upload_size,
	                             request)
	               ? MHD_YES
	               : MHD_NO;
}

static void request_end(void *app, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode termination)
{
	if (*request == &mark)
		*request = NULL;
	ptj_web_request_end(app, connection, request, (int)termination);
}

/* What a program with an event loop of its own does. */
static void *run_loop(void *daemon)
{
	while (!atomic_load(&loop_end)) {
		struct timeval wait = {.tv_usec = 10000};
		MHD_UNSIGNED_LONG_LONG ms;
		fd_set readable, writable, other;
		int max = -1;

		FD_ZERO(&readable);
		FD_ZERO(&writable);
		FD_ZERO(&other);
		MHD_get_fdset(daemon, &readable, &writable, &other, &max);
		if (MHD_get_timeout(daemon, &ms) == MHD_YES && ms < 10)
			wait.tv_usec = (suseconds_t)ms * 1000;
		select(max + 1, &readable, &writable, &other, &wait);
		MHD_run_from_select(daemon, &readable, &writable, &other);
	}
	return daemon;
}

/* Starts a daemon in front of app; with uris, paths are decoded by the library. */
static uint16_t start(ptj_web_app *app, int way, int uris, MHD_AccessHandlerCallback handler)
{
	struct MHD_OptionItem options[4] = {
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_end, app},
	};
	int n = 1;

	if (uris)
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_URI_LOG_CALLBACK,
		                                       (intptr_t)ptj_web_request_uri, app};
	if (way == POOL)
		options[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, 3, NULL};
	options[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	the_daemon = MHD_start_daemon(flags[way] | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handler,
	                              app, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	ck_assert_ptr_nonnull(the_daemon);
	if (way == EXTERNAL) {
		atomic_store(&loop_end, 0);
		ck_assert_int_eq(pthread_create(&loop, NULL, run_loop, the_daemon), 0);
	}
	return MHD_get_daemon_info(the_daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* The daemon after the application, as the header says. */
static void stop(int way)
{
	if (way == EXTERNAL) {
		atomic_store(&loop_end, 1);
		ck_assert_int_eq(pthread_join(loop, NULL), 0);
	}
	MHD_stop_daemon(the_daemon);
}

static ptj_web_app *make_here(size_t limit, size_t pending_limit)
{
	struct setup u = setup_of(limit, pending_limit);

	gate_init(&gate);
	recorder_init(&seen);
	reports_init(&reports);
	u.reports = &reports;
	return web_app_with(u);
}

static int handler_tell(ptj_web_request *r, void *user)
{
	char text[256];
	size_t size = 0;

	(void)user;
	ptj_web_body(r, &size);
	snprintf(text, sizeof text, "%s %s %zu", ptj_web_method(r), ptj_web_param(r, "a"), size);
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
	record(&seen, code);
	snprintf(text, sizeof text, "%zu", size);
	return code ? code : respond_text(r, 200, text);
}

static int handler_stream(ptj_web_request *r, void *user)
{
	int code = ptj_web_stream(r, 200, NULL, UINT64_MAX);

	(void)user;
	if (code == 0)
		code = ptj_web_write(r, "one ", 4, PTJ_INFINITE, NULL);
	return code ? code : ptj_web_write(r, "two", 3, PTJ_INFINITE, NULL);
}

static void route(ptj_web_app *app)
{
	ok(ptj_web_route(app, "*", "/inline/{a}", handler_tell, NULL));
	web_atomic(app, "*", "/atomic/{a}", handler_tell, NULL);
	web_atomic(app, "GET", "/stream", handler_stream, NULL);
	web_atomic(app, "GET", "/gate", handler_at_gate, &gate);
	web_atomic(app, "GET", "/obedient", handler_obedient, &gate);
	web_atomic(app, "GET", "/fail", handler_fail_eio, NULL);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/read", handler_read, NULL);
}

static const char body[3000];

static int call_web_close(struct caller *c)
{
	return ptj_web_close(c->arg, c->timeout);
}

/* ---- It serves ------------------------------------------------------------------------------ */

START_TEST(each_kind_of_request_is_served)
{
	ptj_web_app *app = make_here(2, 8);
	struct client c;
	uint16_t port;

	route(app);
	ok(ptj_web_open(app));
	ck_assert_ptr_nonnull(ptj_web_scheduler_from_app(app));
	ck_assert_uint_eq(ptj_web_port(app), 0);
	ck_assert_uint_eq(ptj_web_connection_count(app), 0);
	expect(EALREADY, ptj_web_open(app));
	expect(EALREADY, ptj_web_start(app, "127.0.0.1", 0));
	port = start(app, _i, 1, access_handler);
	client_open(&c, port);
	for (int i = 0; i < 5; i++) {
		client_request(&c, "GET", "/inline/x");
		client_expect(&c, 200, "GET x 0");
		client_request(&c, "GET", "/atomic/x%20y");
		client_expect(&c, 200, "GET x y 0");
		client_post(&c, "/inline/x", body, sizeof body);
		client_expect(&c, 200, "POST x 3000");
		client_post(&c, "/atomic/x", body, sizeof body);
		client_expect(&c, 200, "POST x 3000");
		client_post(&c, "/read", body, sizeof body);
		client_expect(&c, 200, "3000");
		client_request(&c, "GET", "/stream");
		client_expect(&c, 200, "one two");
		client_request(&c, "GET", "/nothing");
		client_expect(&c, 404, NULL);
		client_request(&c, "POST", "/stream");
		client_expect(&c, 405, NULL);
	}
	client_request(&c, "GET", "/fail");
	client_expect(&c, 500, NULL);
	client_close(&c);
	await(reports_count(&reports) == 1);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	ck_assert_ptr_null(ptj_web_scheduler_from_app(app));
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

START_TEST(handlers_that_block_hold_nobody_up)
{
	enum { N = 6 };
	ptj_web_app *app = make_here(2, 8);
	struct client c[N];
	uint16_t port;

	route(app);
	ok(ptj_web_open(app));
	port = start(app, _i, 1, access_handler);
	for (int i = 0; i < N; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/gate");
	}
	gate_await(&gate, 2);
	await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) == N);
	expect_get(port, "/inline/x", 200, "GET x 0");
	gate_open(&gate);
	for (int i = 0; i < N; i++) {
		client_expect(&c[i], 200, "passed");
		client_close(&c[i]);
	}
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* Without the callback paths are as libmicrohttpd decodes them. */
START_TEST(the_uri_callback_may_be_left_out)
{
	ptj_web_app *app = make_here(1, 1);
	uint16_t port;

	route(app);
	ok(ptj_web_open(app));
	port = start(app, _i, 0, access_handler);
	expect_get(port, "/inline/x", 200, "GET x 0");
	expect_get(port, "/atomic/x%20y?z", 200, "GET x y 0");
	expect_get(port, "/atomic/x%2Fy", 404, NULL);
	expect_get(port, "/atomic/..", 400, NULL);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

START_TEST(with_it_a_slash_within_a_segment_is_none)
{
	ptj_web_app *app = make_here(1, 1);
	uint16_t port;

	route(app);
	ok(ptj_web_open(app));
	port = start(app, EPOLL, 1, access_handler);
	expect_get(port, "/atomic/x%2Fy", 200, "GET x/y 0");
	expect_get(port, "/atomic/x%", 400, NULL);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(EPOLL);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* ---- Beside what the program serves itself -------------------------------------------------- */

static enum MHD_Result own_access(void *app, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
	static char own[] = "own";
	struct MHD_Response *response;
	enum MHD_Result result;

	if (strcmp(url, "/own") != 0)
		return access_handler(app, connection, url, method, version, upload, upload_size,
		                      request);
	/* libmicrohttpd closes the connection behind an answer to its first call. */
	if (!*request) {
		*request = &mark;
		return MHD_YES;
	}
	response = MHD_create_response_from_buffer(3, own, MHD_RESPMEM_PERSISTENT);
	result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

START_TEST(the_program_serves_some_itself)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c;

	route(app);
	ok(ptj_web_open(app));
	client_open(&c, start(app, _i, 0, own_access));
	for (int i = 0; i < 3; i++) {
		client_request(&c, "GET", "/own");
		client_expect(&c, 200, "own");
		client_request(&c, "GET", "/atomic/x");
		client_expect(&c, 200, "GET x 0");
	}
	client_close(&c);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* ---- It ends -------------------------------------------------------------------------------- */

START_TEST(a_close_waits_for_what_was_accepted)
{
	ptj_web_app *app = make_here(1, 1);
	struct caller closing = {.arg = app, .timeout = PTJ_DEFAULT};
	struct client c, other;
	uint16_t port;

	route(app);
	ok(ptj_web_open(app));
	port = start(app, _i, 1, access_handler);
	client_open(&c, port);
	client_request(&c, "GET", "/gate");
	gate_await(&gate, 1);
	caller_start(&closing, call_web_close);
	caller_await_blocked(&closing);
	client_open(&other, port);
	client_request(&other, "GET", "/inline/x");
	client_expect(&other, 503, NULL);
	client_close(&other);
	expect_get(port, "/nothing", 404, NULL);
	gate_open(&gate);
	client_expect(&c, 200, "passed");
	ok(caller_join(&closing));
	client_close(&c);
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* No connection is suspended when it is over: libmicrohttpd would abort the process. */
START_TEST(a_close_without_time_leaves_nobody_suspended)
{
	enum { N = 5 };
	ptj_web_app *app = make_here(2, 1);
	struct client c[N];
	uint16_t port;

	route(app);
	ok(ptj_web_set_line_limit(app, 1));
	ok(ptj_web_open(app));
	port = start(app, _i, 1, access_handler);
	for (int i = 0; i < N; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/obedient");
	}
	gate_await(&gate, 2);
	await(ptj_web_line_count(app) == 1);
	ok(ptj_web_close(app, 0));
	/* Before and after the close. */
	for (int i = 0; i < N; i++)
		client_expect(&c[i], 503, NULL);
	expect_get(port, "/inline/x", 503, NULL);
	stop(_i);
	for (int i = 0; i < N; i++)
		client_close(&c[i]);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

START_TEST(it_is_opened_again)
{
	ptj_web_app *app = make_here(1, 1);

	route(app);
	for (int i = 0; i < 3; i++) {
		uint16_t port;

		ok(ptj_web_open(app));
		port = start(app, _i, 1, access_handler);
		expect_get(port, "/atomic/x", 200, "GET x 0");
		ok(ptj_web_close(app, PTJ_DEFAULT));
		expect_get(port, "/atomic/x", 503, NULL);
		stop(_i);
	}
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

START_TEST(clients_that_leave_leave_nothing_behind)
{
	ptj_web_app *app = make_here(2, 0);
	uint16_t port;

	route(app);
	gate_open(&gate);
	ok(ptj_web_open(app));
	port = start(app, _i, 1, access_handler);
	for (int i = 0; i < 40; i++) {
		struct client c;

		client_open(&c, port);
		if (i % 4 == 0)
			client_request(&c, "GET", "/gate");
		else if (i % 4 == 1)
			client_begin_post(&c, "/read", 100, "");
		else if (i % 4 == 2)
			client_request(&c, "GET", "/stream");
		if (i % 2)
			client_vanish(&c);
		else
			client_close(&c);
	}
	await(ptj_web_request_count(app) == 0);
	expect_get(port, "/atomic/x", 200, "GET x 0");
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* The library's loop watches the connection. */
START_TEST(a_route_may_have_the_job_of_who_leaves_closed)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c, stays;
	uint16_t port;

	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/", handler_obedient,
	                &gate);
	ok(ptj_web_open(app));
	port = start(app, _i, 1, access_handler);
	client_open(&c, port);
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	client_vanish(&c);
	await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) == 0);
	ck_assert_int_eq(gate_passed(&gate), 0);
	client_open(&stays, port);
	client_request(&stays, "GET", "/");
	gate_await(&gate, 2);
	gate_open(&gate);
	client_expect(&stays, 200, "passed");
	client_close(&stays);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* ---- Beside a server of the library's ------------------------------------------------------- */

/* Its requests are served, and its connections are not the server's. */
START_TEST(a_daemon_may_stand_before_what_has_a_server)
{
	ptj_web_app *app = make_here(1, 1);
	struct client c;
	uint16_t port;

	route(app);
	web_start(app);
	port = start(app, _i, 1, access_handler);
	client_open(&c, port);
	for (int i = 0; i < 3; i++) {
		client_post(&c, "/inline/x", body, sizeof body);
		client_expect(&c, 200, "POST x 3000");
		client_post(&c, "/read", body, sizeof body);
		client_expect(&c, 200, "3000");
		ck_assert_uint_eq(ptj_web_connection_count(app), 0);
		expect_get(ptj_web_port(app), "/atomic/x", 200, "GET x 0");
		await(ptj_web_connection_count(app) == 0);
	}
	client_close(&c);
	await(ptj_web_request_count(app) == 0);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	stop(_i);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* ---- What libmicrohttpd passes on ----------------------------------------------------------- */

static int handler_remote(ptj_web_request *r, void *user)
{
	(void)user;
	return respond_text(r, 200, ptj_web_remote(r) ? ptj_web_remote(r) : "none");
}

static const struct {
	union {
		struct sockaddr any;
		struct sockaddr_in6 v6;
		struct sockaddr_in v4;
	} addr;
	const char *text;
} remotes[] = {
	{{.v4 = {.sin_family = AF_INET, .sin_addr = {0}}}, "0.0.0.0"},
	{{.v6 = {.sin6_family = AF_INET6, .sin6_addr = {{{0x20, 1, 0xd, 0xb8, [15] = 1}}}}},
         "2001:db8::1"},
	{{.any = {.sa_family = AF_UNIX}}, "none"},
};

enum { REMOTES = sizeof remotes / sizeof remotes[0] };

START_TEST(a_client_has_an_address_of_any_family)
{
	ptj_web_app *app = make_here(1, 1);
	int ends[2];
	struct client c;

	ok(ptj_web_route(app, "GET", "/", handler_remote, NULL));
	ok(ptj_web_open(app));
	start(app, EPOLL, 1, access_handler);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	c = (struct client){.fd = ends[0]};
	ck_assert_int_eq(MHD_add_connection(the_daemon, ends[1], &remotes[_i].addr.any,
	                                    sizeof remotes[_i].addr),
	                 MHD_YES);
	client_request(&c, "GET", "/");
	client_expect(&c, 200, remotes[_i].text);
	client_close(&c);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(EPOLL);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

static enum MHD_Result flagging_access(void *app, struct MHD_Connection *connection,
                                       const char *url, const char *method, const char *version,
                                       const char *upload, size_t *upload_size, void **request)
{
	if (!*request)
		MHD_set_connection_value(connection, MHD_HEADER_KIND, "X-Flag", NULL);
	return access_handler(app, connection, url, method, version, upload, upload_size, request);
}

static int handler_flag(ptj_web_request *r, void *user)
{
	(void)user;
	return respond_text(r, 200,
	                    ptj_web_header(r, "x-flag") ? ptj_web_header(r, "x-flag") : "none");
}

/* As a program may add one. */
START_TEST(a_header_without_a_value_is_an_empty_one)
{
	ptj_web_app *app = make_here(1, 1);

	ok(ptj_web_route(app, "GET", "/", handler_flag, NULL));
	ok(ptj_web_open(app));
	expect_get(start(app, EPOLL, 0, flagging_access), "/", 200, "");
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(EPOLL);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

static struct lines lines;

START_TEST(a_thread_for_each_connection_has_no_atomic_routes)
{
	ptj_web_app *app = make_here(1, 1);
	uint16_t port;

	lines_init(&lines);
	route(app);
	ok(ptj_web_set_log(app, lines_log, &lines));
	ok(ptj_web_open(app));
	port = start(app, THREADS, 1, access_handler);
	expect_get(port, "/inline/x", 200, "GET x 0");
	expect_get(port, "/atomic/x", 500, NULL);
	ck_assert_int_eq(lines_have(&lines, "a thread for each connection"), 1);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	stop(THREADS);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

/* ---- Without an application ----------------------------------------------------------------- */

START_TEST(a_call_without_its_arguments_is_none)
{
	ptj_web_app *app = make_here(1, 1);
	struct MHD_Connection *place = (struct MHD_Connection *)&mark;
	const char *texts[] = {"/", "GET", "HTTP/1.1"};
	void *request = NULL;
	size_t none = 0;

	ok(ptj_web_open(app));
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(
			ptj_web_request_begin(i == 0 ? NULL : app, i == 1 ? NULL : place,
		                              i == 2 ? NULL : texts[0], i == 3 ? NULL : texts[1],
		                              i == 4 ? NULL : texts[2], NULL, i == 5 ? NULL : &none,
		                              i == 6 ? NULL : &request),
			0);
	ck_assert_ptr_null(ptj_web_request_uri(NULL, "/", place));
	ck_assert_ptr_null(ptj_web_request_uri(app, NULL, place));
	ck_assert_ptr_null(ptj_web_request_uri(app, "/", NULL));
	ptj_web_request_end(app, place, NULL, MHD_REQUEST_TERMINATED_WITH_ERROR);
	ck_assert_ptr_null(request);
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	ok(ptj_web_close(app, PTJ_DEFAULT));
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

START_TEST(a_completed_request_that_was_none_is_nothing)
{
	void *none = NULL;

	ptj_web_request_end(NULL, NULL, &none, MHD_REQUEST_TERMINATED_COMPLETED_OK);
	ptj_web_request_end(NULL, NULL, NULL, MHD_REQUEST_TERMINATED_WITH_ERROR);
	ck_assert_ptr_null(none);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, each_kind_of_request_is_served, 0, WAYS);
	tcase_add_loop_test(tc, handlers_that_block_hold_nobody_up, 0, WAYS);
	tcase_add_loop_test(tc, the_uri_callback_may_be_left_out, 0, WAYS);
	tcase_add_test(tc, with_it_a_slash_within_a_segment_is_none);
	tcase_add_loop_test(tc, the_program_serves_some_itself, 0, WAYS);
	tcase_add_loop_test(tc, a_close_waits_for_what_was_accepted, 0, WAYS);
	tcase_add_loop_test(tc, a_close_without_time_leaves_nobody_suspended, 0, WAYS);
	tcase_add_loop_test(tc, it_is_opened_again, 0, WAYS);
	tcase_add_loop_test(tc, clients_that_leave_leave_nothing_behind, 0, WAYS);
	tcase_add_loop_test(tc, a_route_may_have_the_job_of_who_leaves_closed, 0, WAYS);
	tcase_add_loop_test(tc, a_daemon_may_stand_before_what_has_a_server, 0, WAYS);
	tcase_add_loop_test(tc, a_client_has_an_address_of_any_family, 0, REMOTES);
	tcase_add_test(tc, a_header_without_a_value_is_an_empty_one);
	tcase_add_test(tc, a_thread_for_each_connection_has_no_atomic_routes);
	tcase_add_test(tc, a_call_without_its_arguments_is_none);
	tcase_add_test(tc, a_completed_request_that_was_none_is_nothing);
}

int main(void)
{
	return run_tests("web_daemon", add);
}
