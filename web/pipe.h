/* Bytes on their way between a thread of the daemon's, which never waits, and a job, which does:
   the body of a request as it comes, or an answer as it is written.

   The job waits in poll(), a cancellation point, with no lock held; in cooperative mode it waits
   for its cancel fd, too.  The daemon's side learns from the return values when it has to look
   again.

   Discipline.  p->mu guards what is marked so; it may be taken with a site's mu held, and nothing
   is locked while it is.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PIPE_H
#define PIPE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PIPE_SIZE = 64 * 1024 }; /* how much the job may leave unread, or write ahead */

struct pipe {
	bool obliging; /* waits end with EINTR when the job is closed; read-only after create */
	pthread_mutex_t mu;
	char *bytes;  /* guarded by mu, as all below */
	size_t size;  /* of bytes */
	size_t begin; /* of what is in it */
	size_t end;
	bool over;    /* nothing is put in any more */
	int error;    /* what a read finds at the end, and a write at once; 0 for none */
	bool waiting; /* the job is in poll(), or about to be */
	int fd;       /* an eventfd that wakes it; -1 until it waits for the first time */
};

/* NULL where memory is short. */
struct pipe *pipe_create(bool obliging);
void pipe_free(struct pipe *p);

/* ---- The daemon's side ----------------------------------------------------------------------- */

/* Puts all of it in, beyond PIPE_SIZE too; nothing once it is over.  ENOMEM. */
int pipe_put(struct pipe *p, const void *bytes, size_t n);

/* Takes out up to n bytes; returns how many. */
size_t pipe_take(struct pipe *p, void *bytes, size_t n);

/* The error that it ended with, or 0; whether a look at it finds nothing yet; whether there is too
   much in it. */
int pipe_error(struct pipe *p);
bool pipe_is_empty(struct pipe *p);
bool pipe_is_full(struct pipe *p);

/* Says that nothing more comes, for this reason or, with 0, because it was all.  The first call
   holds. */
void pipe_end(struct pipe *p, int error);

/* ---- The job's side -------------------------------------------------------------------------- */

/* Takes out up to n bytes, and waits until there are any; *got becomes 0 at the end.  The error
   that it ended with, when all before it was taken; ETIMEDOUT; EINTR; EMFILE, ENFILE: no descriptor
   is to be had to wait with. */
int pipe_read(struct pipe *p, void *bytes, size_t n, int64_t until, size_t *got);

/* Puts in as much of it as there is room for now, and waits until there is room for any; *put
   becomes how much.  The error that it ended with; as pipe_read(). */
int pipe_write(struct pipe *p, const void *bytes, size_t n, int64_t until, size_t *put);

#endif
