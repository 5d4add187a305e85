/* Bodies of requests: in memory, as they come, into a file; within their limits, and with those who
   send faster than the handler reads held back.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

enum {
	MIB = 1 << 20,
	GONE_MS = 5000, /* a receive timeout where the client goes */
	QUIET_MS = 300, /* a sender that gets rid of nothing for so long is held back */
};

static struct gate gate;
static struct recorder seen;
static char trapped[] = "trapped", next[] = "next";

static ptj_web_app *make_here(void)
{
	gate_init(&gate);
	recorder_init(&seen);
	return web_app_with(setup_of(4, 4));
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
}

/* ---- In memory ------------------------------------------------------------------------------ */

/* Answers with the size of the body, if it is what was poured. */
static int handler_measure(ptj_web_request *r, void *user)
{
	char text[64] = "spoiled", byte;
	size_t size = SIZE_MAX, got;
	const char *body = ptj_web_body(r, &size);

	(void)user;
	record(&seen, ptj_web_read(r, &byte, 1, 0, &got) == EINVAL);
	record(&seen, ptj_web_read_to_fd(r, 2, 0, NULL) == EINVAL);
	record(&seen, body == ptj_web_body(r, NULL));
	if (body && body[size] == '\0' && is_poured(body, size, 0))
		snprintf(text, sizeof text, "%zu", size);
	return respond_text(r, 200, text);
}

static void expect_size(struct client *c, size_t size)
{
	char text[64];

	snprintf(text, sizeof text, "%zu", size);
	client_expect(c, 200, text);
}

static const size_t sizes[] = {0, 1, 2, 1000, 4095, 65535, 65536, 65537, 500000, MIB};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

static const char *const both[] = {"/inline", "/atomic"};

static void route_both(ptj_web_app *app, ptj_web_handler handler)
{
	ok(ptj_web_route(app, "POST", "/inline", handler, NULL));
	web_atomic(app, "POST", "/atomic", handler, NULL);
}

START_TEST(a_body_is_in_memory_when_the_handler_runs)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_both(app, handler_measure);
	client_open(&c, web_start(app));
	for (int i = 0; i < SIZES; i++) {
		client_begin_post(&c, both[_i], sizes[i], "");
		ck_assert_uint_eq(client_pour(&c, 0, sizes[i], PATIENCE_MS), sizes[i]);
		expect_size(&c, sizes[i]);
	}
	client_request(&c, "POST", both[_i]); /* without a length: without a body */
	expect_size(&c, 0);
	ck_assert_uint_eq(recorded_times(&seen, 1), 3 * (SIZES + 1));
	client_close(&c);
	end_here(app);
}
END_TEST

/* Sends size bytes of what is poured in chunks of this size, and the last chunk. */
static void send_chunks(struct client *c, size_t size, size_t chunk, const char *end)
{
	static char block[MIB];
	char line[32];

	for (size_t from = 0; from < size; from += chunk) {
		size_t n = chunk < size - from ? chunk : size - from;

		for (size_t i = 0; i < n; i++)
			block[i] = poured_byte(from + i);
		snprintf(line, sizeof line, "%zx\r\n", n);
		client_send(c, line);
		client_send_bytes(c, block, n);
		client_send(c, "\r\n");
	}
	client_send(c, end);
}

static void begin_chunks(struct client *c, const char *target)
{
	client_request_with(c, "POST", target, "Transfer-Encoding: chunked\r\n");
}

START_TEST(chunks_are_put_together)
{
	static const size_t chunks[] = {1, 7, 4096, 65536, MIB};
	ptj_web_app *app = make_here();
	struct client c;

	route_both(app, handler_measure);
	client_open(&c, web_start(app));
	for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
		size_t size = chunks[i] < 10 ? 300 * chunks[i] + 1 : MIB;

		begin_chunks(&c, both[_i]);
		send_chunks(&c, size, chunks[i], "0\r\n\r\n");
		expect_size(&c, size);
	}
	begin_chunks(&c, both[_i]);
	client_send(&c, "0\r\n\r\n");
	expect_size(&c, 0);
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- Limits --------------------------------------------------------------------------------- */

/* It is read nevertheless, so that a client that sends first and listens then has its answer. */
START_TEST(what_is_announced_too_large_is_413)
{
	static const char *const targets[] = {"/inline", "/atomic", "/stream"};
	ptj_web_app *app = make_here();
	struct client c;
	uint16_t port;

	route_both(app, handler_measure);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/stream", handler_hello,
	                NULL);
	port = web_start(app);
	client_open(&c, port);
	client_begin_post(&c, targets[_i], MIB + 1, "");
	client_pour(&c, 0, MIB + 1, PATIENCE_MS);
	client_expect(&c, 413, NULL);
	client_close(&c);
	ck_assert_uint_eq(recorded(&seen), 0);
	end_here(app);
}
END_TEST

/* Who asks first, and who announces more than is worth reading, is told at once. */
START_TEST(without_a_byte_of_it_where_that_is_asked)
{
	static const char *const targets[] = {"/inline", "/atomic", "/stream"};
	ptj_web_app *app = make_here();
	struct client c;
	uint16_t port;

	route_both(app, handler_measure);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/stream", handler_hello,
	                NULL);
	port = web_start(app);
	client_open(&c, port);
	client_begin_post(&c, targets[_i], MIB + 1, "Expect: 100-continue\r\n");
	client_expect(&c, 413, NULL);
	client_close(&c);
	client_open(&c, port);
	client_request_with(&c, "POST", targets[_i], "Content-Length: 1000000000000\r\n");
	client_expect(&c, 413, NULL);
	client_close(&c);
	ck_assert_uint_eq(recorded(&seen), 0);
	end_here(app);
}
END_TEST

START_TEST(chunks_that_are_too_large_together_are_413)
{
	ptj_web_app *app = make_here();
	struct client c;
	uint16_t port;

	route_both(app, handler_measure);
	port = web_start(app);
	client_open(&c, port);
	begin_chunks(&c, both[_i]);
	send_chunks(&c, MIB + 1, 65536, "0\r\n\r\n");
	client_expect(&c, 413, NULL);
	client_close(&c);
	ck_assert_uint_eq(recorded(&seen), 0);
	client_open(&c, port);
	begin_chunks(&c, both[_i]);
	send_chunks(&c, MIB, 65536, "0\r\n\r\n");
	expect_size(&c, MIB);
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(a_client_that_asks_first_is_told_to_go_on)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_both(app, handler_measure);
	client_open(&c, web_start(app));
	client_begin_post(&c, both[_i], 1000, "Expect: 100-continue\r\n");
	client_expect(&c, 100, NULL);
	client_pour(&c, 0, 1000, PATIENCE_MS);
	expect_size(&c, 1000);
	client_close(&c);
	end_here(app);
}
END_TEST

static void expect_limit(uint16_t port, const char *target, size_t limit)
{
	struct client c;

	client_open(&c, port);
	client_begin_post(&c, target, limit, "");
	client_pour(&c, 0, limit, PATIENCE_MS);
	expect_size(&c, limit);
	client_begin_post(&c, target, limit + 1, "");
	client_pour(&c, 0, limit + 1, PATIENCE_MS);
	client_expect(&c, 413, NULL);
	client_close(&c);
}

START_TEST(the_limit_is_the_routes_or_the_applications)
{
	ptj_web_app *app = make_here(), *child = web_app();
	ptj_web_route_attr *attr;
	uint16_t port;

	ok(ptj_web_set_body_limit(app, 100));
	route_both(app, handler_measure);
	web_atomic_with(app, (struct way){.sets_limit = 1, .body_limit = 50}, "POST", "/less",
	                handler_measure, NULL);
	web_atomic_with(app, (struct way){.sets_limit = 1, .body_limit = 2000}, "POST", "/more",
	                handler_measure, NULL);
	ok(ptj_web_route_attr_create(&attr));
	ok(ptj_web_route_attr_set_body_limit(attr, 70));
	ok(ptj_web_route_with(app, attr, "POST", "/inline/own", handler_measure, NULL));
	ptj_web_route_attr_free(attr);
	web_atomic(child, "POST", "/x", handler_measure, NULL);
	ok(ptj_web_mount(app, "/child", child));
	port = web_start(app);
	expect_limit(port, "/inline", 100);
	expect_limit(port, "/atomic", 100);
	expect_limit(port, "/less", 50);
	expect_limit(port, "/more", 2000);
	expect_limit(port, "/inline/own", 70);
	expect_limit(port, "/child/x", 100);
	end_here(app);
	ptj_web_app_free(child);
}
END_TEST

/* ---- As it comes ---------------------------------------------------------------------------- */

/* Reads a streamed body to its end and answers with its size, if it is what was poured. */
static int handler_read(ptj_web_request *r, void *user)
{
	char block[10000], text[64];
	size_t size = 0, got = 1;
	int good = ptj_web_body(r, NULL) == NULL, code = 0;

	(void)user;
	while (code == 0 && got > 0) {
		code = ptj_web_read(r, block, sizeof block, PTJ_INFINITE, &got);
		if (code == 0) {
			good &= is_poured(block, got, size);
			size += got;
		}
	}
	record(&seen, code);
	if (code)
		return code;
	/* The end stays the end. */
	good &= ptj_web_read(r, block, 1, 0, &got) == 0 && got == 0;
	snprintf(text, sizeof text, good ? "%zu" : "spoiled", size);
	return respond_text(r, 200, text);
}

static void route_stream(ptj_web_app *app, ptj_web_handler handler, void *user)
{
	web_atomic_with(app, (struct way){.stream_body = 1, .sets_limit = 1}, "POST", "/", handler,
	                user);
}

START_TEST(a_streamed_body_is_read_to_its_end)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_stream(app, handler_read, NULL);
	client_open(&c, web_start(app));
	for (int i = 0; i < SIZES; i++) {
		if (_i) {
			begin_chunks(&c, "/");
			send_chunks(&c, sizes[i], 3000, "0\r\n\r\n");
		} else {
			client_begin_post(&c, "/", sizes[i], "");
			ck_assert_uint_eq(client_pour(&c, 0, sizes[i], PATIENCE_MS), sizes[i]);
		}
		expect_size(&c, sizes[i]);
	}
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(it_may_be_of_any_size)
{
	enum { SIZE = 20 * MIB };
	ptj_web_app *app = make_here();
	struct client c;

	route_stream(app, handler_read, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", SIZE, "");
	ck_assert_uint_eq(client_pour(&c, 0, SIZE, PATIENCE_MS), SIZE);
	expect_size(&c, SIZE);
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_read_in_turn(ptj_web_request *r, void *user)
{
	char block[100];
	size_t first = 0, got = 1, size;

	(void)user;
	record(&seen, ptj_web_read(r, block, sizeof block, 0, &first));
	record(&seen, (intptr_t)first);
	gate_pass(&gate); /* the test sends 10 bytes */
	record(&seen, ptj_web_read(r, block, sizeof block, PTJ_INFINITE, &first));
	record(&seen, (intptr_t)first);
	record(&seen, ptj_web_read(r, block, sizeof block, SHORT_MS, &got));
	record(&seen, (intptr_t)got);
	for (size = first; got > 0; size += got)
		if (ptj_web_read(r, block, sizeof block, PTJ_INFINITE, &got))
			break;
	record(&seen, (intptr_t)size);
	return respond_text(r, 200, "read");
}

/* The job starts with the head, has each piece when it is there, and gives up waiting in time. */
START_TEST(each_piece_is_read_when_it_is_there)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_stream(app, handler_read_in_turn, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", 30, "");
	gate_await(&gate, 1);
	client_pour(&c, 0, 10, PATIENCE_MS);
	gate_open(&gate);
	await(recorded(&seen) >= 6);
	client_pour(&c, 10, 30, PATIENCE_MS);
	client_expect(&c, 200, "read");
	ck_assert_int_eq(recorded_at(&seen, 0), ETIMEDOUT);
	ck_assert_int_eq(recorded_at(&seen, 1), 0);
	ck_assert_int_eq(recorded_at(&seen, 2), 0);
	ck_assert_int_eq(recorded_at(&seen, 3), 10);
	ck_assert_int_eq(recorded_at(&seen, 4), ETIMEDOUT);
	ck_assert_int_eq(recorded_at(&seen, 5), 1); /* untouched */
	ck_assert_int_eq(recorded_at(&seen, 6), 30);
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(a_streamed_body_has_its_limit_too)
{
	ptj_web_app *app = make_here();
	struct client c;

	web_atomic_with(app, (struct way){.stream_body = 1, .sets_limit = 1, .body_limit = 1000},
	                "POST", "/", handler_read, NULL);
	client_open(&c, web_start(app));
	begin_chunks(&c, "/");
	send_chunks(&c, 1000, 100, "0\r\n\r\n");
	expect_size(&c, 1000);
	begin_chunks(&c, "/");
	send_chunks(&c, 1001, 100, "0\r\n\r\n");
	await(recorded(&seen) == 2);
	ck_assert_int_eq(recorded_at(&seen, 1), EMSGSIZE);
	client_expect(&c, 413, NULL);
	client_close(&c);
	end_here(app);
}
END_TEST

/* Whom the handler does not read from is held back, and nothing piles up in memory. */
START_TEST(a_sender_is_held_back)
{
	enum { SIZE = 96 * MIB, BOUND = 48 * MIB };
	ptj_web_app *app = make_here();
	struct client c;
	size_t sent;

	route_stream(app, handler_at_gate, &gate);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", SIZE, "");
	gate_await(&gate, 1);
	sent = client_pour(&c, 0, SIZE, QUIET_MS);
	/* The socket's buffers are the system's; the rest waits at the client. */
	ck_assert_uint_lt(sent, BOUND);
	client_close(&c);
	gate_open(&gate);
	end_here(app);
}
END_TEST

/* Reads a little, a byte at a time, and then nothing. */
static int handler_sip(ptj_web_request *r, void *user)
{
	char byte;
	size_t got;

	(void)user;
	for (int i = 0; i < 2000000; i++)
		if (ptj_web_read(r, &byte, 1, PTJ_INFINITE, &got))
			return EIO;
	gate_pass(&gate);
	return respond_text(r, 200, "enough");
}

/* A byte that is read makes room for a byte, and not for all that the daemon reads at once. */
START_TEST(however_little_is_read_at_a_time)
{
	enum { SIZE = 96 * MIB, BOUND = 48 * MIB };
	ptj_web_app *app = make_here();
	struct client c;

	/* What the daemon reads at once goes by this. */
	ok(ptj_web_set_header_limit(app, MIB));
	route_stream(app, handler_sip, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", SIZE, "");
	ck_assert_uint_lt(client_pour(&c, 0, SIZE, QUIET_MS), BOUND);
	gate_await(&gate, 1);
	client_close(&c);
	gate_open(&gate);
	end_here(app);
}
END_TEST

static int handler_read_behind_gate(ptj_web_request *r, void *user)
{
	gate_pass(&gate);
	return handler_read(r, user);
}

START_TEST(and_goes_on_when_the_handler_does)
{
	enum { SIZE = 16 * MIB };
	ptj_web_app *app = make_here();
	struct client c;
	size_t sent;

	route_stream(app, handler_read_behind_gate, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", SIZE, "");
	gate_await(&gate, 1);
	sent = client_pour(&c, 0, SIZE, QUIET_MS);
	gate_open(&gate);
	ck_assert_uint_eq(client_pour(&c, sent, SIZE, PATIENCE_MS), SIZE);
	expect_size(&c, SIZE);
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(a_client_that_vanishes_within_its_body_is_epipe)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_set_receive_timeout(app, GONE_MS));
	route_stream(app, handler_read, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", 1000, "");
	client_pour(&c, 0, 500, PATIENCE_MS);
	/* A reset that comes sooner takes the head along. */
	await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) == 1);
	if (_i)
		client_vanish(&c);
	else
		client_close(&c);
	await(recorded(&seen) == 1);
	ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
	end_here(app);
}
END_TEST

/* It never meets its handler where the body should have been in memory. */
START_TEST(or_is_nobodys)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_set_receive_timeout(app, GONE_MS));
	route_both(app, handler_measure);
	client_open(&c, web_start(app));
	client_begin_post(&c, both[_i], 1000, "");
	client_pour(&c, 0, 500, PATIENCE_MS);
	await(ptj_web_request_count(app) == 1);
	client_vanish(&c);
	await(ptj_web_connection_count(app) == 0);
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	ck_assert_uint_eq(recorded(&seen), 0);
	end_here(app);
}
END_TEST

/* ---- Into a file ---------------------------------------------------------------------------- */

static int handler_to_fd(ptj_web_request *r, void *fd)
{
	char text[64];
	uint64_t written = UINT64_MAX;
	int code = ptj_web_read_to_fd(r, *(int *)fd, PTJ_INFINITE, &written);

	snprintf(text, sizeof text, "%d %ju", code, (uintmax_t)written);
	return respond_text(r, 200, text);
}

START_TEST(a_body_goes_into_a_file)
{
	enum { SIZE = 3 * MIB + 5 };
	ptj_web_app *app = make_here();
	int fd = memfd_create("body", MFD_CLOEXEC);
	struct client c;
	char *map;

	ck_assert_int_ge(fd, 0);
	route_stream(app, handler_to_fd, &fd);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", SIZE, "");
	client_pour(&c, 0, SIZE, PATIENCE_MS);
	client_expect(&c, 200, "0 3145733");
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), SIZE);
	ck_assert_int_eq(is_poured(map, SIZE, 0), 1);
	munmap(map, SIZE);
	client_begin_post(&c, "/", 0, "");
	client_expect(&c, 200, "0 0");
	client_close(&c);
	close(fd);
	end_here(app);
}
END_TEST

START_TEST(what_write_says_comes_back)
{
	ptj_web_app *app = make_here();
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int reads = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char text[64];
	struct client c;
	uint16_t port;

	ck_assert_int_ge(full, 0);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/full", handler_to_fd, &full);
	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/reads", handler_to_fd,
	                &reads);
	port = web_start(app);
	for (int i = 0; i < 2; i++) {
		client_open(&c, port);
		client_post(&c, i ? "/reads" : "/full", "abc", 3);
		snprintf(text, sizeof text, "%d 0", i ? EBADF : ENOSPC);
		client_expect(&c, 200, text);
		client_close(&c);
	}
	close(full);
	close(reads);
	end_here(app);
}
END_TEST

static pthread_t writer;
static atomic_int writers_tid, signals;

static void count_signal(int signo)
{
	(void)signo;
	atomic_fetch_add(&signals, 1);
}

/* The body is there when the first byte of it is, so that it waits nowhere but in write(2). */
static int handler_to_full_fd(ptj_web_request *r, void *fd)
{
	sigset_t open;
	size_t got;
	char byte;

	sigemptyset(&open);
	sigaddset(&open, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &open, NULL);
	record(&seen, ptj_web_read(r, &byte, 1, PTJ_INFINITE, &got));
	writer = pthread_self();
	atomic_store(&writers_tid, gettid_here());
	return handler_to_fd(r, fd);
}

START_TEST(a_write_that_is_interrupted_is_made_again)
{
	struct sigaction before, action = {.sa_handler = count_signal};
	ptj_web_app *app = make_here();
	char block[4096] = "";
	size_t full = 0, n;
	struct client c;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], block, sizeof block) == sizeof block)
		full += sizeof block;
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, 0), 0);
	sigaction(SIGUSR1, &action, &before);
	route_stream(app, handler_to_full_fd, &ends[1]);
	client_open(&c, web_start(app));
	client_post(&c, "/", "abc", 3);
	await(atomic_load(&writers_tid) && thread_is_blocked(atomic_load(&writers_tid)));
	ck_assert_int_eq(pthread_kill(writer, SIGUSR1), 0);
	await(atomic_load(&signals) == 1 && thread_is_blocked(atomic_load(&writers_tid)));
	for (n = 0; n < full; n += sizeof block)
		ck_assert_int_eq(read(ends[0], block, sizeof block), sizeof block);
	client_expect(&c, 200, "0 2");
	ck_assert_int_eq(read(ends[0], block, sizeof block), 2);
	ck_assert_mem_eq(block, "bc", 2);
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	client_close(&c);
	end_here(app);
	sigaction(SIGUSR1, &before, NULL);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* ---- Not read at all ------------------------------------------------------------------------ */

/* The client hears what was decided while it still sends. */
START_TEST(an_answer_may_come_before_the_body_has)
{
	enum { SIZE = 8 * MIB };
	ptj_web_app *app = make_here();
	struct client c;

	route_stream(app, handler_hello, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", SIZE, "");
	client_pour(&c, 0, SIZE, PATIENCE_MS);
	client_expect(&c, 200, "hello");
	client_close(&c);
	end_here(app);
}
END_TEST

enum { MUCH = 65 * MIB };

static int handler_read_much(ptj_web_request *r, void *user)
{
	char block[65536];
	size_t size = 0, got = 1;

	(void)user;
	while (size < MUCH && got > 0) {
		if (ptj_web_read(r, block, sizeof block, PTJ_INFINITE, &got))
			return EIO;
		size += got;
	}
	return respond_text(r, 200, "enough");
}

/* What was read before does not count among what is dropped. */
START_TEST(and_late_in_a_large_body)
{
	enum { REST = MIB };
	ptj_web_app *app = make_here();
	struct client c;

	route_stream(app, handler_read_much, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", MUCH + REST, "");
	ck_assert_uint_eq(client_pour(&c, 0, MUCH, PATIENCE_MS), MUCH);
	await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) == 0);
	ck_assert_uint_eq(client_pour(&c, MUCH, MUCH + REST, PATIENCE_MS), MUCH + REST);
	client_expect(&c, 200, "enough");
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_stream_at_once(ptj_web_request *r, void *user)
{
	int code = ptj_web_stream(r, 200, NULL, 5);

	record(&seen, ptj_web_read_to_fd(r, *(int *)user, PTJ_INFINITE, NULL));
	return code ? code : ptj_web_write(r, "hello", 5, PTJ_INFINITE, NULL);
}

/* A streamed answer drops what is left of a streamed body. */
START_TEST(an_answer_that_is_streamed_ends_the_body)
{
	ptj_web_app *app = make_here();
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct client c;

	route_stream(app, handler_stream_at_once, &null);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", MIB, "");
	ck_assert_uint_eq(client_pour(&c, 0, MIB, PATIENCE_MS), MIB);
	client_expect(&c, 200, "hello");
	client_close(&c);
	ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
	close(null);
	end_here(app);
}
END_TEST

static int handler_stream_to_nobody(ptj_web_request *r, void *user)
{
	char block[1000];
	size_t got;
	int code;

	(void)user;
	while ((code = ptj_web_read(r, block, sizeof block, PTJ_INFINITE, &got)) == 0 && got > 0)
		;
	record(&seen, code);
	record(&seen, ptj_web_stream(r, 200, NULL, 5));
	code = ptj_web_write(r, "hello", 5, PTJ_INFINITE, NULL);
	record(&seen, code);
	return code;
}

START_TEST(an_answer_to_a_client_that_is_gone_is_epipe)
{
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_set_receive_timeout(app, GONE_MS));
	route_stream(app, handler_stream_to_nobody, NULL);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", 1000, "");
	await(ptj_scheduler_len(ptj_web_scheduler_from_app(app)) == 1);
	client_vanish(&c);
	await(recorded(&seen) == 3);
	ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
	ck_assert_int_eq(recorded_at(&seen, 2), EPIPE);
	end_here(app);
}
END_TEST

static int64_t waits[] = {(int64_t)1 << 40, INT64_MAX};

static int handler_read_patiently(ptj_web_request *r, void *user)
{
	char block[100];
	size_t got = 0;
	int code;

	record(&seen, gettid_here());
	code = ptj_web_read(r, block, sizeof block, waits[*(int *)user], &got);

	return code || got == 0 ? EIO : respond_text(r, 200, "read");
}

START_TEST(a_wait_may_be_longer_than_any_clock)
{
	ptj_web_app *app = make_here();
	struct client c;

	route_stream(app, handler_read_patiently, &_i);
	client_open(&c, web_start(app));
	client_begin_post(&c, "/", 10, "");
	await(recorded(&seen) == 1 && thread_is_blocked((int)recorded_at(&seen, 0)));
	client_send(&c, "0123456789");
	client_expect(&c, 200, "read");
	client_close(&c);
	end_here(app);
}
END_TEST

/* Beyond what is read of a body that nobody wants, the connection is closed at once. */
START_TEST(what_is_too_much_to_drop_is_not_waited_for)
{
	ptj_web_app *app = make_here();
	struct client c;

	client_open(&c, web_start(app));
	begin_chunks(&c, "/nothing");
	send_chunks(&c, 1000, 100, "0\r\n\r\n");
	client_expect(&c, 404, NULL);
	client_begin_post(&c, "/nothing", MUCH, "");
	client_expect(&c, 404, NULL);
	client_expect_end(&c);
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(what_was_not_read_is_not_the_next_request)
{
	static const char trap[] = "GET /trap HTTP/1.1\r\nHost: localhost\r\n\r\n";
	ptj_web_app *app = make_here();
	struct client c;
	struct answer a;

	route_stream(app, handler_hello, NULL);
	ok(ptj_web_route(app, "GET", "/trap", handler_hello, trapped));
	ok(ptj_web_route(app, "GET", "/next", handler_hello, next));
	client_open(&c, web_start(app));
	client_post(&c, "/", trap, sizeof trap - 1);
	client_answer(&c, "POST", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.body, "hello");
	if (!answer_header(&a, "Connection") ||
	    strcasecmp(answer_header(&a, "Connection"), "close") != 0) {
		client_request(&c, "GET", "/next");
		client_expect(&c, 200, "next");
	} else {
		client_expect_end(&c);
	}
	answer_free(&a);
	client_close(&c);
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_body_is_in_memory_when_the_handler_runs, 0, 2);
	tcase_add_loop_test(tc, chunks_are_put_together, 0, 2);
	tcase_add_loop_test(tc, what_is_announced_too_large_is_413, 0, 3);
	tcase_add_loop_test(tc, without_a_byte_of_it_where_that_is_asked, 0, 3);
	tcase_add_loop_test(tc, chunks_that_are_too_large_together_are_413, 0, 2);
	tcase_add_loop_test(tc, a_client_that_asks_first_is_told_to_go_on, 0, 2);
	tcase_add_test(tc, the_limit_is_the_routes_or_the_applications);
	tcase_add_loop_test(tc, a_streamed_body_is_read_to_its_end, 0, 2);
	tcase_add_test(tc, it_may_be_of_any_size);
	tcase_add_test(tc, each_piece_is_read_when_it_is_there);
	tcase_add_test(tc, a_streamed_body_has_its_limit_too);
	tcase_add_test(tc, a_sender_is_held_back);
	tcase_add_test(tc, however_little_is_read_at_a_time);
	tcase_add_test(tc, and_goes_on_when_the_handler_does);
	tcase_add_loop_test(tc, a_client_that_vanishes_within_its_body_is_epipe, 0, 2);
	tcase_add_loop_test(tc, or_is_nobodys, 0, 2);
	tcase_add_test(tc, a_body_goes_into_a_file);
	tcase_add_test(tc, what_write_says_comes_back);
	tcase_add_test(tc, a_write_that_is_interrupted_is_made_again);
	tcase_add_test(tc, an_answer_may_come_before_the_body_has);
	tcase_add_test(tc, and_late_in_a_large_body);
	tcase_add_test(tc, an_answer_that_is_streamed_ends_the_body);
	tcase_add_test(tc, an_answer_to_a_client_that_is_gone_is_epipe);
	tcase_add_loop_test(tc, a_wait_may_be_longer_than_any_clock, 0, 2);
	tcase_add_test(tc, what_is_too_much_to_drop_is_not_waited_for);
	tcase_add_test(tc, what_was_not_read_is_not_the_next_request);
}

int main(void)
{
	return run_tests("web_body", add);
}
