/* A descriptor that is made readable to tell an event loop that there is something to fetch: an
   eventfd of the library's own, or the write end of a pipe, a socket or an eventfd of the
   program's, to which 8 bytes are written each time.

   Ringing never blocks, whatever mode the program's descriptor is in, raises no SIGPIPE, and fails
   silently: a pipe that is full is readable anyway.  It is no cancellation point either.

   Whoever owns the bell guards it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BELL_H
#define BELL_H

#include <stdbool.h>

enum bell_kind { BELL_OWN, BELL_SOCKET, BELL_PIPE, BELL_OTHER };

struct bell {
	int fd;              /* read-only */
	enum bell_kind kind; /* read-only */
	bool rung;           /* an own one is readable */
};

/* A bell of the library's own for fd -1, else the program's descriptor.  EBADF: fd is not open for
   writing.  EMFILE, ENFILE, ENOMEM: no descriptor is to be had. */
int bell_init(struct bell *b, int fd);

/* Closes a descriptor of the library's own. */
void bell_destroy(struct bell *b);

void bell_ring(struct bell *b);

/* Makes an own bell not readable; what a program's descriptor has is the program's to read. */
void bell_reset(struct bell *b);

#endif
