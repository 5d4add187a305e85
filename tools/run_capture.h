/* What a job wrote to one of its two streams: read from a pipe, kept until its turn comes.

   A pipe and not a file, because a command may open /dev/stderr anew, and would then truncate a
   file or write over its beginning; and because the end of the pipe says that nobody is left who
   could write.

   The last part, less than a chunk, is in memory, and all before it in the store.  A job that
   writes nothing costs no memory at all.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_CAPTURE_H
#define RUN_CAPTURE_H

#include "run_store.h"

#include <stdbool.h>

struct capture {
	int fd;           /* the pipe's end to read; -1 at its end */
	int error;        /* an errno value: some of the output is lost */
	char *tail;       /* NULL for nothing */
	size_t len;       /* of the tail */
	size_t room;      /* in the tail */
	uint32_t *chunks; /* all full but, once shelved, the last */
	size_t nchunks;
	uint64_t stored; /* bytes in the chunks */
};

/* A capture of nothing. */
#define CAPTURE_EMPTY ((struct capture){.fd = -1})

/* Reads once, for use when the pipe is readable or at its end. */
void capture_read(struct capture *c, struct store *st);

/* Reads what is in the pipe now, and closes it whoever may still have the other end. */
void capture_finish(struct capture *c, struct store *st);

/* Shrinks the capture to what many of them may take while they wait. */
void capture_shelve(struct capture *c, struct store *st);

bool capture_is_empty(const struct capture *c);

/* Writes it all to fd.  Returns an errno value: the output was not written, or not all. */
int capture_write(struct capture *c, struct store *st, int fd);

/* Releases it all. */
void capture_drop(struct capture *c, struct store *st);

#endif
