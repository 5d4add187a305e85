/* Read-copy-update: readers who are never held up, and a wait for all that began before.

   Shared data are C11 atomics of our own; a section only says when they are read.  The pointers by
   which it comes to what may be freed are read, and written before the wait, with sequential
   consistency.  Sections run with cancellation disabled, are short, and call nothing of the user's.

   A section counts itself in one of two counts, and costs two atomic operations on a cache line
   that all threads share; who waits sends those to come to the other count, and sleeps until this
   one is 0.  liburcu's bp flavour, whose sections cost less where many threads are in them, is not
   used: it ends the process where it finds no memory for a thread's first section.  Sections are
   seldom here: one for each job that is visited, and for each report.  Checked by
   tests/test_collection.c, tests/test_handler.c and tests/test_tls.c.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef GRACE_H
#define GRACE_H

struct section {
	unsigned count; /* which of the two */
	int cancel_state;
};

/* Begins a read section. */
void grace_read_begin(struct section *section);
void grace_read_end(struct section *section);

/* Returns when every section that had begun before has ended.  No locks held; not within a
   section. */
void grace_wait(void);

/* Before a fork, after it in the parent, and in the child, where nobody is in a section. */
void grace_before_fork(void);
void grace_in_parent(void);
void grace_in_child(void);

#endif
