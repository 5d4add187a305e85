/* The program's functions that each thread of a scheduler calls when it starts and before it ends.

   They come in pairs on one thread, in whatever way that ends: by itself, or because its job was
   unwound.  The one at the end is called as late as a thread can still call the library: when its
   jobs are others' or ended, and before it may be joined.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef HOOK_H
#define HOOK_H

#include "worker.h"

/* By w's own thread, with cancellation disabled and no lock held. */
void hook_start(struct worker *w);
void hook_stop(struct worker *w);

#endif
