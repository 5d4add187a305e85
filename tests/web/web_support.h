/* What the web suites share beside ../support.h: a client that speaks HTTP/1.1 over a plain socket,
   so that it can be slow, wrong or gone at any byte; handlers at gates; applications in the way
   that most suites want them.

   The client is strict: an answer that is framed wrongly fails the test, whatever the test is
   about.  Its functions assert, so they are for the test's own thread; each wait ends with the
   test's patience, which passes only when something is broken.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_WEB_SUPPORT_H
#define PTJOBS_TESTS_WEB_SUPPORT_H

#include "../support.h"

#include <ptjobs-microhttpd.h>

/* ---- A client ------------------------------------------------------------------------------- */

struct client {
	int fd;
	char *in; /* what came; the bytes from at to len were not taken yet */
	size_t at, len, size;
	int ended; /* the server has closed or reset the connection */
};

void client_open(struct client *c, uint16_t port);
void client_close(struct client *c);
/* Ends the connection with a reset, as a machine that is switched off seems to do. */
void client_vanish(struct client *c);
/* Sends no more, but reads. */
void client_half_close(struct client *c);

void client_send(struct client *c, const char *text);
void client_send_bytes(struct client *c, const void *bytes, size_t n);
/* Sends the bytes poured_byte(from) to poured_byte(to - 1), until the server has taken none for as
   long as quiet_ms or has gone; returns where it got to. */
size_t client_pour(struct client *c, size_t from, size_t to, int quiet_ms);

/* Whether something came, or the end, that was not taken yet; does not wait. */
int client_has_news(struct client *c);
/* Waits for the end of the connection, before which nothing more may come. */
void client_expect_end(struct client *c);
/* Waits until it has ended, and drops what comes before. */
void client_await_end(struct client *c);
/* Takes up to n bytes as they come; fewer only at the end. */
size_t client_take(struct client *c, void *to, size_t n);

/* ---- Answers -------------------------------------------------------------------------------- */

struct answer {
	int status;
	char *head; /* the status line and the headers, each with its CRLF */
	char *body; /* followed by a 0 */
	size_t size;
	int chunked;
	int framed; /* the head says where the body ends */
	int whole;  /* it came to its end; else it was cut off */
	char value[512];
};

/* Takes one answer to a request with this method, without a body where there is none.  It fails the
   test if the connection ends within or before the head. */
void client_answer(struct client *c, const char *method, struct answer *a);
void answer_free(struct answer *a);
/* The value of a header, valid until the next call; NULL if there is none. */
const char *answer_header(struct answer *a, const char *name);

/* Takes the answer to a GET, which must have this status, and this body unless it is NULL. */
void client_expect(struct client *c, int status, const char *body);
/* Sends a request without a body, with Host. */
void client_request(struct client *c, const char *method, const char *target);
/* The same with more headers, each with its CRLF. */
void client_request_with(struct client *c, const char *method, const char *target,
                         const char *headers);
/* Sends a POST with a body of this size, which client_pour() or the test itself fills in. */
void client_begin_post(struct client *c, const char *target, size_t size, const char *headers);
void client_post(struct client *c, const char *target, const void *body, size_t size);

/* A GET on a connection of its own. */
void expect_get(uint16_t port, const char *target, int status, const char *body);
/* Sends text on a connection of its own and returns the status of the answer, after which the
   server must have closed the connection if closes is set. */
int status_of(uint16_t port, const char *text, int closes);

/* What is poured, by client_pour() and by handlers: the same 64 KiB again and again. */
char poured_byte(size_t i);
int is_poured(const char *bytes, size_t n, size_t from);

/* ---- Applications --------------------------------------------------------------------------- */

/* An application that is patient with its clients, so that a slow machine changes nothing. */
ptj_web_app *web_app(void);
/* The same with a scheduler. */
ptj_web_app *web_app_with(struct setup u);
/* Starts it at 127.0.0.1 and returns the port. */
uint16_t web_start(ptj_web_app *app);
/* Stops it as ptj_web_stop() with the default does, and releases it. */
void web_end(ptj_web_app *app);

/* The attributes of an atomic route. */
struct way {
	int stream_body;
	int close_on_disconnect;
	int sets_limit; /* body_limit means something */
	uint64_t body_limit;
	int sets_mode; /* mode means something */
	int mode;
	const char *name; /* NULL for none */
};

void web_atomic(ptj_web_app *app, const char *method, const char *path, ptj_web_handler handler,
                void *user);
void web_atomic_with(ptj_web_app *app, struct way way, const char *method, const char *path,
                     ptj_web_handler handler, void *user);

/* A call of ptj_web_stop(c->arg, c->timeout), for a caller. */
int call_web_stop(struct caller *c);

/* ---- Handlers ------------------------------------------------------------------------------- */

int handler_hello(ptj_web_request *r, void *text);    /* 200 and the text, "hello" for NULL */
int handler_at_gate(ptj_web_request *r, void *gate);  /* 200 and "passed" behind the gate */
int handler_stubborn(ptj_web_request *r, void *gate); /* the same, and is not cancelled there */
int handler_obedient(ptj_web_request *r, void *gate); /* the same, or ECANCELED, in any mode */
int handler_fail_eio(ptj_web_request *r, void *user); /* ptj_web_fail(r, EIO, "disk on fire") */
int handler_nothing(ptj_web_request *r, void *user);  /* returns 0 without an answer */

int respond_text(ptj_web_request *r, int status, const char *text);

/* ---- The log -------------------------------------------------------------------------------- */

enum { LINES_SIZE = 16384 };

struct lines {
	pthread_mutex_t mu;
	size_t n;              /* guarded by mu */
	char text[LINES_SIZE]; /* guarded by mu; what there was room for, each with a newline */
};

void lines_init(struct lines *l);
void lines_log(const char *message, void *lines);
size_t lines_count(struct lines *l);
int lines_have(struct lines *l, const char *text);

#endif
