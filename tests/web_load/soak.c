/* Thousands of clients that vanish at random moments: while they send a request, while they wait
   for the answer, in the midst of it, with a reset and without.  Others stay, and must be answered
   rightly.

   After each round there must be no connection, request or job left, as many descriptors as before,
   and but for SLACK no more bytes allocated than after the first round, which fills the caches.
   With GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1 that count is exact.
   After the stop the descriptors are those that there were before the start.

   An end of the input that comes together with the last bytes before it is lost on libmicrohttpd
   0.9.75, which would keep such a connection until the receive timeout.  That is a day here: the
   library itself has to notice.

   PTJ_STRESS=N makes it N rounds instead of 2; PTJ_SEED=S repeats the choices of a run, though not
   the interleaving.  Prints its seed and its counts, and aborts at the first broken promise.

   SPDX-License-Identifier: Apache-2.0 */

#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <ptjobs-microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	VISITORS = 8,
	VISITS = 300, /* of each, in a round */
	ROUNDS = 2,
	UPLOAD = 300000,
	DOWNLOAD = 300000,
	RECEIVE_MS = 86400000, /* nothing is cut off for its slowness */
	PATIENCE_S = 120,      /* passes only when something is broken */
	SLACK = 16384 /* stacks that glibc keeps have tables, and lists have spare places */
};

#define must(condition)                               \
	do {                                          \
		if (!(condition))                     \
			broken(__LINE__, #condition); \
	} while (0)

static uint64_t seed;
static uint16_t port;
static char bytes[UPLOAD]; /* read-only: what is sent, and served */
static int file = -1;      /* the same */
static atomic_size_t entered, left, spawned, released, reported;

_Noreturn static void broken(int line, const char *what)
{
	fprintf(stderr, "soak.c:%d: not %s (seed %" PRIu64 ")\n", line, what, seed);
	abort();
}

/* xorshift64*; each visitor has its own. */
static size_t choose(uint64_t *state, size_t n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (size_t)((*state * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* ---- The server ------------------------------------------------------------------------------ */

static int hello(ptj_web_request *request, void *user)
{
	(void)user;
	return ptj_web_respond(request, 200, NULL, "hello", 5);
}

static int job(ptj_web_request *request, void *user)
{
	work_for_us(500);
	return hello(request, user);
}

/* Its route closes it when the client goes away. */
static int patient(ptj_web_request *request, void *user)
{
	int rc = ptj_sleep(5);

	return rc != 0 ? rc : hello(request, user);
}

static int body(ptj_web_request *request, void *user)
{
	size_t size;
	const void *data = ptj_web_body(request, &size);

	(void)user;
	return ptj_web_respond(request, 200, NULL, data, size);
}

static int upload(ptj_web_request *request, void *user)
{
	char buf[8192];
	size_t got = 0;
	int rc;

	while ((rc = ptj_web_read(request, buf, sizeof(buf), PTJ_INFINITE, &got)) == 0 && got > 0)
		continue;
	return rc != 0 ? rc : hello(request, user);
}

static int download(ptj_web_request *request, void *user)
{
	int rc = ptj_web_stream(request, 200, NULL, UINT64_MAX);

	(void)user;
	for (size_t at = 0; rc == 0 && at < DOWNLOAD; at += DOWNLOAD / 100)
		rc = ptj_web_write(request, bytes + at, DOWNLOAD / 100, PTJ_INFINITE, NULL);
	return rc;
}

static int send_file(ptj_web_request *request, void *user)
{
	int fd = dup(file);
	int rc;

	(void)user;
	if (fd < 0)
		return errno;
	rc = ptj_web_respond_fd(request, 200, NULL, fd, 0, UINT64_MAX);
	if (rc != 0)
		close(fd);
	return rc;
}

static void *spawned_job(void *arg)
{
	work_for_us(500);
	atomic_fetch_add_explicit(&released, 1, memory_order_relaxed);
	free(arg);
	return NULL;
}

static int spawner(ptj_web_request *request, void *user)
{
	void *arg = malloc(100);
	int rc = arg != NULL ? ptj_web_spawn(request, spawned_job, arg, NULL) : ENOMEM;

	if (rc != 0) {
		free(arg);
		return rc;
	}
	atomic_fetch_add_explicit(&spawned, 1, memory_order_relaxed);
	return hello(request, user);
}

static int failing(ptj_web_request *request, void *user)
{
	(void)user;
	return ptj_web_fail(request, EIO, "as is meant");
}

static void report(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s, (void)context, (void)user;
	atomic_fetch_add_explicit(&reported, 1, memory_order_relaxed);
}

/* What a page's route is. */
enum { ATOMIC = 1, STREAMS = 2, CLOSES = 4 };

/* The page's request has a body of sent bytes, and its answer one of at least least. */
static const struct page {
	const char *method, *path;
	ptj_web_handler handler;
	int route;
	size_t sent;
	int status;
	size_t least;
} pages[] = {
	{"GET", "/inline", hello, 0, 0, 200, 5},
	{"GET", "/job", job, ATOMIC, 0, 200, 5},
	{"GET", "/patient", patient, ATOMIC | CLOSES, 0, 200, 5},
	{"POST", "/body", body, ATOMIC, 5000, 200, 5000},
	{"POST", "/upload", upload, ATOMIC | STREAMS, UPLOAD, 200, 5},
	{"POST", "/uploads", upload, ATOMIC | STREAMS | CLOSES, UPLOAD, 200, 5},
	{"GET", "/download", download, ATOMIC, 0, 200, DOWNLOAD},
	{"GET", "/downloads", download, ATOMIC | CLOSES, 0, 200, DOWNLOAD},
	{"GET", "/file", send_file, 0, 0, 200, UPLOAD},
	{"POST", "/spawner", spawner, ATOMIC, 0, 200, 5},
	{"GET", "/failing", failing, ATOMIC, 0, 500, 0},
	{"GET", "/nothing", NULL, 0, 0, 404, 0},
};

enum { PAGES = sizeof(pages) / sizeof(*pages) };

/* The handler of every page: what comes in goes out. */
static int counted(ptj_web_request *request, void *user)
{
	const struct page *page = user;
	int rc;

	atomic_fetch_add_explicit(&entered, 1, memory_order_relaxed);
	rc = page->handler(request, NULL);
	atomic_fetch_add_explicit(&left, 1, memory_order_relaxed);
	return rc;
}

static void add_pages(ptj_web_app *app)
{
	for (size_t i = 0; i < PAGES; i++) {
		ptj_web_route_attr *attr;

		if (pages[i].handler == NULL)
			continue;
		must(ptj_web_route_attr_create(&attr) == 0);
		must(ptj_web_route_attr_set_atomic(attr, pages[i].route & ATOMIC) == 0);
		if (pages[i].route & STREAMS)
			must(ptj_web_route_attr_set_stream_body(attr, 1) == 0);
		if (pages[i].route & CLOSES)
			must(ptj_web_route_attr_set_close_on_disconnect(attr, 1) == 0);
		must(ptj_web_route_with(app, attr, pages[i].method, pages[i].path, counted,
		                        (void *)&pages[i]) == 0);
		ptj_web_route_attr_free(attr);
	}
}

static ptj_web_app *make_app(void)
{
	ptj_web_app *app;
	ptj_attr *attr;

	must(ptj_attr_create(&attr) == 0);
	must(ptj_attr_set_limit(attr, VISITORS / 2) == 0); /* So that some jobs are pending. */
	must(ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE) == 0);
	must(ptj_attr_set_exception_handler(attr, report, NULL) == 0);
	must(ptj_web_app_create(&app, NULL) == 0);
	must(ptj_web_setup(app, attr) == 0);
	must(ptj_web_set_receive_timeout(app, RECEIVE_MS) == 0);
	ptj_attr_free(attr);
	add_pages(app);
	return app;
}

/* ---- A visitor ------------------------------------------------------------------------------- */

struct visitor {
	pthread_t thread;
	uint64_t random;
	size_t stayed, vanished;
};

static int connect_to_server(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	must(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0);
	must(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	return fd;
}

/* Sends the first size bytes of head and bytes[], or as many as the server takes. */
static int send_request(int fd, const char *head, size_t head_size, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const char *from = at < head_size ? head + at : bytes + (at - head_size);
		size_t here = at < head_size && size > head_size ? head_size - at : size - at;
		ssize_t n = send(fd, from, here, MSG_NOSIGNAL);

		if (n < 0)
			return 0;
		at += (size_t)n;
	}
	return 1;
}

/* Reads up to size bytes, or to the end; *status becomes that of the answer. */
static size_t read_answer(int fd, size_t size, int *status)
{
	char head[16] = "", buf[16384];
	size_t total = 0;
	ssize_t n = 1;

	while (n > 0 && total < size) {
		size_t wanted = size - total < sizeof(buf) ? size - total : sizeof(buf);

		n = recv(fd, buf, wanted, 0);
		for (ssize_t i = 0; i < n && total + (size_t)i < sizeof(head) - 1; i++)
			head[total + (size_t)i] = buf[i];
		total += n > 0 ? (size_t)n : 0;
	}
	must(n >= 0 || errno != EAGAIN);
	*status = sscanf(head, "HTTP/1.1 %d ", status) == 1 ? *status : 0;
	return total;
}

/* Closes fd, with a reset where the visitor is in a bad mood. */
static void leave(struct visitor *visitor, int fd)
{
	struct linger abrupt = {.l_onoff = 1};

	if (choose(&visitor->random, 2))
		must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt)) == 0);
	close(fd);
}

enum manner { STAYS, IMPATIENT, SENDING, WAITING, READING, HALF_CLOSED, MANNERS };

static void visit(struct visitor *visitor, const struct page *page, enum manner manner)
{
	char head[200];
	size_t head_size = (size_t)snprintf(head, sizeof(head),
	                                    "%s %s HTTP/1.1\r\nHost: localhost\r\n"
	                                    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	                                    page->method, page->path, page->sent);
	size_t size = head_size + page->sent;
	int status, fd = connect_to_server();

	if (manner == IMPATIENT)
		size = 0;
	if (manner == SENDING)
		size = choose(&visitor->random, 2) ? choose(&visitor->random, head_size)
		                                   : choose(&visitor->random, size);
	if (manner == STAYS)
		must(send_request(fd, head, head_size, size));
	else
		send_request(fd, head, head_size, size);
	if (manner == HALF_CLOSED)
		shutdown(fd, SHUT_WR);
	if (manner == STAYS) {
		size_t got = read_answer(fd, SIZE_MAX, &status);

		if (status != page->status || got <= page->least)
			fprintf(stderr, "%s %s: %d, %zu bytes\n", page->method, page->path, status,
			        got);
		must(status == page->status);
		must(got > page->least);
		close(fd);
		visitor->stayed++;
		return;
	}
	if (manner == READING || manner == HALF_CLOSED)
		read_answer(fd, choose(&visitor->random, page->least + 100), &status);
	leave(visitor, fd);
	visitor->vanished++;
}

static void *visits(void *arg)
{
	struct visitor *visitor = arg;

	for (int i = 0; i < VISITS; i++) {
		const struct page *page = &pages[choose(&visitor->random, PAGES)];

		visit(visitor, page, (enum manner)choose(&visitor->random, MANNERS));
	}
	return NULL;
}

/* ---- A round --------------------------------------------------------------------------------- */

static size_t things_left(ptj_web_app *app)
{
	ptj_scheduler *s = ptj_web_scheduler_from_app(app);

	return ptj_web_connection_count(app) + ptj_web_request_count(app) +
	       ptj_web_line_count(app) + ptj_scheduler_len(s) + ptj_scheduler_shield_count(s);
}

/* Waits until nothing of the visitors is left.  A connection is closed when it no longer counts. */
static void settle(ptj_web_app *app, size_t descriptors)
{
	struct timespec moment = {.tv_nsec = 1000000};
	time_t end = time(NULL) + PATIENCE_S;

	while (things_left(app) > 0 || open_descriptors() != descriptors) {
		if (time(NULL) > end)
			fprintf(stderr,
			        "%zu connections, %zu requests, %zu jobs, %zu descriptors\n",
			        ptj_web_connection_count(app), ptj_web_request_count(app),
			        ptj_scheduler_len(ptj_web_scheduler_from_app(app)),
			        open_descriptors());
		must(time(NULL) <= end);
		nanosleep(&moment, NULL);
	}
}

/* *allocated is what is allocated after the first round. */
static void play(ptj_web_app *app, int number, size_t *allocated)
{
	size_t descriptors = open_descriptors();
	struct visitor visitors[VISITORS] = {0};
	size_t stayed = 0, vanished = 0, now;

	for (size_t i = 0; i < VISITORS; i++) {
		visitors[i] =
			(struct visitor){.random = seed + (uint64_t)number * VISITORS + i + 1};
		must(pthread_create(&visitors[i].thread, NULL, visits, &visitors[i]) == 0);
	}
	for (size_t i = 0; i < VISITORS; i++) {
		must(pthread_join(visitors[i].thread, NULL) == 0);
		stayed += visitors[i].stayed;
		vanished += visitors[i].vanished;
	}
	settle(app, descriptors);
	must(entered == left);
	must(spawned == released);
	now = allocated_bytes();
	printf("round %d: %zu stayed, %zu vanished; %zu handlers, %zu failures; %zu descriptors, "
	       "%zu "
	       "bytes\n",
	       number, stayed, vanished, atomic_load(&entered), atomic_load(&reported), descriptors,
	       now);
	fflush(stdout);
	if (number == 1)
		*allocated = now;
	must(now <= *allocated + SLACK);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

int main(void)
{
	uint64_t rounds = from_environment("PTJ_STRESS", ROUNDS);
	size_t descriptors, allocated = 0;
	ptj_web_app *app;

	seed = from_environment("PTJ_SEED", (uint64_t)time(NULL) * (uint64_t)getpid());
	printf("seed %" PRIu64 "\n", seed);
	memset(bytes, 'x', sizeof(bytes));
	file = memfd_create("soak", MFD_CLOEXEC);
	must(file >= 0 && write(file, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
	raise_descriptor_limit();

	descriptors = open_descriptors();
	app = make_app();
	must(ptj_web_start(app, "127.0.0.1", 0) == 0);
	port = ptj_web_port(app);
	for (int i = 1; i <= (int)rounds; i++)
		play(app, i, &allocated);
	must(ptj_web_stop(app, PTJ_DEFAULT) == 0);
	must(open_descriptors() == descriptors);
	ptj_web_app_free(app);
	close(file);
	return 0;
}
