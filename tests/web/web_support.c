/* What the web suites share; web_support.h says what each part is for.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

enum {
	PIECE = 65536,
	RECEIVE_TIMEOUT_MS = 3600000, /* of the applications: far beyond the test's patience */
};

/* ---- A client ------------------------------------------------------------------------------- */

void client_open(struct client *c, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(port),
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int on = 1;

	*c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	ck_assert_int_ge(c->fd, 0);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
	ck_assert_int_eq(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
}

void client_close(struct client *c)
{
	close(c->fd);
	free(c->in);
	*c = (struct client){.fd = -1};
}

void client_vanish(struct client *c)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	ck_assert_int_eq(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	client_close(c);
}

void client_half_close(struct client *c)
{
	ck_assert_int_eq(shutdown(c->fd, SHUT_WR), 0);
}

/* Whether the descriptor has one of these events within ms. */
static int poll_for(int fd, short events, int ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

void client_send_bytes(struct client *c, const void *bytes, size_t n)
{
	const char *from = bytes;

	while (n > 0) {
		ssize_t sent = send(c->fd, from, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EAGAIN) {
			ck_assert_msg(poll_for(c->fd, POLLOUT, PATIENCE_MS),
			              "the server takes no more");
			continue;
		}
		ck_assert_msg(sent > 0, "send: %s", strerror(errno));
		from += sent;
		n -= (size_t)sent;
	}
}

void client_send(struct client *c, const char *text)
{
	client_send_bytes(c, text, strlen(text));
}

char poured_byte(size_t i)
{
	return (char)('a' + i % PIECE % 23);
}

int is_poured(const char *bytes, size_t n, size_t from)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != poured_byte(from + i))
			return 0;
	return 1;
}

size_t client_pour(struct client *c, size_t from, size_t to, int quiet_ms)
{
	static char block[PIECE];

	for (size_t i = 0; i < PIECE; i++)
		block[i] = poured_byte(i);
	while (from < to) {
		size_t at = from % PIECE, piece = PIECE - at < to - from ? PIECE - at : to - from;
		ssize_t sent = send(c->fd, block + at, piece, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent > 0)
			from += (size_t)sent;
		else if (errno != EAGAIN || !poll_for(c->fd, POLLOUT, quiet_ms))
			break;
	}
	return from;
}

/* ---- What comes ----------------------------------------------------------------------------- */

/* Waits for more; 0 at the end. */
static int fill(struct client *c)
{
	ssize_t got;

	if (c->ended)
		return 0;
	if (c->at == c->len)
		c->at = c->len = 0;
	if (c->size - c->len < PIECE) {
		c->size = c->size * 2 + PIECE;
		c->in = realloc(c->in, c->size);
		ck_assert_ptr_nonnull(c->in);
	}
	ck_assert_msg(poll_for(c->fd, POLLIN, PATIENCE_MS), "the server says nothing");
	got = recv(c->fd, c->in + c->len, c->size - c->len, 0);
	ck_assert_msg(got >= 0 || errno == ECONNRESET, "recv: %s", strerror(errno));
	if (got <= 0)
		c->ended = 1;
	else
		c->len += (size_t)got;
	return !c->ended;
}

int client_has_news(struct client *c)
{
	return c->at < c->len || c->ended || poll_for(c->fd, POLLIN, 0);
}

void client_expect_end(struct client *c)
{
	ck_assert_msg(c->at == c->len && !fill(c), "more came: %.*s", (int)(c->len - c->at),
	              c->in + c->at);
}

void client_await_end(struct client *c)
{
	do
		c->at = c->len;
	while (fill(c));
}

size_t client_take(struct client *c, void *to, size_t n)
{
	size_t done = 0;

	while (done < n && (c->at < c->len || fill(c))) {
		size_t piece = c->len - c->at < n - done ? c->len - c->at : n - done;

		memcpy((char *)to + done, c->in + c->at, piece);
		c->at += piece;
		done += piece;
	}
	return done;
}

/* Takes all up to and with the first end, as a string; NULL if the connection ends before. */
static char *take_through(struct client *c, const char *end)
{
	char *found, *text;
	size_t n;

	while (c->at == c->len ||
	       !(found = memmem(c->in + c->at, c->len - c->at, end, strlen(end))))
		if (!fill(c))
			return NULL;
	n = (size_t)(found - (c->in + c->at)) + strlen(end);
	text = strndup(c->in + c->at, n);
	ck_assert_ptr_nonnull(text);
	c->at += n;
	return text;
}

/* ---- Answers -------------------------------------------------------------------------------- */

const char *answer_header(struct answer *a, const char *name)
{
	size_t len = strlen(name);
	const char *line = strstr(a->head, "\r\n"), *end;

	for (; line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		const char *at = line + 2;

		if (strncasecmp(at, name, len) != 0 || at[len] != ':')
			continue;
		at += len + 1;
		at += strspn(at, " \t");
		end = strstr(at, "\r\n");
		ck_assert_uint_lt((size_t)(end - at), sizeof a->value);
		memcpy(a->value, at, (size_t)(end - at));
		a->value[end - at] = '\0';
		return a->value;
	}
	return NULL;
}

static int headers_called(const struct answer *a, const char *name)
{
	const char *line = strstr(a->head, "\r\n");
	size_t len = strlen(name);
	int n = 0;

	for (; line; line = strstr(line + 2, "\r\n"))
		n += strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':';
	return n;
}

static void answer_append(struct client *c, struct answer *a, size_t n)
{
	a->body = realloc(a->body, a->size + n + 1);
	ck_assert_ptr_nonnull(a->body);
	n = client_take(c, a->body + a->size, n);
	a->size += n;
	a->body[a->size] = '\0';
}

/* The number of a chunk's bytes; -1 where the connection ends. */
static long long take_chunk_size(struct client *c)
{
	char *line = take_through(c, "\r\n"), *end;
	long long n;

	if (!line)
		return -1;
	n = strtoll(line, &end, 16);
	ck_assert_msg(end > line && (*end == '\r' || *end == ';') && n >= 0, "a bad chunk: %s",
	              line);
	free(line);
	return n;
}

static void take_chunks(struct client *c, struct answer *a)
{
	long long n;

	while ((n = take_chunk_size(c)) >= 0) {
		size_t before = a->size;
		char *end;

		answer_append(c, a, (size_t)n);
		if (a->size - before < (size_t)n)
			return;
		end = take_through(c, "\r\n");
		if (!end)
			return;
		ck_assert_str_eq(end, "\r\n");
		free(end);
		if (n == 0) {
			a->whole = 1;
			return;
		}
	}
}

static void take_body(struct client *c, struct answer *a)
{
	const char *value = answer_header(a, "Content-Length");

	if (a->chunked) {
		take_chunks(c, a);
	} else if (value) {
		char *end;
		size_t n = strtoull(value, &end, 10);

		ck_assert_msg(end > value && !*end, "a bad length: %s", value);
		answer_append(c, a, n);
		a->whole = a->size == n;
	} else {
		do
			answer_append(c, a, c->len - c->at);
		while (fill(c));
		a->whole = 1;
	}
}

void client_answer(struct client *c, const char *method, struct answer *a)
{
	int end = 0;

	*a = (struct answer){.head = take_through(c, "\r\n\r\n")};
	ck_assert_msg(a->head != NULL, "no answer, but the end after: %.*s", (int)(c->len - c->at),
	              c->in + c->at);
	ck_assert_msg(sscanf(a->head, "HTTP/1.%*1[01] %3d%n", &a->status, &end) == 1 && end == 12,
	              "no status: %s", a->head);
	ck_assert_int_le(headers_called(a, "Content-Length"), 1);
	ck_assert_int_le(
		headers_called(a, "Content-Length") + headers_called(a, "Transfer-Encoding"), 1);
	a->chunked = headers_called(a, "Transfer-Encoding");
	a->framed = a->chunked || headers_called(a, "Content-Length");
	if (a->chunked)
		ck_assert_str_eq(answer_header(a, "Transfer-Encoding"), "chunked");
	answer_append(c, a, 0);
	if (strcmp(method, "HEAD") == 0 || a->status / 100 == 1 || a->status == 204 ||
	    a->status == 304)
		a->whole = 1;
	else
		take_body(c, a);
}

void answer_free(struct answer *a)
{
	free(a->head);
	free(a->body);
	*a = (struct answer){.status = 0};
}

void client_expect(struct client *c, int status, const char *body)
{
	struct answer a;

	client_answer(c, "GET", &a);
	ck_assert_msg(a.status == status, "%d, and not %d: %s%s", a.status, status, a.head, a.body);
	ck_assert_int_eq(a.whole, 1);
	if (body)
		ck_assert_str_eq(a.body, body);
	answer_free(&a);
}

void client_request_with(struct client *c, const char *method, const char *target,
                         const char *headers)
{
	char *text;

	ck_assert_int_gt(asprintf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", method,
	                          target, headers),
	                 0);
	client_send(c, text);
	free(text);
}

void client_request(struct client *c, const char *method, const char *target)
{
	client_request_with(c, method, target, "");
}

void client_begin_post(struct client *c, const char *target, size_t size, const char *headers)
{
	char *all;

	ck_assert_int_gt(asprintf(&all, "Content-Length: %zu\r\n%s", size, headers), 0);
	client_request_with(c, "POST", target, all);
	free(all);
}

void client_post(struct client *c, const char *target, const void *body, size_t size)
{
	client_begin_post(c, target, size, "");
	client_send_bytes(c, body, size);
}

void expect_get(uint16_t port, const char *target, int status, const char *body)
{
	struct client c;

	client_open(&c, port);
	client_request(&c, "GET", target);
	client_expect(&c, status, body);
	client_close(&c);
}

int status_of(uint16_t port, const char *text, int closes)
{
	struct answer a;
	struct client c;
	int status;

	client_open(&c, port);
	client_send(&c, text);
	client_answer(&c, "GET", &a);
	status = a.status;
	answer_free(&a);
	if (closes)
		client_expect_end(&c);
	client_close(&c);
	return status;
}

/* ---- Applications --------------------------------------------------------------------------- */

ptj_web_app *web_app(void)
{
	ptj_web_app *app = NULL;

	ok(ptj_web_app_create(&app, NULL));
	ck_assert_ptr_nonnull(app);
	ok(ptj_web_set_receive_timeout(app, RECEIVE_TIMEOUT_MS));
	return app;
}

ptj_web_app *web_app_with(struct setup u)
{
	ptj_web_app *app = web_app();
	ptj_attr *attr = attr_of(&u);

	ok(ptj_web_setup(app, attr));
	ptj_attr_free(attr);
	return app;
}

uint16_t web_start(ptj_web_app *app)
{
	ok(ptj_web_start(app, "127.0.0.1", 0));
	ck_assert_int_ne(ptj_web_port(app), 0);
	return ptj_web_port(app);
}

void web_end(ptj_web_app *app)
{
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ptj_web_app_free(app);
}

void web_atomic(ptj_web_app *app, const char *method, const char *path, ptj_web_handler handler,
                void *user)
{
	ok(ptj_web_atomic(app, method, path, handler, user));
}

void web_atomic_with(ptj_web_app *app, struct way way, const char *method, const char *path,
                     ptj_web_handler handler, void *user)
{
	ptj_web_route_attr *attr;

	ok(ptj_web_route_attr_create(&attr));
	ok(ptj_web_route_attr_set_atomic(attr, 1));
	ok(ptj_web_route_attr_set_stream_body(attr, way.stream_body));
	ok(ptj_web_route_attr_set_close_on_disconnect(attr, way.close_on_disconnect));
	if (way.sets_limit)
		ok(ptj_web_route_attr_set_body_limit(attr, way.body_limit));
	if (way.sets_mode)
		ok(ptj_web_route_attr_set_cancel_mode(attr, way.mode));
	if (way.name)
		ok(ptj_web_route_attr_set_name(attr, way.name));
	ok(ptj_web_route_with(app, attr, method, path, handler, user));
	ptj_web_route_attr_free(attr);
}

int call_web_stop(struct caller *c)
{
	return ptj_web_stop(c->arg, c->timeout);
}

/* ---- Handlers ------------------------------------------------------------------------------- */

int respond_text(ptj_web_request *r, int status, const char *text)
{
	return ptj_web_respond(r, status, NULL, text, strlen(text));
}

int handler_hello(ptj_web_request *r, void *text)
{
	return respond_text(r, 200, text ? text : "hello");
}

int handler_at_gate(ptj_web_request *r, void *gate)
{
	gate_pass(gate);
	return respond_text(r, 200, "passed");
}

int handler_stubborn(ptj_web_request *r, void *gate)
{
	gate_pass_stubborn(gate);
	return respond_text(r, 200, "passed");
}

int handler_obedient(ptj_web_request *r, void *gate)
{
	int code = gate_pass_obedient(gate);

	return code ? code : respond_text(r, 200, "passed");
}

int handler_fail_eio(ptj_web_request *r, void *user)
{
	(void)user;
	return ptj_web_fail(r, EIO, "disk on fire");
}

int handler_nothing(ptj_web_request *r, void *user)
{
	(void)r;
	(void)user;
	return 0;
}

/* ---- The log -------------------------------------------------------------------------------- */

void lines_init(struct lines *l)
{
	memset(l, 0, sizeof *l);
	pthread_mutex_init(&l->mu, NULL);
}

void lines_log(const char *message, void *lines)
{
	struct lines *l = lines;
	size_t used, len = strlen(message);

	pthread_mutex_lock(&l->mu);
	used = strlen(l->text);
	if (used + len + 1 < LINES_SIZE)
		sprintf(l->text + used, "%s\n", message);
	l->n++;
	pthread_mutex_unlock(&l->mu);
}

size_t lines_count(struct lines *l)
{
	size_t n;

	pthread_mutex_lock(&l->mu);
	n = l->n;
	pthread_mutex_unlock(&l->mu);
	return n;
}

int lines_have(struct lines *l, const char *text)
{
	int found;

	pthread_mutex_lock(&l->mu);
	found = strstr(l->text, text) != NULL;
	pthread_mutex_unlock(&l->mu);
	return found;
}
