/* Where output waits that is too much for memory: one unlinked temporary file, in chunks.

   All jobs share the file, so however many of them wait it takes one descriptor.  A chunk that
   was given back is used again, so the file is as large as the most that ever waited.  It is
   made in $TMPDIR, or /tmp, by the first that needs it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_STORE_H
#define RUN_STORE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_CHUNK 65536

/* Lock discipline: mu guards which chunks are free.  It is innermost, and never held while data
   is read or written, since a chunk has one owner. */
struct store {
	pthread_mutex_t mu;
	int fd;         /* -1 until needed; set once, under mu */
	uint32_t *free; /* guarded by mu: a stack of chunks given back, with room for all of them */
	size_t nfree;   /* guarded by mu */
	size_t room;    /* guarded by mu */
	uint32_t used;  /* guarded by mu: the file's length in chunks */
};

void store_init(struct store *st);
void store_destroy(struct store *st);

/* Puts at most STORE_CHUNK bytes into a chunk of the caller's.  Returns an errno value. */
int store_put(struct store *st, const void *data, size_t len, uint32_t *chunk);

/* Reads len bytes of the chunk from an offset on.  Returns an errno value. */
int store_get(struct store *st, uint32_t chunk, size_t offset, void *data, size_t len);

/* Gives a chunk back. */
void store_drop(struct store *st, uint32_t chunk);

#endif
