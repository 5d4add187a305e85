/* Answers: from memory, from a file, and written by the job piece by piece, to clients that are
   quick, slow and gone.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum {
	MIB = 1 << 20,
	FILE_SIZE = 3 * MIB + 17,
	BOUND = 48 * MIB, /* more than the buffers of any socket */
};

static struct gate gate;
static struct recorder seen;
static struct reports reports;

static ptj_web_app *make_here(void)
{
	struct setup u = setup_of(4, 4);

	gate_init(&gate);
	recorder_init(&seen);
	reports_init(&reports);
	u.reports = &reports;
	return web_app_with(u);
}

static void end_here(ptj_web_app *app)
{
	web_end(app);
	gate_destroy(&gate);
}

static const char *const both[] = {"/inline", "/atomic"};

static void route_both(ptj_web_app *app, ptj_web_handler handler, void *user)
{
	ok(ptj_web_route(app, "GET", "/inline", handler, user));
	web_atomic(app, "GET", "/atomic", handler, user);
}

/* ---- From memory ---------------------------------------------------------------------------- */

static int handler_status(ptj_web_request *r, void *user)
{
	const char *status = ptj_web_param(r, "status");

	(void)user;
	return ptj_web_respond(r, atoi(status), NULL, NULL, 0);
}

START_TEST(each_status_goes_out)
{
	static const int statuses[] = {200, 201, 204, 206, 299, 301, 304,
	                               404, 418, 451, 499, 500, 503, 599};
	ptj_web_app *app = make_here();
	struct client c;

	ok(ptj_web_route(app, "GET", "/inline/{status}", handler_status, NULL));
	web_atomic(app, "GET", "/atomic/{status}", handler_status, NULL);
	client_open(&c, web_start(app));
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		char target[64];

		snprintf(target, sizeof target, "%s/%d", both[_i], statuses[i]);
		client_request(&c, "GET", target);
		client_expect(&c, statuses[i], "");
	}
	client_close(&c);
	end_here(app);
}
END_TEST

/* Records whether each of these is refused, and answers then. */
static int handler_refused(ptj_web_request *r, void *user)
{
	static const char *const bad[][3] = {
		{"Content-Length", "5"},
		{"content-length", "5"},
		{"Transfer-Encoding", "chunked"},
		{"Connection", "close"},
		{"DATE", "today"},
		{"", "x"},
		{"X Y", "x"},
		{"X:", "x"},
		{"X\r\nY", "x"},
		{"X", "a\r\nY: b"},
		{"X", "a\nb"},
		{"X", "a\rb"},
		{"X\t", "x"},
		{"X\xc3\xa4", "x"},
		{"X", "\x01"},
		{"X", NULL},
	};
	static const int statuses[] = {-1, 0, 1, 100, 101, 199, 600, 1000};

	(void)user;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		record(&seen, ptj_web_respond(r, 200, bad[i], "x", 1));
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		record(&seen, ptj_web_respond(r, statuses[i], NULL, "x", 1));
	record(&seen, ptj_web_respond(r, 200, NULL, NULL, 1));
	record(&seen, ptj_web_respond_fd(r, 200, bad[0], 0, 0, 0));
	record(&seen, ptj_web_stream(r, 199, NULL, 0));
	record(&seen, ptj_web_stream(r, 200, bad[0], 0));
	record(&seen, ptj_web_write(r, "x", 1, 0, NULL));
	return respond_text(r, 200, "hello");
}

START_TEST(what_cannot_stand_in_an_answer_is_refused)
{
	ptj_web_app *app = make_here();

	route_both(app, handler_refused, NULL);
	expect_get(web_start(app), both[_i], 200, "hello");
	ck_assert_uint_eq(recorded(&seen), 16 + 8 + 5);
	for (size_t i = 0; i < recorded(&seen); i++)
		ck_assert_msg(recorded_at(&seen, i) == EINVAL, "number %zu: %d", i,
		              (int)recorded_at(&seen, i));
	end_here(app);
}
END_TEST

/* All is copied, for which what it was made of is spoiled afterwards. */
static int handler_headers(ptj_web_request *r, void *user)
{
	char body[] = "body\0and", name[] = "X-Name", value[] = "a value\twith \xc3\xa4";
	const char *headers[] = {name,  value,          "Set-Cookie", "a=b",     "Set-Cookie",
	                         "c=d", "Content-Type", "text/plain", "X-Empty", "",
	                         NULL};
	int code = ptj_web_respond(r, 201, headers, body, sizeof body - 1);

	(void)user;
	memset(body, '-', sizeof body);
	memset(name, '-', sizeof name);
	memset(value, '-', sizeof value);
	return code;
}

START_TEST(headers_and_body_are_copied)
{
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;

	route_both(app, handler_headers, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", both[_i]);
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.status, 201);
	ck_assert_uint_eq(a.size, 8);
	ck_assert_int_eq(memcmp(a.body, "body\0and", 8), 0);
	ck_assert_str_eq(answer_header(&a, "X-Name"), "a value\twith \xc3\xa4");
	ck_assert_str_eq(answer_header(&a, "Content-Type"), "text/plain");
	ck_assert_ptr_nonnull(answer_header(&a, "Date"));
	ck_assert_ptr_null(answer_header(&a, "X-Empty"));
	ck_assert_ptr_nonnull(strstr(a.head, "Set-Cookie: a=b\r\n"));
	ck_assert_ptr_nonnull(strstr(a.head, "Set-Cookie: c=d\r\n"));
	answer_free(&a);
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_twice(ptj_web_request *r, void *user)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	(void)user;
	record(&seen, respond_text(r, 200, "first"));
	record(&seen, respond_text(r, 500, "second"));
	record(&seen, ptj_web_respond_fd(r, 200, NULL, fd, 0, 0));
	record(&seen, close(fd)); /* it stayed ours */
	if (ptj_job_self())
		record(&seen, ptj_web_stream(r, 200, NULL, 0));
	return 0;
}

START_TEST(there_is_one_answer)
{
	ptj_web_app *app = make_here();

	route_both(app, handler_twice, NULL);
	expect_get(web_start(app), both[_i], 200, "first");
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	ck_assert_int_eq(recorded_at(&seen, 1), EALREADY);
	ck_assert_int_eq(recorded_at(&seen, 2), EALREADY);
	ck_assert_int_eq(recorded_at(&seen, 3), 0);
	if (_i)
		ck_assert_int_eq(recorded_at(&seen, 4), EALREADY);
	end_here(app);
}
END_TEST

static int handler_large(ptj_web_request *r, void *user)
{
	size_t size = strtoull(ptj_web_param(r, "size"), NULL, 10);
	char *body = malloc(size + 1);
	int code;

	(void)user;
	if (!body)
		return ENOMEM;
	for (size_t i = 0; i < size; i++)
		body[i] = poured_byte(i);
	code = ptj_web_respond(r, 200, NULL, body, size);
	free(body);
	return code;
}

START_TEST(an_answer_may_be_large)
{
	static const size_t sizes[] = {0, 1, 32767, 65536, 5 * MIB};
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;

	ok(ptj_web_route(app, "GET", "/inline/{size}", handler_large, NULL));
	web_atomic(app, "GET", "/atomic/{size}", handler_large, NULL);
	client_open(&c, web_start(app));
	for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
		const char *method = i % 2 ? "GET" : "HEAD";
		char target[64], size[32];

		snprintf(size, sizeof size, "%zu", sizes[i / 2]);
		snprintf(target, sizeof target, "%s/%s", both[_i], size);
		client_request(&c, method, target);
		client_answer(&c, method, &a);
		ck_assert_int_eq(a.status, 200);
		ck_assert_str_eq(answer_header(&a, "Content-Length"), size);
		ck_assert_uint_eq(a.size, i % 2 ? sizes[i / 2] : 0);
		ck_assert_int_eq(is_poured(a.body, a.size, 0), 1);
		answer_free(&a);
	}
	client_close(&c);
	end_here(app);
}
END_TEST

static void *respond_from_there(void *request)
{
	return (void *)(intptr_t)respond_text(request, 200, ptj_web_param(request, "a"));
}

static int handler_with_helper(ptj_web_request *r, void *user)
{
	pthread_t helper;
	void *code;

	(void)user;
	if (pthread_create(&helper, NULL, respond_from_there, r))
		return EAGAIN;
	pthread_join(helper, &code);
	return (int)(intptr_t)code;
}

START_TEST(a_thread_that_the_handler_waits_for_may_answer)
{
	ptj_web_app *app = make_here();
	uint16_t port;

	ok(ptj_web_route(app, "GET", "/inline/{a}", handler_with_helper, NULL));
	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = PTJ_CANCEL_COOPERATIVE}, "GET",
	                "/atomic/{a}", handler_with_helper, NULL);
	port = web_start(app);
	expect_get(port, "/inline/x", 200, "x");
	expect_get(port, "/atomic/y", 200, "y");
	end_here(app);
}
END_TEST

static void *fail_there(void *request)
{
	return (void *)(intptr_t)ptj_web_fail(request, EIO, "disk on fire");
}

static int handler_with_failing_helper(ptj_web_request *r, void *user)
{
	pthread_t helper;
	void *code;

	(void)user;
	if (pthread_create(&helper, NULL, fail_there, r))
		return EAGAIN;
	pthread_join(helper, &code);
	record(&seen, (intptr_t)code);
	return respond_text(r, 200, "hello");
}

/* It is the job that fails or not. */
START_TEST(what_it_says_of_a_failure_is_only_returned)
{
	ptj_web_app *app = make_here();

	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = PTJ_CANCEL_COOPERATIVE}, "GET",
	                "/", handler_with_failing_helper, NULL);
	expect_get(web_start(app), "/", 200, "hello");
	ck_assert_int_eq(recorded_at(&seen, 0), EIO);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_uint_eq(reports_count(&reports), 0);
	end_here(app);
}
END_TEST

/* ---- From a file ---------------------------------------------------------------------------- */

static int make_file(size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	char *map;

	if (fd < 0 || size == 0)
		return fd;
	if (ftruncate(fd, (off_t)size))
		return -1;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < size; i++)
		map[i] = poured_byte(i);
	munmap(map, size);
	return fd;
}

static const struct {
	size_t file;
	uint64_t offset, size;
	int64_t got; /* -1: EINVAL */
} ranges[] = {
	{FILE_SIZE, 0, UINT64_MAX, FILE_SIZE},
	{FILE_SIZE, 0, FILE_SIZE, FILE_SIZE},
	{FILE_SIZE, 0, 0, 0},
	{FILE_SIZE, 0, 1, 1},
	{FILE_SIZE, 1000, 70000, 70000},
	{FILE_SIZE, MIB - 1, UINT64_MAX, FILE_SIZE - MIB + 1},
	{FILE_SIZE, FILE_SIZE - 1, 1, 1},
	{FILE_SIZE, FILE_SIZE, UINT64_MAX, 0},
	{FILE_SIZE, FILE_SIZE, 0, 0},
	{0, 0, UINT64_MAX, 0},
	{FILE_SIZE, 0, FILE_SIZE + 1, -1},
	{FILE_SIZE, 1, FILE_SIZE, -1},
	{FILE_SIZE, FILE_SIZE + 1, UINT64_MAX, -1},
	{FILE_SIZE, FILE_SIZE + 1, 0, -1},
	{FILE_SIZE, UINT64_MAX, 2, -1},
	{FILE_SIZE, 2, UINT64_MAX - 1, -1},
};

enum { RANGES = sizeof ranges / sizeof ranges[0] };

static int handler_file(ptj_web_request *r, void *user)
{
	int i = atoi(ptj_web_param(r, "range"));
	int fd = make_file(ranges[i].file);
	int code = ptj_web_respond_fd(r, 200, NULL, fd, ranges[i].offset, ranges[i].size);

	(void)user;
	if (code == 0)
		return 0;
	close(fd);
	record(&seen, code);
	return respond_text(r, 416, "no such range");
}

/* The fixture sees that the library has closed them. */
START_TEST(a_range_of_a_file_goes_out)
{
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;
	size_t refused = 0;

	ok(ptj_web_route(app, "GET", "/inline/{range}", handler_file, NULL));
	web_atomic(app, "GET", "/atomic/{range}", handler_file, NULL);
	client_open(&c, web_start(app));
	for (int i = 0; i < 2 * RANGES; i++) {
		const char *method = i % 2 ? "GET" : "HEAD";
		int64_t got = ranges[i / 2].got;
		char target[64];

		snprintf(target, sizeof target, "%s/%d", both[_i], i / 2);
		client_request(&c, method, target);
		client_answer(&c, method, &a);
		ck_assert_msg(a.status == (got < 0 ? 416 : 200), "range %d: %d", i / 2, a.status);
		refused += got < 0;
		if (got >= 0) {
			ck_assert_int_eq(a.whole, 1);
			ck_assert_int_eq(atoll(answer_header(&a, "Content-Length")), got);
			ck_assert_uint_eq(a.size, i % 2 ? (size_t)got : 0);
			ck_assert_msg(is_poured(a.body, a.size, ranges[i / 2].offset), "range %d",
			              i / 2);
		}
		answer_free(&a);
	}
	ck_assert_uint_eq(recorded(&seen), refused);
	ck_assert_uint_eq(recorded_times(&seen, EINVAL), refused);
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_no_file(ptj_web_request *r, void *user)
{
	int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ends[2];

	(void)user;
	if (pipe2(ends, O_CLOEXEC))
		return errno;
	record(&seen, ptj_web_respond_fd(r, 200, NULL, folder, 0, UINT64_MAX));
	record(&seen, ptj_web_respond_fd(r, 200, NULL, ends[0], 0, UINT64_MAX));
	record(&seen, ptj_web_respond_fd(r, 200, NULL, ends[0], 0, 0));
	record(&seen, ptj_web_respond_fd(r, 200, NULL, -1, 0, UINT64_MAX) != 0 ? EINVAL : 0);
	close(folder);
	close(ends[0]);
	close(ends[1]);
	return respond_text(r, 200, "no file");
}

START_TEST(what_is_no_file_is_einval)
{
	ptj_web_app *app = make_here();

	route_both(app, handler_no_file, NULL);
	expect_get(web_start(app), both[_i], 200, "no file");
	ck_assert_uint_eq(recorded(&seen), 4);
	ck_assert_uint_eq(recorded_times(&seen, EINVAL), 4);
	end_here(app);
}
END_TEST

/* ---- Piece by piece ------------------------------------------------------------------------- */

static char block[65536];

static void fill_block(void)
{
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = poured_byte(i);
}

/* Writes size bytes of what is poured; the code of the first write that fails. */
static int pour(ptj_web_request *r, uint64_t size)
{
	uint64_t done = 0;
	size_t written;
	int code = 0;

	while (done < size && code == 0) {
		size_t from = (size_t)(done % sizeof block), n = sizeof block - from;

		if (n > 10007)
			n = 10007;
		if (n > size - done)
			n = (size_t)(size - done);
		code = ptj_web_write(r, block + from, n, PTJ_INFINITE, &written);
		done += written;
	}
	return code;
}

static int handler_stream(ptj_web_request *r, void *user)
{
	static const char *const headers[] = {"X-Kind", "stream", NULL};
	uint64_t size = strtoull(ptj_web_param(r, "size"), NULL, 10);
	int known = ptj_web_query(r, "known") != NULL;
	int code = ptj_web_stream(r, 200, headers, known ? size : UINT64_MAX);

	(void)user;
	if (code == 0)
		code = pour(r, size);
	record(&seen, code);
	return code;
}

START_TEST(a_stream_is_framed_so_that_its_end_is_seen)
{
	static const char *const targets[] = {"/0", "/1", "/70000", "/3000000"};
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;

	fill_block();
	web_atomic(app, "GET", "/{size}", handler_stream, NULL);
	client_open(&c, web_start(app));
	for (int i = 0; i < 8; i++) {
		char target[64];

		snprintf(target, sizeof target, "%s%s", targets[i / 2], _i ? "?known" : "");
		client_request(&c, i % 2 ? "HEAD" : "GET", target);
		client_answer(&c, i % 2 ? "HEAD" : "GET", &a);
		ck_assert_int_eq(a.status, 200);
		ck_assert_int_eq(a.whole, 1);
		ck_assert_str_eq(answer_header(&a, "X-Kind"), "stream");
		if (_i)
			ck_assert_str_eq(answer_header(&a, "Content-Length"), targets[i / 2] + 1);
		else if (i % 2 == 0)
			ck_assert_int_eq(a.chunked, 1);
		if (i % 2 == 0)
			ck_assert_int_eq((int)a.size, atoi(targets[i / 2] + 1));
		ck_assert_int_eq(is_poured(a.body, a.size, 0), 1);
		/* That of a HEAD without a length may be the connection's. */
		if (i % 2 && !_i) {
			ck_assert_str_eq(answer_header(&a, "Connection"), "close");
			client_expect_end(&c);
			client_close(&c);
			client_open(&c, ptj_web_port(app));
		}
		answer_free(&a);
	}
	await(recorded(&seen) == 8);
	ck_assert_uint_eq(recorded_times(&seen, 0), 8);
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_stream_status(ptj_web_request *r, void *user)
{
	int known = ptj_web_query(r, "known") != NULL;
	int code =
		ptj_web_stream(r, atoi(ptj_web_param(r, "status")), NULL, known ? 5 : UINT64_MAX);

	(void)user;
	if (code == 0)
		code = ptj_web_write(r, "hello", 5, PTJ_INFINITE, NULL);
	record(&seen, code);
	return code;
}

/* What is written there is dropped. */
START_TEST(an_answer_without_a_body_is_streamed_too)
{
	static const char *const targets[] = {"/204", "/304", "/204?known", "/304?known"};
	ptj_web_app *app = make_here();
	struct client c;
	uint16_t port;

	web_atomic(app, "GET", "/{status}", handler_stream_status, NULL);
	port = web_start(app);
	for (int i = 0; i < 4; i++) {
		client_open(&c, port);
		client_request_with(&c, "GET", targets[i], "Connection: close\r\n");
		client_expect(&c, i % 2 ? 304 : 204, "");
		client_expect_end(&c);
		client_close(&c);
	}
	await(recorded(&seen) == 4);
	ck_assert_uint_eq(recorded_times(&seen, 0), 4);
	end_here(app);
}
END_TEST

/* An old client does not know chunks: for it, the end of the connection is that of the answer. */
START_TEST(a_client_of_http_1_0_has_its_stream_too)
{
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;

	fill_block();
	web_atomic(app, "GET", "/{size}", handler_stream, NULL);
	client_open(&c, web_start(app));
	client_send(&c, _i ? "GET /70000?known HTTP/1.0\r\n\r\n" : "GET /70000 HTTP/1.0\r\n\r\n");
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.chunked, 0);
	ck_assert_uint_eq(a.size, 70000);
	ck_assert_int_eq(is_poured(a.body, a.size, 0), 1);
	client_expect_end(&c);
	answer_free(&a);
	client_close(&c);
	end_here(app);
}
END_TEST

/* With a timeout of a second a busy machine may lose a client; one of them has all of it. */
START_TEST(also_where_the_receive_timeout_is_short)
{
	ptj_web_app *app = make_here();
	char got[4096] = "";
	uint16_t port;

	fill_block();
	ok(ptj_web_set_receive_timeout(app, 1000));
	web_atomic(app, "GET", "/{size}", handler_stream, NULL);
	port = web_start(app);
	for (int i = 0; i < 20 && !strstr(got, "\r\n\r\nabc"); i++) {
		struct client c;

		client_open(&c, port);
		client_send(&c, "GET /3 HTTP/1.0\r\n\r\n");
		got[client_take(&c, got, sizeof got - 1)] = '\0';
		client_close(&c);
	}
	ck_assert_ptr_nonnull(strstr(got, "\r\n\r\nabc"));
	end_here(app);
}
END_TEST

static int handler_two_pieces(ptj_web_request *r, void *user)
{
	int code = ptj_web_stream(r, 200, NULL, user ? 10 : UINT64_MAX);

	if (code == 0)
		code = ptj_web_write(r, "first", 5, PTJ_INFINITE, NULL);
	gate_pass(&gate);
	if (code == 0)
		code = ptj_web_write(r, "later", 5, PTJ_INFINITE, NULL);
	return code;
}

START_TEST(each_piece_goes_out_when_it_is_written)
{
	ptj_web_app *app = make_here();
	char head[4096] = "";
	size_t len = 0;
	struct client c;

	web_atomic(app, "GET", "/", handler_two_pieces, _i ? &seen : NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	/* Head and piece are there while the handler is at its gate. */
	while (!strstr(head, "first")) {
		ck_assert_uint_lt(len, sizeof head - 1);
		ck_assert_uint_eq(client_take(&c, head + len, 1), 1);
		len++;
	}
	ck_assert_int_eq(gate_passed(&gate), 0);
	gate_open(&gate);
	while (!strstr(head, "later")) {
		ck_assert_uint_lt(len, sizeof head - 1);
		ck_assert_uint_eq(client_take(&c, head + len, 1), 1);
		len++;
	}
	client_close(&c);
	end_here(app);
}
END_TEST

/* ---- A stream that fails -------------------------------------------------------------------- */

static int handler_break_off(ptj_web_request *r, void *how)
{
	int code = ptj_web_stream(r, 200, NULL, ptj_web_query(r, "known") ? 100 : UINT64_MAX);

	if (code == 0)
		code = ptj_web_write(r, "some", 4, PTJ_INFINITE, NULL);
	if (code)
		return code;
	switch (*(int *)how) {
	case 0:
		return ptj_web_fail(r, EIO, "disk on fire");
	case 1:
		ptj_job_fail(EIO, "disk on fire");
		return 0;
	case 2:
		return gate_pass_obedient(&gate);
	default:
		pthread_exit(NULL);
	}
}

/* The client must not take what came for all there is. */
START_TEST(a_stream_that_fails_is_cut_off)
{
	ptj_web_app *app = make_here();
	int how = _i / 2;
	struct answer a;
	struct client c;
	ptj_job *job;

	web_atomic(app, "GET", "/", handler_break_off, &how);
	client_open(&c, web_start(app));
	client_request(&c, "GET", _i % 2 ? "/?known" : "/");
	if (how == 2) {
		gate_await(&gate, 1);
		ck_assert_uint_eq(ptj_scheduler_jobs(ptj_web_scheduler_from_app(app), &job, 1), 1);
		ok(ptj_job_close(job, PATIENCE_MS));
		ptj_job_unref(job);
	}
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_int_eq(a.framed, 1);
	ck_assert_int_eq(a.whole, 0);
	ck_assert_ptr_null(strstr(a.body, "disk"));
	answer_free(&a);
	client_close(&c);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	if (how < 2) {
		ck_assert_uint_eq(reports_count(&reports), 1);
		ck_assert_int_eq(report_at(&reports, 0).error, EIO);
	}
	if (how == 2)
		ck_assert_uint_eq(reports_count(&reports), 0);
	end_here(app);
}
END_TEST

static int handler_wrong_size(ptj_web_request *r, void *user)
{
	size_t written = 77;

	record(&seen, ptj_web_stream(r, 200, NULL, 10));
	record(&seen, ptj_web_stream(r, 200, NULL, UINT64_MAX));
	record(&seen, respond_text(r, 200, "second"));
	record(&seen, ptj_web_write(r, "12345678901", 11, PTJ_INFINITE, &written));
	record(&seen, (intptr_t)written);
	record(&seen, ptj_web_write(r, "1234567890", user ? 10 : 9, PTJ_INFINITE, &written));
	record(&seen, (intptr_t)written);
	record(&seen, ptj_web_write(r, "", 0, PTJ_INFINITE, &written));
	return 0;
}

START_TEST(no_more_and_no_less_than_was_announced)
{
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;

	web_atomic(app, "GET", "/", handler_wrong_size, _i ? &seen : NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.whole, _i);
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	ck_assert_int_eq(recorded_at(&seen, 1), EALREADY);
	ck_assert_int_eq(recorded_at(&seen, 2), EALREADY);
	ck_assert_int_eq(recorded_at(&seen, 3), EMSGSIZE);
	ck_assert_int_eq(recorded_at(&seen, 4), 0);
	ck_assert_int_eq(recorded_at(&seen, 5), 0);
	ck_assert_int_eq(recorded_at(&seen, 6), _i ? 10 : 9);
	ck_assert_int_eq(recorded_at(&seen, 7), 0);
	answer_free(&a);
	client_close(&c);
	end_here(app);
}
END_TEST

static int handler_bad_arguments(ptj_web_request *r, void *user)
{
	size_t n;
	char byte;

	(void)user;
	record(&seen, ptj_web_write(r, "x", 1, 0, NULL));
	record(&seen, ptj_web_read(r, NULL, 1, 0, &n));
	record(&seen, ptj_web_read(r, &byte, 0, 0, &n));
	record(&seen, ptj_web_read(r, &byte, 1, 0, NULL));
	record(&seen, ptj_web_read(r, &byte, 1, -3, &n));
	record(&seen, ptj_web_read_to_fd(r, -1, 0, NULL));
	record(&seen, ptj_web_spawn(r, NULL, NULL, NULL));
	record(&seen, ptj_web_shield(r, NULL, NULL, 0, NULL));
	record(&seen, ptj_web_scheduler(r, NULL));
	record(&seen, ptj_web_each_query(r, NULL, NULL));
	record(&seen, ptj_web_each_header(r, NULL, NULL));
	if (ptj_web_stream(r, 200, NULL, 5))
		return EIO;
	record(&seen, ptj_web_write(r, NULL, 1, 0, NULL));
	record(&seen, ptj_web_write(r, "x", 1, -3, NULL));
	record(&seen, ptj_web_write(r, NULL, 0, 0, NULL)); /* is none */
	return ptj_web_write(r, "hello", 5, PTJ_INFINITE, NULL);
}

/* In a request that reads its body and streams its answer, so that nothing else is wrong. */
START_TEST(a_bad_argument_changes_nothing)
{
	ptj_web_app *app = make_here();
	struct client c;

	web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/", handler_bad_arguments,
	                NULL);
	client_open(&c, web_start(app));
	client_post(&c, "/", "body", 4);
	client_expect(&c, 200, "hello");
	client_close(&c);
	await(recorded(&seen) == 14);
	ck_assert_uint_eq(recorded_times(&seen, EINVAL), 13);
	ck_assert_int_eq(recorded_at(&seen, 13), 0);
	end_here(app);
}
END_TEST

static int handler_stream_inline(ptj_web_request *r, void *user)
{
	(void)user;
	record(&seen, ptj_web_stream(r, 200, NULL, 10));
	record(&seen, ptj_web_write(r, "x", 1, 0, NULL));
	return respond_text(r, 200, "not streamed");
}

START_TEST(on_the_event_loop_there_are_no_streams)
{
	ptj_web_app *app = make_here();

	ok(ptj_web_route(app, "GET", "/", handler_stream_inline, NULL));
	expect_get(web_start(app), "/", 200, "not streamed");
	ck_assert_uint_eq(recorded_times(&seen, EINVAL), 2);
	end_here(app);
}
END_TEST

/* ---- Readers that are slow or gone ---------------------------------------------------------- */

static atomic_int handler_tid;
static atomic_size_t handler_wrote;

/* Writes as long as the client takes it. */
static int handler_pour(ptj_web_request *r, void *timeout)
{
	uint64_t size = strtoull(ptj_web_param(r, "size"), NULL, 10), done = 0;
	int code = ptj_web_stream(r, 200, NULL, UINT64_MAX);
	size_t written;

	atomic_store(&handler_tid, gettid_here());
	while (code == 0 && done < size) {
		size_t from = (size_t)(done % sizeof block), n = sizeof block - from;

		if (n > size - done)
			n = (size_t)(size - done);
		written = SIZE_MAX;
		code = ptj_web_write(r, block + from, n, *(int64_t *)timeout, &written);
		done += written;
		atomic_store(&handler_wrote, (size_t)done);
	}
	record(&seen, code);
	return code;
}

static int64_t never = PTJ_INFINITE, soon = SHORT_MS;

START_TEST(a_slow_reader_holds_the_handler_up)
{
	enum { SIZE = 96 * MIB };
	ptj_web_app *app = make_here();
	char *piece = malloc(MIB);
	struct client c;
	size_t size = 0;

	fill_block();
	web_atomic(app, "GET", "/{size}", handler_pour, &never);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/100663296");
	await(atomic_load(&handler_tid) != 0);
	await(thread_is_blocked(atomic_load(&handler_tid)));
	ck_assert_uint_lt(atomic_load(&handler_wrote), BOUND);
	ck_assert_uint_eq(recorded(&seen), 0);
	/* Framing and all: what matters is that it goes on. */
	while (size < SIZE) {
		size_t got = client_take(&c, piece, MIB);

		ck_assert_uint_gt(got, 0);
		size += got;
	}
	await(recorded(&seen) == 1);
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	client_close(&c);
	free(piece);
	end_here(app);
}
END_TEST

START_TEST(or_until_it_loses_patience)
{
	ptj_web_app *app = make_here();
	struct answer a;
	struct client c;

	fill_block();
	web_atomic(app, "GET", "/{size}", handler_pour, &soon);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/1000000000000");
	await(recorded(&seen) == 1);
	ck_assert_int_eq(recorded_at(&seen, 0), ETIMEDOUT);
	/* What was written, and said to be, is what arrives; then it is cut off. */
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.whole, 0);
	ck_assert_uint_le(a.size, atomic_load(&handler_wrote));
	ck_assert_int_eq(is_poured(a.body, a.size, 0), 1);
	answer_free(&a);
	client_close(&c);
	end_here(app);
}
END_TEST

START_TEST(a_reader_that_vanishes_is_epipe)
{
	ptj_web_app *app = make_here();
	char some[1000];
	struct client c;

	fill_block();
	web_atomic(app, "GET", "/{size}", handler_pour, &never);
	web_atomic(app, "GET", "/", handler_hello, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/1000000000000");
	ck_assert_uint_eq(client_take(&c, some, sizeof some), sizeof some);
	if (_i == 2) {
		await(atomic_load(&handler_tid) != 0);
		await(thread_is_blocked(atomic_load(&handler_tid)));
	}
	if (_i)
		client_vanish(&c);
	else
		client_close(&c);
	await(recorded(&seen) == 1);
	ck_assert_int_eq(recorded_at(&seen, 0), EPIPE);
	expect_get(ptj_web_port(app), "/", 200, "hello");
	end_here(app);
}
END_TEST

/* Cancelled while it waits for its reader: in a mode of each kind. */
START_TEST(a_writer_that_waits_is_cancelled)
{
	ptj_web_app *app = make_here();
	struct client c;
	ptj_job *job;
	int code;

	fill_block();
	web_atomic_with(app, (struct way){.sets_mode = 1, .mode = _i}, "GET", "/{size}",
	                handler_pour, &never);
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/1000000000000");
	await(atomic_load(&handler_tid) != 0);
	await(thread_is_blocked(atomic_load(&handler_tid)));
	ck_assert_uint_eq(ptj_scheduler_jobs(ptj_web_scheduler_from_app(app), &job, 1), 1);
	code = ptj_job_close(job, _i == PTJ_CANCEL_MASKED ? 0 : PATIENCE_MS);
	if (_i == PTJ_CANCEL_MASKED) {
		ck_assert_int_eq(code, ETIMEDOUT); /* it goes on, until its client does */
		client_vanish(&c);
	} else if (_i == PTJ_CANCEL_COOPERATIVE) {
		ck_assert_int_eq(recorded_at(&seen, 0), EINTR);
		client_await_end(&c);
		client_close(&c);
	} else {
		ok(code);
		client_await_end(&c);
		client_close(&c);
	}
	ptj_job_unref(job);
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, each_status_goes_out, 0, 2);
	tcase_add_loop_test(tc, what_cannot_stand_in_an_answer_is_refused, 0, 2);
	tcase_add_loop_test(tc, headers_and_body_are_copied, 0, 2);
	tcase_add_loop_test(tc, there_is_one_answer, 0, 2);
	tcase_add_loop_test(tc, an_answer_may_be_large, 0, 2);
	tcase_add_test(tc, a_thread_that_the_handler_waits_for_may_answer);
	tcase_add_loop_test(tc, a_range_of_a_file_goes_out, 0, 2);
	tcase_add_loop_test(tc, what_is_no_file_is_einval, 0, 2);
	tcase_add_loop_test(tc, a_stream_is_framed_so_that_its_end_is_seen, 0, 2);
	tcase_add_test(tc, an_answer_without_a_body_is_streamed_too);
	tcase_add_test(tc, also_where_the_receive_timeout_is_short);
	tcase_add_test(tc, a_bad_argument_changes_nothing);
	tcase_add_test(tc, what_it_says_of_a_failure_is_only_returned);
	tcase_add_loop_test(tc, a_client_of_http_1_0_has_its_stream_too, 0, 2);
	tcase_add_loop_test(tc, each_piece_goes_out_when_it_is_written, 0, 2);
	tcase_add_loop_test(tc, a_stream_that_fails_is_cut_off, 0, 8);
	tcase_add_loop_test(tc, no_more_and_no_less_than_was_announced, 0, 2);
	tcase_add_test(tc, on_the_event_loop_there_are_no_streams);
	tcase_add_test(tc, a_slow_reader_holds_the_handler_up);
	tcase_add_test(tc, or_until_it_loses_patience);
	tcase_add_loop_test(tc, a_reader_that_vanishes_is_epipe, 0, 3);
	tcase_add_loop_test(tc, a_writer_that_waits_is_cancelled, 0, MODES);
}

int main(void)
{
	return run_tests("web_answer", add);
}
