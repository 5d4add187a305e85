/* RCU, as this library uses it: liburcu's bp flavour, which needs no registration of the callers'
   threads and does not wait for a reader that died.

   Shared data are C11 atomics of our own; a section only says when it is read.  Sections run with
   cancellation disabled, are short, and call nothing of the user's.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef GRACE_H
#define GRACE_H

/* Begins a read section; *cancel_state is for grace_read_end(). */
void grace_read_begin(int *cancel_state);
void grace_read_end(int cancel_state);

/* Returns when every section that had begun before has ended.  No locks held; not within a
   section, also not one of the program's own. */
void grace_wait(void);

#endif
