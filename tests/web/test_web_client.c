/* Clients as they should not be: half closed, slow, impatient, gone, too long and malformed.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
	LIMIT_MS = 2000,    /* the receive timeout where one is tested */
	TRICKLE_MS = 50,    /* a slow client sends a byte so often */
	LONG_MS = 5 * 1000, /* more than two receive timeouts */
	GONE_MS = 5 * 1000, /* a receive timeout where clients go; they need none of it to send */
};

static struct gate gate;
static struct recorder seen;

static ptj_web_app *make_here(void)
{
	gate_init(&gate);
	recorder_init(&seen);
	return web_app_with(setup_of(4, 4));
}

/* libmicrohttpd sees some clients go only when it looks at them again. */
static ptj_web_app *make_for_leavers(void)
{
	ptj_web_app *app = make_here();

	ok(ptj_web_set_receive_timeout(app, GONE_MS));
	return app;
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
}

/* ---- Half closed ---------------------------------------------------------------------------- */

static int handler_body_size(ptj_web_request *r, void *user)
{
	char text[32];
	size_t size = 0;

	(void)user;
	ptj_web_body(r, &size);
	snprintf(text, sizeof text, "%zu", size);
	return respond_text(r, 200, text);
}

static int handler_read_all(ptj_web_request *r, void *user)
{
	char piece[64], text[32];
	size_t size = 0, got = 1;
	int code = 0;

	(void)user;
	for (; code == 0 && got > 0; size += code ? 0 : got)
		code = ptj_web_read(r, piece, sizeof piece, PTJ_INFINITE, &got);
	record(&seen, code);
	snprintf(text, sizeof text, "%zu", size);
	return code ? code : respond_text(r, 200, text);
}

static int handler_stream(ptj_web_request *r, void *gate_or_null)
{
	int code = ptj_web_stream(r, 200, NULL, UINT64_MAX);

	if (gate_or_null)
		gate_pass(gate_or_null);
	return code ? code : ptj_web_write(r, "hello", 5, PTJ_INFINITE, NULL);
}

static int handler_fd(ptj_web_request *r, void *user)
{
	int fd = memfd_create("file", MFD_CLOEXEC), code;

	(void)user;
	if (write(fd, "hello", 5) != 5)
		return EIO;
	code = ptj_web_respond_fd(r, 200, NULL, fd, 0, UINT64_MAX);
	if (code)
		close(fd);
	return code;
}

/* In each mode of an answer and of a body; some wait at the gate. */
static void route_all(ptj_web_app *app)
{
	struct way streamed = {.stream_body = 1};

	ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
	ok(ptj_web_route(app, "POST", "/inline", handler_body_size, NULL));
	ok(ptj_web_route(app, "GET", "/inline/fd", handler_fd, NULL));
	web_atomic(app, "GET", "/atomic", handler_hello, NULL);
	web_atomic(app, "POST", "/atomic", handler_body_size, NULL);
	web_atomic(app, "GET", "/atomic/fd", handler_fd, NULL);
	web_atomic(app, "GET", "/atomic/stream", handler_stream, NULL);
	web_atomic(app, "GET", "/gate", handler_at_gate, &gate);
	web_atomic(app, "GET", "/gate/stream", handler_stream, &gate);
	web_atomic_with(app, streamed, "POST", "/streamed", handler_read_all, NULL);
	web_atomic_with(app, streamed, "POST", "/unread", handler_hello, NULL);
}

static const struct {
	const char *method, *target, *body, *answer;
	int waits;
} requests[] = {
	{"GET", "/inline", "", "hello", 0},        {"POST", "/inline", "12345", "5", 0},
	{"GET", "/inline/fd", "", "hello", 0},     {"GET", "/atomic", "", "hello", 0},
	{"POST", "/atomic", "12345", "5", 0},      {"GET", "/atomic/fd", "", "hello", 0},
	{"GET", "/atomic/stream", "", "hello", 0}, {"GET", "/gate", "", "passed", 1},
	{"GET", "/gate/stream", "", "hello", 1},   {"POST", "/streamed", "12345", "5", 0},
	{"POST", "/unread", "12345", "hello", 0},  {"GET", "/nothing", "", NULL, 0},
};

enum { REQUESTS = sizeof requests / sizeof requests[0] };

static void send_number(struct client *c, int i)
{
	char head[256];

	snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s%zu\r\n\r\n%s",
	         requests[i].method, requests[i].target,
	         requests[i].body[0] ? "Content-Length: " : "X-None: ", strlen(requests[i].body),
	         requests[i].body);
	client_send(c, head);
}

/* It has said all it has to say, and waits for its answer. */
START_TEST(a_half_closed_client_has_its_answer)
{
	ptj_web_app *app = make_for_leavers();
	struct client c;

	route_all(app);
	client_open(&c, web_start(app));
	send_number(&c, _i);
	client_half_close(&c);
	if (requests[_i].waits) {
		gate_await(&gate, 1);
		expect_get(ptj_web_port(app), "/inline", 200, "hello");
		gate_open(&gate);
	}
	client_expect(&c, requests[_i].answer ? 200 : 404, requests[_i].answer);
	client_expect_end(&c);
	client_close(&c);
	end_here(app);
}
END_TEST

/* The same where the job has to wait for its place. */
START_TEST(also_in_line)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));
	struct client c[3];
	uint16_t port;

	gate_init(&gate);
	ok(ptj_web_set_line_limit(app, 1));
	route_all(app);
	port = web_start(app);
	for (int i = 0; i < 3; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/gate");
		client_half_close(&c[i]);
		gate_await(&gate, 1);
	}
	await(ptj_web_line_count(app) == 1);
	gate_open(&gate);
	for (int i = 0; i < 3; i++) {
		client_expect(&c[i], 200, "passed");
		client_expect_end(&c[i]);
		client_close(&c[i]);
	}
	end_here(app);
}
END_TEST

/* While the daemon's thread is busy its clients come to their ends; who has sent a request by then
   is not gone, nor is who waits for an answer.  That somebody who was idle is, shows that there was
   a look at all of them. */
START_TEST(who_has_sent_before_it_ended_has_its_answer)
{
	ptj_web_app *app = make_for_leavers();
	struct client busy, late, waiting, c[4];
	struct gate closed;
	uint16_t port;

	gate_init(&closed);
	ok(ptj_web_route(app, "GET", "/inline/gate", handler_at_gate, &gate));
	web_atomic_with(app, (struct way){.close_on_disconnect = 1}, "GET", "/close",
	                handler_obedient, &closed);
	route_all(app);
	port = web_start(app);
	for (int i = 0; i < 4; i++) {
		client_open(&c[i], port);
		client_request(&c[i], "GET", "/inline");
		client_expect(&c[i], 200, "hello");
	}
	client_open(&waiting, port);
	client_request(&waiting, "GET", "/gate");
	gate_await(&gate, 1);
	client_open(&busy, port);
	client_request(&busy, "GET", "/inline/gate");
	gate_await(&gate, 2);
	client_half_close(&waiting);
	client_request(&c[0], "GET", "/inline");
	client_half_close(&c[0]);
	client_vanish(&c[1]);
	/* This one wants its job closed when it has ended, as it has before there is one. */
	client_request(&c[3], "GET", "/close");
	client_half_close(&c[3]);
	client_open(&late, port);
	client_request(&late, "GET", "/inline");
	client_half_close(&c[2]);
	client_expect_end(&c[2]);
	gate_open(&gate);
	client_expect(&c[0], 200, "hello");
	client_expect(&c[3], 503, NULL);
	client_expect(&late, 200, "hello");
	client_expect(&busy, 200, "passed");
	client_expect(&waiting, 200, "passed");
	ck_assert_int_eq(gate_passed(&closed), 0);
	client_close(&c[0]);
	client_close(&c[2]);
	client_close(&c[3]);
	client_close(&late);
	client_close(&waiting);
	client_close(&busy);
	end_here(app);
	gate_destroy(&closed);
}
END_TEST

START_TEST(who_closes_its_half_within_a_request_is_gone)
{
	static const char *const parts[] = {"", "GET ", "GET /inline HTTP/1.1\r\nHost: l",
	                                    "POST /inline HTTP/1.1\r\nHost: l\r\n"
	                                    "Content-Length: 5\r\n\r\n123",
	                                    "POST /streamed HTTP/1.1\r\nHost: l\r\n"
	                                    "Content-Length: 5\r\n\r\n123"};
	ptj_web_app *app = make_for_leavers();
	struct client c;

	route_all(app);
	client_open(&c, web_start(app));
	client_send(&c, parts[_i]);
	client_half_close(&c);
	client_await_end(&c);
	await(ptj_web_connection_count(app) == 0);
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	if (_i == 4) {
		await(recorded(&seen) == 1);
		ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
	}
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- Slow ----------------------------------------------------------------------------------- */

/* Sends text again and again, a byte at a time, until the server ends the connection.  At each byte
   another client comes, is served and goes. */
static void trickle(struct client *c, const char *text, uint16_t port)
{
	int64_t end = now_ms() + PATIENCE_MS;
	size_t i = 0;

	for (;;) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		struct client other;

		/* Its end may be told by a byte, or by an answer that there was a timeout. */
		if (poll(&p, 1, TRICKLE_MS) > 0)
			break;
		ck_assert_msg(now_ms() < end, "the slow client is still there");
		(void)!send(c->fd, text + i, 1, MSG_NOSIGNAL);
		i = (i + 1) % strlen(text);
		client_open(&other, port);
		client_request_with(&other, "GET", "/inline", "Connection: close\r\n");
		client_await_end(&other);
		client_close(&other);
	}
	client_await_end(c);
}

START_TEST(a_slow_head_is_cut_off_even_while_others_come)
{
	ptj_web_app *app = make_here();
	int64_t start = now_ms();
	struct client c;

	ok(ptj_web_set_receive_timeout(app, LIMIT_MS));
	route_all(app);
	client_open(&c, web_start(app));
	if (_i)
		client_send(&c, "GET /inline HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
	trickle(&c, "slow", ptj_web_port(app));
	ck_assert_int_ge(now_ms() - start, LIMIT_MS - EARLY_MS);
	client_close(&c);
	end_here(app);
}
END_TEST

/* On a connection that has been of use already, too; so is one that is silent. */
START_TEST(so_is_a_slow_second_head)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_set_receive_timeout(app, LIMIT_MS));
	route_all(app);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/atomic");
	client_expect(&c, 200, "hello");
	if (_i) {
		client_send(&c, "GET /inline HTTP/1.1\r\nX-Slow: ");
		trickle(&c, "slow", ptj_web_port(app));
	} else {
		client_await_end(&c);
	}
	await(ptj_web_connection_count(app) == 0);
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(a_slow_body_is_cut_off)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_set_receive_timeout(app, LIMIT_MS));
	route_all(app);
	client_open(&c, web_start(app));
	client_begin_post(&c, _i == 0 ? "/inline" : _i == 1 ? "/atomic" : "/streamed", 1 << 20, "");
	trickle(&c, "body", ptj_web_port(app));
	if (_i == 2) {
		await(recorded(&seen) == 1);
		ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
	}
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

START_TEST(who_does_not_read_is_cut_off)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_set_receive_timeout(app, LIMIT_MS));
	web_atomic(app, "GET", "/", handler_endless, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	await(recorded(&seen) == 1);
	ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
	client_close(&c);
	end_here(app);
}
END_TEST

/* The time is the client's: what the handler takes does not count. */
START_TEST(who_waits_for_a_slow_handler_is_not_cut_off)
{
	ptj_web_app *app = make_here();
	struct timespec long_time = {.tv_sec = LONG_MS / 1000};
	struct client c;

	ok(ptj_web_set_receive_timeout(app, LIMIT_MS));
	route_all(app);
	client_open(&c, web_start(app));
	send_number(&c, 7 + _i);
	gate_await(&gate, 1);
	nanosleep(&long_time, NULL);
	gate_open(&gate);
	client_expect(&c, 200, requests[7 + _i].answer);
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- Impatient ------------------------------------------------------------------------------ */

START_TEST(pipelined_requests_are_answered_in_their_order)
{
	enum { ROUNDS = 5 };
	ptj_web_app *app = make_here();
	struct client c;

	route_all(app);
	gate_open(&gate);
	client_open(&c, web_start(app));
	for (int i = 0; i < ROUNDS * REQUESTS; i++)
		if (strcmp(requests[i % REQUESTS].target, "/unread") != 0)
			send_number(&c, i % REQUESTS);
	if (_i)
		client_half_close(&c);
	for (int i = 0; i < ROUNDS * REQUESTS; i++) {
		const char *answer = requests[i % REQUESTS].answer;

		if (strcmp(requests[i % REQUESTS].target, "/unread") != 0)
			client_expect(&c, answer ? 200 : 404, answer);
	}
	client_close(&c);
	end_here(app);
}
END_TEST

/* Behind one that is still at work, too: the second waits for its turn. */
START_TEST(a_pipelined_request_waits_for_the_one_before)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_all(app);
	client_open(&c, web_start(app));
	send_number(&c, 7);
	send_number(&c, 0);
	gate_await(&gate, 1);
	expect_get(ptj_web_port(app), "/inline", 200, "hello");
	ck_assert_int_eq(client_has_news(&c), 0);
	gate_open(&gate);
	client_expect(&c, 200, "passed");
	client_expect(&c, 200, "hello");
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte)
{
	static const char text[] = "POST /streamed HTTP/1.1\r\nHost: localhost\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"
				   "3\r\nabc\r\n1;ext=1\r\nd\r\n0\r\nTrailer: x\r\n\r\n";
	ptj_web_app *app = make_here();
	struct client c;

	route_all(app);
	client_open(&c, web_start(app));
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof text - 1; i++)
			client_send_bytes(&c, text + i, 1);
		client_expect(&c, 200, "4");
	}
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- Gone ----------------------------------------------------------------------------------- */

/* After each byte of each request, in both ways to go. */
START_TEST(a_client_may_be_gone_at_any_byte)
{
	static const char text[] = "POST /%s HTTP/1.1\r\nHost: l\r\n"
				   "Content-Length: 9\r\n\r\n123456789";
	static const char *const targets[] = {"inline", "atomic", "streamed"};
	ptj_web_app *app = make_for_leavers();
	char request[128];
	size_t len;
	uint16_t port;

	route_all(app);
	port = web_start(app);
	len = (size_t)snprintf(request, sizeof request, text, targets[_i]);
	for (size_t n = 0; n <= len; n++) {
		struct client c;

		client_open(&c, port);
		client_send_bytes(&c, request, n);
		if (n % 2)
			client_vanish(&c);
		else
			client_close(&c);
	}
	await(ptj_web_connection_count(app) == 0);
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	expect_get(port, "/atomic", 200, "hello");
	ok(ptj_scheduler_wait(ptj_web_scheduler_from_app(app), PATIENCE_MS));
	end_here(app);
}
END_TEST

/* ---- Too long ------------------------------------------------------------------------------- */

static const struct {
	const char *before, *after;
	int status, other;
} long_ones[] = {
	{"GET /", " HTTP/1.1\r\nHost: l\r\n\r\n", 414, 431},
	{"GET /?", " HTTP/1.1\r\nHost: l\r\n\r\n", 414, 431},
	{"GET / HTTP/1.1\r\nHost: l\r\nX-Long: ", "\r\n\r\n", 431, 431},
	{"GET / HTTP/1.1\r\nHost: l\r\nX-", ": y\r\n\r\n", 431, 431},
};

enum { LONG_ONES = sizeof long_ones / sizeof long_ones[0] };

static void send_long(struct client *c, int i, size_t size)
{
	char *middle = malloc(size + 1), *text;

	memset(middle, 'a', size);
	middle[size] = '\0';
	/* At once, before the server can close. */
	ck_assert_int_gt(asprintf(&text, "%s%s%s", long_ones[i].before, middle, long_ones[i].after),
	                 0);
	client_send(c, text);
	free(text);
	free(middle);
}

/* Of a size that the server has read to its end when it answers, so that no reset overtakes
   that. */
START_TEST(a_long_head_is_refused)
{
	enum { LIMIT = 4096 };
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;
	uint16_t port;

	if (_i % 2)
		ok(ptj_web_set_header_limit(app, LIMIT));
	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	port = web_start(app);
	client_open(&c, port);
	send_long(&c, _i / 2, _i % 2 ? LIMIT + 200 : 32768 + 200);
	client_answer(&c, "GET", &a);
	ck_assert_msg(a.status == long_ones[_i / 2].status || a.status == long_ones[_i / 2].other,
	              "%d", a.status);
	answer_free(&a);
	client_await_end(&c);
	client_close(&c);
	expect_get(port, "/", 200, "hello");
	end_here(app);
}
END_TEST

START_TEST(many_headers_are_too_long_together)
{
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;
	uint16_t port;

	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	port = web_start(app);
	client_open(&c, port);
	client_send(&c, "GET / HTTP/1.1\r\nHost: l\r\n");
	for (int i = 0; i < 2000; i++) {
		char line[64];

		snprintf(line, sizeof line, "X-%d: 1234567890\r\n", i);
		if (send(c.fd, line, strlen(line), MSG_NOSIGNAL) < 0)
			break;
	}
	(void)!send(c.fd, "\r\n", 2, MSG_NOSIGNAL);
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.status, 431);
	answer_free(&a);
	client_await_end(&c);
	client_close(&c);
	expect_get(port, "/", 200, "hello");
	end_here(app);
}
END_TEST

/* What fits is served, and nobody pays for the next. */
START_TEST(a_head_within_its_limit_is_not)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_route(app, "GET", "/{rest...}", handler_hello, NULL));
	client_open(&c, web_start(app));
	for (int i = 0; i < 20; i++) {
		send_long(&c, i % LONG_ONES, 8000);
		client_expect(&c, 200, "hello");
	}
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- Malformed ------------------------------------------------------------------------------ */

#define BODY "POST /trap HTTP/1.1\r\nHost: l\r\n"
#define HEAD "GET / HTTP/1.1\r\nHost: l\r\n"

/* Each can be read in two ways, or in none; "GET /trap" in one is what a smuggler would like.
   libmicrohttpd does not tell of two more: it drops a header without a name, and ends a value and a
   target at a 0. */
static const struct {
	const char *text;
	size_t size; /* 0: a string */
} malformed[] = {
	{BODY "Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456", 0},
	{BODY "Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345", 0},
	{BODY "Content-Length: 5, 5\r\n\r\n12345", 0},
	{BODY "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
	{BODY "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 0},
	{BODY "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
	{BODY "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0},
	{BODY "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 0},
	{BODY "Transfer-Encoding: identity\r\n\r\n", 0},
	{BODY "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 0},
	{BODY "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 0},
	{BODY "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n0\r\n\r\n",
         0},
	{BODY "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 0},
	{BODY "Content-Length : 5\r\n\r\n12345", 0},
	{BODY "Content-Length: -5\r\n\r\n", 0},
	{BODY "Content-Length: +5\r\n\r\n12345", 0},
	{BODY "Content-Length: 5x\r\n\r\n12345", 0},
	{BODY "Content-Length: 0x5\r\n\r\n12345", 0},
	{BODY "Content-Length: \r\n\r\n", 0},
	{BODY "Content-Length: 99999999999999999999999\r\n\r\n", 0},
	{BODY "Content-Length: 5 5\r\n\r\n12345", 0},
	{BODY "Transfer-Encoding: chunked\r\n\r\nxyz\r\nGET /trap HTTP/1.1\r\n\r\n", 0},
	{BODY "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", 0},
	{BODY "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n", 0},
	{BODY "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 0},
	/* Chunks are none of HTTP/1.0's. */
	{"POST /trap HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0},
	{HEAD "Bad Name: x\r\n\r\n", 0},
	{HEAD "Bad(Name: x\r\n\r\n", 0},
	{HEAD "X\x80: x\r\n\r\n", 0},
	{HEAD "NoColon\r\n\r\n", 0},
	{HEAD " Folded: x\r\n\r\n", 0},
	{HEAD "X: a\x01"
              "b\r\n\r\n",
         0},
	{HEAD "X: a\x7f"
              "b\r\n\r\n",
         0},
	{HEAD "X\0Y: b\r\n\r\n", sizeof(HEAD "X\0Y: b\r\n\r\n") - 1},
	{HEAD "X: a\rY: b\r\n\r\n", 0},
	{"GET / HTTP/1.1\r\n\r\n", 0},                       /* no Host */
	{"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0}, /* two of them */
	{"GET / \r\nHost: l\r\n\r\n", 0},
	{"GET / HTTX/1.1\r\nHost: l\r\n\r\n", 0},
	{"GET / HTTP/11\r\nHost: l\r\n\r\n", 0},
	{"G(T / HTTP/1.1\r\nHost: l\r\n\r\n", 0},
	{"GET  /  HTTP/1.1\r\nHost: l\r\n\r\n", 0},
	{"GET /a b HTTP/1.1\r\nHost: l\r\n\r\n", 0},
	{"GET /\x01 HTTP/1.1\r\nHost: l\r\n\r\n", 0},
	{" GET / HTTP/1.1\r\nHost: l\r\n\r\n", 0},
	{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n", 25},
};

enum { MALFORMED = sizeof malformed / sizeof malformed[0] };

static int handler_trap(ptj_web_request *r, void *user)
{
	(void)user;
	record(&seen, 1);
	return respond_text(r, 200, "trapped");
}

/* 400 and closed; libmicrohttpd itself closes some without a word.  No handler hears of it. */
START_TEST(a_malformed_request_is_refused_and_closed)
{
	size_t size = malformed[_i].size ? malformed[_i].size : strlen(malformed[_i].text);
	ptj_web_app *app = make_here();
	struct client c;

	web_atomic(app, "*", "/{rest...}", handler_trap, NULL);
	ok(ptj_web_route(app, "GET", "/", handler_trap, NULL));
	client_open(&c, web_start(app));
	client_send_bytes(&c, malformed[_i].text, size);
	client_half_close(&c);
	if (poll(&(struct pollfd){.fd = c.fd, .events = POLLIN}, 1, PATIENCE_MS) > 0) {
		char start[13] = "";

		if (client_take(&c, start, 12) == 12)
			ck_assert_msg(strcmp(start + 8, " 400") == 0 ||
			                      strcmp(start + 8, " 505") == 0 ||
			                      strcmp(start + 8, " 413") == 0 ||
			                      strcmp(start + 8, " 501") == 0,
			              "%d: %s", _i, start);
	}
	client_await_end(&c);
	client_close(&c);
	ck_assert_msg(recorded(&seen) == 0, "%d met a handler: %s", _i, malformed[_i].text);
	end_here(app);
}
END_TEST

/* What is behind a request that is refused is no request. */
START_TEST(nothing_is_smuggled_behind_one)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_route(app, "*", "/trap", handler_trap, NULL));
	ok(ptj_web_route(app, "POST", "/", handler_hello, NULL));
	client_open(&c, web_start(app));
	client_send(&c, _i == 0   ? "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 44\r\n"
	                            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	                            "GET /trap HTTP/1.1\r\nHost: l\r\n\r\n      "
	                : _i == 1 ? "POST / HTTP/1.1\r\nHost: l\r\nContent-Length: 0\r\n"
	                            "Content-Length: 33\r\n\r\n"
	                            "GET /trap HTTP/1.1\r\nHost: l\r\n\r\n "
	                          : "POST / HTTP/1.1\r\nHost: l\r\n"
	                            "Transfer-Encoding: \tchunked, x\r\n\r\n"
	                            "GET /trap HTTP/1.1\r\nHost: l\r\n\r\n");
	client_expect(&c, 400, NULL);
	client_await_end(&c);
	client_close(&c);
	ck_assert_uint_eq(recorded(&seen), 0);
	end_here(app);
}
END_TEST

/* ---- Old ------------------------------------------------------------------------------------ */

START_TEST(http_1_0_is_spoken)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_all(app);
	client_open(&c, web_start(app));
	client_send(&c, _i ? "GET /atomic HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	                   : "GET /atomic HTTP/1.0\r\n\r\n");
	client_expect(&c, 200, "hello");
	if (_i == 0)
		client_expect_end(&c);
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(a_client_that_asks_for_the_end_has_it)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_all(app);
	client_open(&c, web_start(app));
	client_request_with(&c, "GET", _i ? "/atomic" : "/inline", "Connection: close\r\n");
	client_expect(&c, 200, "hello");
	client_expect_end(&c);
	client_close(&c);
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_half_closed_client_has_its_answer, 0, REQUESTS);
	tcase_add_test(tc, also_in_line);
	tcase_add_test(tc, who_has_sent_before_it_ended_has_its_answer);
	tcase_add_loop_test(tc, who_closes_its_half_within_a_request_is_gone, 0, 5);
	tcase_add_loop_test(tc, a_slow_head_is_cut_off_even_while_others_come, 0, 2);
	tcase_add_loop_test(tc, so_is_a_slow_second_head, 0, 2);
	tcase_add_loop_test(tc, a_slow_body_is_cut_off, 0, 3);
	tcase_add_test(tc, who_does_not_read_is_cut_off);
	tcase_add_loop_test(tc, who_waits_for_a_slow_handler_is_not_cut_off, 0, 2);
	tcase_add_loop_test(tc, pipelined_requests_are_answered_in_their_order, 0, 2);
	tcase_add_test(tc, a_pipelined_request_waits_for_the_one_before);
	tcase_add_test(tc, a_request_may_come_byte_by_byte);
	tcase_add_loop_test(tc, a_client_may_be_gone_at_any_byte, 0, 3);
	tcase_add_loop_test(tc, a_long_head_is_refused, 0, 2 * LONG_ONES);
	tcase_add_test(tc, many_headers_are_too_long_together);
	tcase_add_test(tc, a_head_within_its_limit_is_not);
	tcase_add_loop_test(tc, a_malformed_request_is_refused_and_closed, 0, MALFORMED);
	tcase_add_loop_test(tc, nothing_is_smuggled_behind_one, 0, 3);
	tcase_add_loop_test(tc, http_1_0_is_spoken, 0, 2);
	tcase_add_loop_test(tc, a_client_that_asks_for_the_end_has_it, 0, 2);
}

int main(void)
{
	return run_tests("web_client", add);
}
