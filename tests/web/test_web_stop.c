/* The stop: under load, with stragglers, from several threads and from within; with clients that
   are in the midst of a request or do not read their answer.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
	FRESH_MS = 600, /* after that a connection that has said nothing is not fresh any more */
	OWN_MS = 10000, /* what a stop may take beside its timeout and the close timeouts */
	MIB = 1 << 20,
};

static struct gate gate;
static struct recorder seen;
static struct reports reports;

static ptj_web_app *make_with(struct setup u)
{
	gate_init(&gate);
	recorder_init(&seen);
	reports_init(&reports);
	u.reports = &reports;
	return web_app_with(u);
}

static ptj_web_app *make_here(void)
{
	return make_with(setup_of(2, 8));
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
}

/* Begins a stop on a thread of its own, and returns when it waits. */
static void stop_begin(struct caller *c, ptj_web_app *app, int64_t timeout)
{
	*c = (struct caller){.arg = app, .timeout = timeout};
	caller_start(c, call_web_stop);
	caller_await_blocked(c);
}

/* ---- Under load ----------------------------------------------------------------------------- */

enum { THREADS = 8, IDS = 100000 };

static atomic_char entered[IDS];  /* by a handler */
static atomic_char answered[IDS]; /* the client has the whole answer */
static atomic_int next_id, broken;
static uint16_t load_port;

static int handler_enter(ptj_web_request *r, void *user)
{
	const char *id = ptj_web_param(r, "id");

	(void)user;
	atomic_store(&entered[atoi(id)], 1);
	return respond_text(r, 200, id);
}

/* Not a thread of the test's, so nothing is asserted here. */
static int connect_to(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(port),
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Reads one answer with a length: 1 for a whole one, 0 for the end instead of one, -1 for a
   part. */
static int read_answer(int fd)
{
	char text[2048] = "";
	size_t len = 0;

	for (;;) {
		char *end = strstr(text, "\r\n\r\n"), *size = strcasestr(text, "Content-Length: ");
		ssize_t got;

		if (end && size && strlen(end + 4) >= strtoul(size + 16, NULL, 10))
			return 1;
		got = recv(fd, text + len, sizeof text - 1 - len, 0);
		if (got <= 0)
			return len ? -1 : 0;
		len += (size_t)got;
	}
}

/* Asks on one connection after another, several times on each, until the server is gone. */
static void *load(void *arg)
{
	int alive = 1;

	while (alive) {
		int fd = connect_to(load_port), result = fd >= 0;

		for (int i = 0; i < 20 && result > 0; i++) {
			int id = atomic_fetch_add(&next_id, 1) % IDS, n;
			char text[128];

			n = snprintf(text, sizeof text, "GET /%s/%d HTTP/1.1\r\nHost: l\r\n\r\n",
			             id % 3 ? "atomic" : "inline", id);
			if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
				break;
			result = read_answer(fd);
			if (result > 0)
				atomic_store(&answered[id], 1);
			if (result < 0)
				atomic_fetch_add(&broken, 1);
		}
		if (fd >= 0)
			close(fd);
		alive = fd >= 0;
	}
	return arg;
}

/* Whoever met a handler has the whole answer, and nobody has a part of one. */
START_TEST(under_load_whoever_was_accepted_is_answered)
{
	ptj_web_app *app = make_with(setup_of(4, 0));
	pthread_t threads[THREADS];
	int n;

	ok(ptj_web_set_threads(app, _i % 2 ? 3 : 1));
	ok(ptj_web_route(app, "GET", "/inline/{id}", handler_enter, NULL));
	web_atomic(app, "GET", "/atomic/{id}", handler_enter, NULL);
	load_port = web_start(app);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, load, NULL), 0);
	await(atomic_load(&next_id) > 50 + 37 * _i);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	n = atomic_load(&next_id);
	ck_assert_int_lt(n, IDS);
	for (int i = 0; i < n; i++)
		if (atomic_load(&entered[i]))
			ck_assert_msg(atomic_load(&answered[i]), "%d of %d has no answer", i, n);
	ck_assert_int_eq(atomic_load(&broken), 0);
	end_here(app);
}
END_TEST

/* ---- While it waits ------------------------------------------------------------------------- */

START_TEST(while_it_waits_nothing_new_is_served)
{
	ptj_web_app *app = make_here();
	struct client busy, idle;
	struct caller stop;
	char status[13] = "";
	uint16_t port;
	int fd;

	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
	port = web_start(app);
	client_open(&busy, port);
	client_open(&idle, port);
	client_request(&idle, "GET", "/inline");
	client_expect(&idle, 200, "hello");
	client_request(&busy, "GET", "/");
	gate_await(&gate, 1);
	stop_begin(&stop, app, PTJ_DEFAULT);
	fd = connect_to(port);
	if (fd >= 0) {
		/* In the backlog when it closed; that is no promise to be served. */
		char byte;

		ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
		close(fd);
	}
	/* Its connection was closed, or is answered so; but it is not served. */
	if (!client_has_news(&idle)) {
		client_request(&idle, "GET", _i ? "/" : "/inline");
		if (client_take(&idle, status, 12) > 0)
			ck_assert_str_eq(status, "HTTP/1.1 503");
	}
	ck_assert_int_eq(client_has_news(&busy), 0);
	ck_assert_int_eq(gate_arrived(&gate), 1);
	gate_open(&gate);
	client_expect(&busy, 200, "passed");
	ok(caller_join(&stop));
	client_await_end(&busy);
	client_await_end(&idle);
	client_close(&busy);
	client_close(&idle);
	ck_assert_int_lt(connect_to(port), 0);
	end_here(app);
}
END_TEST

static int handler_size(ptj_web_request *r, void *user)
{
	char text[32];
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
	record(&seen, -1);
	while (code == 0 && got > 0) {
		code = ptj_web_read(r, piece, sizeof piece, PTJ_INFINITE, &got);
		size += code ? 0 : got;
	}
	record(&seen, code);
	snprintf(text, sizeof text, "%zu", size);
	return code ? code : respond_text(r, 200, text);
}

static void route_bodies(ptj_web_app *app)
{
	ok(ptj_web_route(app, "POST", "/0", handler_size, NULL));
	web_atomic(app, "POST", "/1", handler_size, NULL);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/2", handler_read, NULL);
}

static const char *const bodies[] = {"/0", "/1", "/2"};

/* It counts from its first line; accepted it is when its head was looked at. */
static void client_begin_accepted_post(struct client *c, const char *target, size_t size)
{
	client_begin_post(c, target, size, "Expect: 100-continue\r\n");
	client_expect(c, 100, NULL);
}

/* A body that is under way is accepted, however its handler takes it. */
START_TEST(a_body_in_flight_is_waited_for)
{
	ptj_web_app *app = make_here();
	struct client c;
	struct caller stop;

	route_bodies(app);
	client_open(&c, web_start(app));
	client_begin_accepted_post(&c, bodies[_i], 1000);
	client_pour(&c, 0, 500, PATIENCE_MS);
	if (_i == 2)
		await(recorded(&seen) == 1);
	stop_begin(&stop, app, PTJ_DEFAULT);
	client_pour(&c, 500, 1000, PATIENCE_MS);
	client_expect(&c, 200, "1000");
	ok(caller_join(&stop));
	client_await_end(&c);
	client_close(&c);
	end_here(app);
}
END_TEST

/* But not for ever: then there is an answer, or the end. */
START_TEST(a_body_that_never_comes_is_given_up)
{
	ptj_web_app *app = make_here();
	int64_t start;
	struct client c;

	route_bodies(app);
	client_open(&c, web_start(app));
	client_begin_accepted_post(&c, bodies[_i], 1000);
	client_pour(&c, 0, 500, PATIENCE_MS);
	if (_i == 2)
		await(recorded(&seen) == 1);
	start = now_ms();
	ok(ptj_web_stop(app, SHORT_MS));
	ck_assert_int_le(now_ms() - start, SHORT_MS + OWN_MS + SLACK_MS);
	client_await_end(&c);
	client_close(&c);
	if (_i == 2)
		ck_assert_uint_le(recorded(&seen), 2);
	end_here(app);
}
END_TEST

START_TEST(a_slow_reader_is_waited_for)
{
	static char body[8 * MIB];
	ptj_web_app *app = make_here();
	struct client c;
	struct caller stop;
	char some[100];

	memset(body, 'a', sizeof body - 1);
	ok(ptj_web_route(app, "GET", "/", handler_hello, body));
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	ck_assert_uint_eq(client_take(&c, some, sizeof some), sizeof some);
	await(ptj_web_request_count(app) == 1);
	stop_begin(&stop, app, PTJ_DEFAULT);
	for (size_t size = sizeof some; size < sizeof body;) {
		size_t got = client_take(&c, body, MIB);

		ck_assert_uint_gt(got, 0);
		size += got;
	}
	ok(caller_join(&stop));
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_endless(ptj_web_request *r, void *user)
{
	static const char block[65536];
	int code = ptj_web_stream(r, 200, NULL, UINT64_MAX);

	(void)user;
	while (code == 0)
		code = ptj_web_write(r, block, sizeof block, PTJ_INFINITE, NULL);
	record(&seen, code);
	return code;
}

START_TEST(and_cut_off_if_it_does_not_read)
{
	static char body[64 * MIB];
	ptj_web_app *app = make_here();
	char some[100];
	int64_t start;
	struct client c;

	memset(body, 'a', sizeof body - 1);
	ok(ptj_web_route(app, "GET", "/0", handler_hello, body));
	web_atomic(app, "GET", "/1", handler_hello, body);
	web_atomic(app, "GET", "/2", handler_endless, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", bodies[_i]);
	ck_assert_uint_eq(client_take(&c, some, sizeof some), sizeof some);
	start = now_ms();
	ok(ptj_web_stop(app, SHORT_MS));
	ck_assert_int_le(now_ms() - start, SHORT_MS + OWN_MS + SLACK_MS);
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- Stragglers ----------------------------------------------------------------------------- */

static int handler_straggle(ptj_web_request *r, void *user)
{
	int code;

	(void)user;
	gate_pass_stubborn(&gate);
	code = respond_text(r, 200, "late");
	record(&seen, code);
	record(&seen, strcmp(ptj_web_uri(r), "/") == 0);
	return code;
}

/* The client is answered, the stop ends, the application is released; the straggler goes on. */
START_TEST(a_straggler_holds_nobody_up)
{
	struct setup u = setup_of(1, 1);
	ptj_web_app *app = web_app();
	int64_t start;
	struct client c;
	int threads;

	/* A sanitizer has a thread of its own from the first that is made on. */
	web_start(app);
	web_end(app);
	threads = threads_here();
	u.close_timeout = SHORT_MS;
	app = make_with(u);
	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = _i}, "GET", "/", handler_straggle,
	                NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	start = now_ms();
	ok(ptj_web_stop(app, SHORT_MS));
	ck_assert_int_le(now_ms() - start, 2 * SHORT_MS + OWN_MS + SLACK_MS);
	client_expect(&c, 503, NULL);
	client_expect_end(&c);
	client_close(&c);
	ck_assert_uint_eq(reports_with(&reports, CLOSING_TIMED_OUT), 1);
	ptj_web_app_free(app);
	gate_open(&gate);
	await(gate_passed(&gate) == 1);
	await(recorded(&seen) == 2 || _i == PTJ_CANCEL_DEFERRED);
	await(threads_here() <= threads);
	if (_i != PTJ_CANCEL_DEFERRED) {
		ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
		ck_assert_int_eq(recorded_at(&seen, 1), 1);
	}
	gate_destroy(&gate);
}
END_TEST

/* Waits until the server has given it up. */
static int handler_until_given_up(ptj_web_request *r, void *user)
{
	ptj_scheduler *s;

	(void)user;
	record(&seen, ptj_web_request_app(r) != NULL);
	gate_pass_stubborn(&gate);
	while (ptj_web_request_app(r))
		pause_briefly();
	record(&seen, ptj_web_scheduler_from_request(r) == NULL);
	record(&seen, ptj_web_scheduler(r, &s) == ENOENT);
	record(&seen, ptj_web_spawn(r, job_identity, NULL, NULL) == ESHUTDOWN);
	record(&seen, ptj_web_shield(r, job_identity, NULL, 0, NULL) == ESHUTDOWN);
	record(&seen, respond_text(r, 200, "late") == EPIPE);
	return EIO;
}

/* On the event loop the log hears of its failure: there is no scheduler any more. */
START_TEST(a_handler_learns_that_it_was_given_up)
{
	struct setup u = setup_of(1, 1);
	struct lines lines;
	struct caller stop;
	ptj_web_app *app;
	struct client c;

	u.close_timeout = SHORT_MS;
	u.mode = PTJ_CANCEL_COOPERATIVE;
	app = make_with(u);
	lines_init(&lines);
	ok(ptj_web_set_log(app, lines_log, &lines));
	if (_i)
		web_atomic(app, "GET", "/", handler_until_given_up, NULL);
	else
		ok(ptj_web_route(app, "GET", "/", handler_until_given_up, NULL));
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	stop = (struct caller){.arg = app, .timeout = 0};
	caller_start(&stop, call_web_stop);
	gate_open(&gate);
	client_expect(&c, 503, NULL);
	ok(caller_join(&stop));
	client_close(&c);
	await(recorded(&seen) == 6);
	ck_assert_uint_eq(recorded_times(&seen, 1), 6);
	if (_i == 0)
		ck_assert_int_eq(lines_have(&lines, "request handler failed"), 1);
	end_here(app);
}
END_TEST

static void *nothing(void *arg)
{
	return arg;
}

static int handler_straggle_and_spawn(ptj_web_request *r, void *user)
{
	(void)user;
	gate_pass_stubborn(&gate);
	record(&seen, ptj_web_spawn(r, nothing, NULL, NULL));
	record(&seen, ptj_web_shield(r, nothing, NULL, PTJ_INFINITE, NULL));
	return 0;
}

/* Its scheduler is gone; the one that its application has by now is none of its. */
START_TEST(and_has_nothing_of_the_next_start)
{
	struct setup u = setup_of(1, 1);
	ptj_web_app *app;
	struct client c;

	u.close_timeout = SHORT_MS;
	app = make_with(u);
	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = PTJ_CANCEL_COOPERATIVE}, "GET",
	                "/", handler_straggle_and_spawn, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	ok(ptj_web_stop(app, 0));
	client_expect(&c, 503, NULL);
	client_close(&c);
	web_start(app);
	gate_open(&gate);
	await(recorded(&seen) == 2);
	ck_assert_uint_eq(recorded_times(&seen, ESHUTDOWN), 2);
	end_here(app);
}
END_TEST

/* In each state that a request can be in. */
START_TEST(with_no_time_everybody_is_answered)
{
	enum { N = 12 };
	ptj_web_app *app = make_with(setup_of(2, 4));
	struct client c[N];
	uint16_t port;

	ok(ptj_web_set_line_limit(app, 3));
	web_atomic(app, "GET", "/", handler_obedient, &gate);
	port = web_start(app);
	for (int i = 0; i < N; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/");
	}
	gate_await(&gate, 2);
	await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) + ptj_web_line_count(app) == 9);
	ok(ptj_web_stop(app, 0));
	for (int i = 0; i < N; i++) {
		client_expect(&c[i], 503, NULL);
		client_await_end(&c[i]);
		client_close(&c[i]);
	}
	ck_assert_int_eq(gate_passed(&gate), 0);
	end_here(app);
}
END_TEST

/* ---- From several threads, and from within -------------------------------------------------- */

START_TEST(concurrent_stops_return_together)
{
	enum { N = 4 };
	ptj_web_app *app = make_here();
	struct caller stops[N];
	struct client c;

	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	gate_await(&gate, 1);
	for (int i = 0; i < N; i++)
		stop_begin(&stops[i], app, PTJ_DEFAULT);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(caller_done(&stops[i]), 0);
	gate_open(&gate);
	client_expect(&c, 200, "passed");
	for (int i = 0; i < N; i++)
		ok(caller_join(&stops[i]));
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_stop(ptj_web_request *r, void *app)
{
	record(&seen, ptj_web_stop(app, 0));
	return respond_text(r, 200, "not stopped");
}

static void *job_stop(void *app)
{
	record(&seen, ptj_web_stop(app, 0));
	return NULL;
}

static int handler_spawn_stop(ptj_web_request *r, void *app)
{
	int code = ptj_web_spawn(r, job_stop, app, NULL);

	return code ? code : respond_text(r, 200, "not stopped");
}

static int handler_shield_stop(ptj_web_request *r, void *app)
{
	int code = ptj_web_shield(r, job_stop, app, PTJ_INFINITE, NULL);

	return code ? code : respond_text(r, 200, "not stopped");
}

START_TEST(from_within_it_is_edeadlk)
{
	static const ptj_web_handler handlers[] = {handler_stop, handler_spawn_stop,
	                                           handler_shield_stop};
	ptj_web_app *app = make_here();
	uint16_t port;

	ok(ptj_web_route(app, "GET", "/inline", handlers[_i], app));
	web_atomic(app, "GET", "/atomic", handlers[_i], app);
	port = web_start(app);
	expect_get(port, "/inline", 200, "not stopped");
	expect_get(port, "/atomic", 200, "not stopped");
	await(recorded(&seen) == 2);
	ck_assert_uint_eq(recorded_times(&seen, EDEADLK), 2);
	expect_get(port, "/inline", 200, "not stopped");
	end_here(app);
}
END_TEST

static ptj_web_app *stopped_by_handler;

static void stop_in_handler(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s;
	(void)context;
	(void)user;
	record(&seen, ptj_web_stop(stopped_by_handler, 0));
}

START_TEST(so_it_is_in_an_exception_handler)
{
	ptj_web_app *app = make_here();

	ok(ptj_web_route(app, "GET", "/", handler_fail_eio, NULL));
	web_atomic(app, "GET", "/atomic", handler_fail_eio, NULL);
	web_start(app);
	stopped_by_handler = app;
	ok(ptj_scheduler_set_exception_handler(ptj_web_scheduler_from_app(app), stop_in_handler,
	                                       NULL));
	expect_get(ptj_web_port(app), _i ? "/atomic" : "/", 500, NULL);
	await(recorded(&seen) == 1);
	ck_assert_int_eq(recorded_at(&seen, 0), EDEADLK);
	end_here(app);
}
END_TEST

static void stop_in_log(const char *message, void *user)
{
	(void)user;
	if (strstr(message, "disk on fire"))
		record(&seen, ptj_web_stop(stopped_by_handler, 0));
}

START_TEST(and_where_the_log_hears_of_a_handler)
{
	ptj_web_app *app = web_app();

	gate_init(&gate);
	recorder_init(&seen);
	stopped_by_handler = app;
	ok(ptj_web_set_log(app, stop_in_log, NULL));
	ok(ptj_web_route(app, "GET", "/", handler_fail_eio, NULL));
	expect_get(web_start(app), "/", 500, NULL);
	ck_assert_uint_eq(recorded(&seen), 1);
	ck_assert_int_eq(recorded_at(&seen, 0), EDEADLK);
	end_here(app);
}
END_TEST

static atomic_int looking;

static void *look_and_stop(void *app)
{
	while (atomic_load(&looking)) {
		(void)(ptj_web_port(app) + ptj_web_connection_count(app) +
		       ptj_web_request_count(app) + ptj_web_line_count(app));
		ptj_web_stop(app, 0);
	}
	return NULL;
}

/* Sanitizers see if one looks at what the other has released. */
START_TEST(others_may_look_and_stop_at_any_time)
{
	enum { N = 2, ROUNDS = 50 };
	ptj_web_app *app = make_here();
	pthread_t threads[N];

	ok(ptj_web_set_line_limit(app, 1));
	atomic_store(&looking, 1);
	for (int i = 0; i < N; i++)
		ok(pthread_create(&threads[i], NULL, look_and_stop, app));
	for (int i = 0; i < ROUNDS; i++) {
		ok(ptj_web_start(app, "127.0.0.1", 0));
		ok(ptj_web_stop(app, 0));
	}
	atomic_store(&looking, 0);
	for (int i = 0; i < N; i++)
		ok(pthread_join(threads[i], NULL));
	ck_assert_uint_eq(ptj_web_connection_count(app), 0);
	end_here(app);
}
END_TEST

static int call_free(struct caller *c)
{
	ptj_web_app_free(c->arg);
	return 0;
}

START_TEST(a_release_stops_it_at_once)
{
	ptj_web_app *app = make_here();
	struct caller release = {.arg = app};
	struct client c[2];

	web_atomic(app, "GET", "/", handler_obedient, &gate);
	web_start(app);
	for (int i = 0; i < 2; i++) {
		client_open(&c[i], ptj_web_port(app));
		client_request(&c[i], "GET", "/");
	}
	gate_await(&gate, 2);
	caller_start(&release, call_free);
	ok(caller_join(&release));
	for (int i = 0; i < 2; i++) {
		client_expect(&c[i], 503, NULL);
		client_expect_end(&c[i]);
		client_close(&c[i]);
	}
	gate_destroy(&gate);
}
END_TEST

/* An idle connection, and one that has said nothing yet, are no reason to wait. */
START_TEST(idle_connections_do_not_hold_it_up)
{
	ptj_web_app *app = make_here();
	struct client fresh, used, half;
	int64_t start;
	uint16_t port;

	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	port = web_start(app);
	client_open(&fresh, port);
	client_open(&used, port);
	client_open(&half, port);
	client_request(&used, "GET", "/");
	client_expect(&used, 200, "hello");
	client_request(&half, "GET", "/");
	client_half_close(&half);
	client_expect(&half, 200, "hello");
	await(ptj_web_connection_count(app) >= 2);
	start = now_ms();
	ok(ptj_web_stop(app, 10 * PATIENCE_MS));
	ck_assert_int_lt(now_ms() - start, PATIENCE_MS);
	client_expect_end(&fresh);
	client_expect_end(&used);
	client_expect_end(&half);
	client_close(&fresh);
	client_close(&used);
	client_close(&half);
	end_here(app);
}
END_TEST

/* One that has said nothing for a while will not, and is closed when the stop begins: here that
   waits for a job. */
START_TEST(nor_does_one_that_has_long_said_nothing)
{
	ptj_web_app *app = make_here();
	struct caller stop;
	struct client c;
	int64_t start;

	client_open(&c, web_start(app));
	await(ptj_web_connection_count(app) == 1);
	start = now_ms();
	await(now_ms() > start + FRESH_MS);
	spawn_n(ptj_web_scheduler_from_app(app), 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	stop_begin(&stop, app, PTJ_DEFAULT);
	client_expect_end(&c);
	ck_assert_int_eq(caller_done(&stop), 0);
	gate_open(&gate);
	ok(caller_join(&stop));
	client_close(&c);
	end_here(app);
}
END_TEST

static void *job_spawn_more(void *s)
{
	gate_pass(&gate);
	return ptj_spawn(s, job_at_gate, &gate, NULL) ? NULL : s;
}

/* Also what its jobs spawn meanwhile. */
START_TEST(jobs_that_handlers_spawned_are_waited_for)
{
	ptj_web_app *app = make_here();
	struct caller stop;

	web_start(app);
	spawn_n(ptj_web_scheduler_from_app(app), 3, job_spawn_more,
	        ptj_web_scheduler_from_app(app));
	gate_await(&gate, 2);
	stop_begin(&stop, app, PTJ_DEFAULT);
	gate_open(&gate);
	ok(caller_join(&stop));
	ck_assert_int_eq(gate_passed(&gate), 6);
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, under_load_whoever_was_accepted_is_answered, 0, 8);
	tcase_add_loop_test(tc, while_it_waits_nothing_new_is_served, 0, 2);
	tcase_add_loop_test(tc, a_body_in_flight_is_waited_for, 0, 3);
	tcase_add_loop_test(tc, a_body_that_never_comes_is_given_up, 0, 3);
	tcase_add_test(tc, a_slow_reader_is_waited_for);
	tcase_add_loop_test(tc, and_cut_off_if_it_does_not_read, 0, 3);
	tcase_add_loop_test(tc, a_straggler_holds_nobody_up, 0, MODES);
	tcase_add_loop_test(tc, a_handler_learns_that_it_was_given_up, 0, 2);
	tcase_add_test(tc, and_has_nothing_of_the_next_start);
	tcase_add_test(tc, with_no_time_everybody_is_answered);
	tcase_add_test(tc, concurrent_stops_return_together);
	tcase_add_loop_test(tc, from_within_it_is_edeadlk, 0, 3);
	tcase_add_loop_test(tc, so_it_is_in_an_exception_handler, 0, 2);
	tcase_add_test(tc, and_where_the_log_hears_of_a_handler);
	tcase_add_test(tc, others_may_look_and_stop_at_any_time);
	tcase_add_test(tc, a_release_stops_it_at_once);
	tcase_add_test(tc, idle_connections_do_not_hold_it_up);
	tcase_add_test(tc, nor_does_one_that_has_long_said_nothing);
	tcase_add_test(tc, jobs_that_handlers_spawned_are_waited_for);
}

int main(void)
{
	return run_tests("web_stop", add);
}
