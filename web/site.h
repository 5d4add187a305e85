/* A site: what is shared while an application and its sub-applications are served.

   Discipline.  site->mu guards what is marked so here, in struct ptj_web_request, struct line and
   struct client.  The order is

	site->mu  ->  pipe->mu
	site->mu  ->  the locks of libmicrohttpd, which it takes to suspend a connection

   libmicrohttpd calls nobody with its locks held but the reader of an answer's content, under the
   answer's own lock, which is taken nowhere else.  No function of the program's, of ptjobs.h that
   may call one, and no MHD_resume_connection() is called with site->mu held.

   Why libmicrohttpd never stops with a suspended connection, for which it would abort.  A
   connection is suspended with site->mu held, in a state below SITE_CLOSED, and then its request is
   marked; who resumes it takes the mark off with site->mu held first, so there is one who does.
   The stop sets SITE_CLOSED and in the same critical section answers all requests, so that no
   connection is suspended from then on; and a request is counted until its connection has been
   resumed and has come to the end of the answer.  The daemon is stopped when there are none.
   Checked by tests/web/test_web_stop.c.

   A site lives as long as its application and each of its requests; a straggler's request may
   outlive the application.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef SITE_H
#define SITE_H

#include <pthread.h>
#include <ptjobs-microhttpd.h>
#include <stdbool.h>
#include <sys/types.h>

#include "list.h"

enum site_state {
	SITE_OFF,
	SITE_OPEN,     /* requests are served */
	SITE_DRAINING, /* new ones are answered with 503; those before are done */
	SITE_CLOSED,   /* all are answered, whatever becomes of their jobs */
};

struct site {
	pthread_mutex_t mu;
	size_t refs;           /* guarded by mu */
	enum site_state state; /* guarded by mu */
	bool starting;        /* guarded by mu; somebody is opening it, and the state is SITE_OFF */
	_Atomic pid_t owner;  /* the process it runs in, 0 for none; read without mu */
	struct link requests; /* guarded by mu; from their first line to the end of their answer */
	struct link given_up; /* guarded by mu; the same, those that the stop answered */
	size_t request_count; /* guarded by mu; how many there are */
	size_t pins;          /* guarded by mu; calls on schedulers that are under way */
	struct link inline_handlers; /* guarded by mu; the handlers on the event loop, by frames */
	pthread_cond_t quiet;        /* no requests, no pins, or the listener is closed */
	pthread_cond_t off;          /* state == SITE_OFF and !starting */
	ptj_web_log log;             /* read-only while the site is open */
	void *log_user;              /* the same */
	struct loop *loop;           /* read-only while the site is open */
	struct server *server;       /* the same; NULL with a daemon of the program's */
	struct clients *clients;     /* the server's; the same */
};

/* NULL where memory is short. */
struct site *site_create(void);

/* With mu held; the second releases it. */
void site_ref_locked(struct site *site);
void site_unref_unlock(struct site *site);

void site_lock(struct site *site);
void site_unlock(struct site *site);

/* Whether the site runs in a process that this one was forked from: no thread of it is here, and mu
   may be locked for ever.  Needs no lock: relaxed, since a fork orders it, and within one process
   it is false (tests/web/test_web_scheduler.c). */
bool site_is_dead(const struct site *site);

/* Waits until there is no request; false when until has passed.  mu held; released meanwhile. */
bool site_wait_requests_locked(struct site *site, int64_t until);

/* Waits on a condition variable of the site's; false when until has passed.  mu held; released
   meanwhile. */
bool site_wait_locked(struct site *site, pthread_cond_t *cond, int64_t until);

/* Keeps the schedulers of the site until site_unpin().  ESHUTDOWN: they are on their way out. */
int site_pin(struct site *site);
void site_unpin(struct site *site);

/* A handler on the event loop. */
struct inline_handler {
	struct link link;
	pthread_t thread;
};

void site_enter(struct site *site, struct inline_handler *frame);
void site_leave(struct site *site, struct inline_handler *frame);

/* Whether the calling thread is in one. */
bool site_is_inside(struct site *site);

/* Writes a line to the log, if there is one.  mu not held. */
void site_log(struct site *site, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
