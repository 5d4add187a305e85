/* A request: made when its first line is there, and ended when its answer is out or its connection
   gone.  One reference is the daemon's, one the job's.

   Its phases.  All moves are made with site->mu held:

	HEAD -> BODY -> WHOLE -> LINE -> JOB -> ANSWERED -> SENT
	         |       |  |            ^  ^      ^
	         |       |  `------------'  |      |
	         |       `-- on the loop ---+------'
	         `--- a streamed body ------'

   and from each to ANSWERED, where something is refused or the server gives the request up.  What
   is to be answered is decided in the move to ANSWERED and does not change then; an answer that is
   streamed is sent while the job goes on.

   Discipline.  Fields without a mark are written before the handler can run and read-only then.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef REQUEST_H
#define REQUEST_H

#include <microhttpd.h>
#include <netinet/in.h>

#include "app.h"
#include "fields.h"
#include "loop.h"
#include "pipe.h"
#include "site.h"

enum phase {
	PHASE_HEAD,     /* the head is not there yet */
	PHASE_BODY,     /* the body comes in */
	PHASE_WHOLE,    /* it is there */
	PHASE_LINE,     /* waits for a place in the pending queue */
	PHASE_JOB,      /* is a job's, or about to be */
	PHASE_ANSWERED, /* the answer is decided */
	PHASE_SENT,     /* it is libmicrohttpd's */
};

/* What a suspended connection waits for. */
enum cause {
	CAUSE_ANSWER, /* the answer */
	CAUSE_READER, /* the job, to read some of the body */
	CAUSE_WRITER, /* the job, to write some of the answer */
};

/* What is answered. */
struct answer {
	int status;                    /* 0: none yet */
	struct MHD_Response *response; /* owned */
};

struct ptj_web_request {
	struct site *site;                 /* a reference */
	struct MHD_Connection *connection; /* used on the daemon's threads, and to resume it */
	struct link link;                  /* guarded by mu; in site->requests */
	size_t refs;                       /* guarded by mu */
	enum phase phase;                  /* guarded by mu */
	bool suspended;                    /* guarded by mu; and nobody has set out to resume it */
	enum cause cause;                  /* guarded by mu; why it is suspended */
	bool given_up;                     /* guarded by mu; the server answered for the handler */
	bool left;               /* guarded by mu; the client has, and the job is to know */
	bool gone;               /* guarded by mu; the connection is not to be touched */
	bool over;               /* guarded by mu; the job is, or was never begun */
	bool streams;            /* guarded by mu; the answer is streamed, and begun */
	bool too_large;          /* guarded by mu; the body is */
	struct answer answer;    /* guarded by mu until PHASE_SENT; then the daemon's */
	struct link line_link;   /* guarded by mu; in the line */
	ptj_job *job;            /* guarded by mu; a reference, where the route wants one */
	ptj_job *self;           /* the job; written by its thread, read by who ends it */
	bool returned;           /* the handler has; the same */
	bool answered_elsewhere; /* on another thread than the job's; guarded by mu */
	int failure;             /* what ptj_web_fail() was called with; the handler's */
	char *failure_message;   /* the same, of one on the event loop */

	/* Of the daemon's thread. */
	bool settled;       /* the next call that finds no answer may suspend: see access.c */
	bool chunks;        /* its client knows chunks: HTTP/1.1 */
	bool encoded;       /* uri is as it was sent */
	bool watched;       /* guarded by mu; the loop tells when the client leaves: see watch.h */
	int watched_fd;     /* guarded by mu */
	uint64_t limit;     /* of the body; 0 for none */
	uint64_t received;  /* bytes of body */
	uint64_t dropped;   /* those of them that came after the answer was decided */
	uint64_t announced; /* by Content-Length; UINT64_MAX where it was not */
	bool left_unseen;   /* the watch ended before it could tell; the loop's from then on */
	struct source source;  /* of the watch */
	struct task task;      /* the same */
	struct client *client; /* the connection to a server of ours; else NULL */

	bool atomic;                   /* the route is */
	bool obliging;                 /* the job obeys by itself: the mode is cooperative */
	struct ptj_web_app *app;       /* whose route it is; not to be used once given_up */
	const struct route *route;     /* NULL while there is none */
	struct ptj_web_app *scheduler; /* the application that has it; NULL if none has */
	char *method;
	char *uri;
	struct fields fields;
	char remote[INET6_ADDRSTRLEN]; /* "" where there is none */
	char *body;                    /* with a 0 behind it; NULL where there is none */
	size_t body_len;
	size_t body_size;
	struct pipe *in;   /* a streamed body; else NULL */
	struct pipe *out;  /* guarded by mu until streams is set; a streamed answer */
	uint64_t out_left; /* how much of it may still be written; the handler's */
};

/* Makes a request and puts it on its site's list; NULL where memory is short. */
struct ptj_web_request *request_create(struct site *site, struct MHD_Connection *connection,
                                       const char *uri, bool encoded);

void request_ref_locked(struct ptj_web_request *r);

/* Releases r with its last reference.  mu held, and released. */
void request_unref_unlock(struct ptj_web_request *r);

/* Takes r off its site's list: its answer is out, or its connection gone. */
void request_finish_locked(struct ptj_web_request *r);

/* Suspends the connection.  On a thread of the daemon's, in a state below SITE_CLOSED. */
void request_suspend_locked(struct ptj_web_request *r, enum cause cause);

/* Whether the connection is suspended, which its request does not count it as from now on: the
   caller is to resume it.  Pins the site until that is done: what is resumed may come to its end,
   and the daemon with it, before MHD_resume_connection() returns.  mu held. */
bool request_unmark_locked(struct ptj_web_request *r);

/* Resumes it, and unpins the site.  The caller may be a job that is cancelled: half a resumption
   would be none.  mu not held. */
void request_resume_connection(struct site *site, struct MHD_Connection *connection);

/* Resumes the connection if it is suspended.  mu held; released. */
void request_resume_unlock(struct ptj_web_request *r);

/* Resumes the connection if it is suspended for this cause.  mu not held. */
void request_resume_from(struct ptj_web_request *r, enum cause cause);

/* Decides the answer, which becomes r's, or is released if one was decided. */
void request_answer_locked(struct ptj_web_request *r, struct answer answer);

/* The same with the standard text of a status and no header but, for a 503, Retry-After. */
void request_answer_status_locked(struct ptj_web_request *r, int status);

/* Whether an answer was begun that is streamed.  mu not held. */
bool request_streams(struct ptj_web_request *r);

/* A plain answer; NULL where memory is short. */
struct MHD_Response *request_text(int status);

#endif
