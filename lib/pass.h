/* A worker's way through the lane: lane.h says what it does there, and why that is safe.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PASS_H
#define PASS_H

#include "worker.h"

/* w->job has returned value.  True: it has ended, and w->job is another, which has its permit now and
   has yet to begin.  False: w->job is to be finished with s->mu held. */
bool pass_on(struct worker *w, void *value);

/* Begins w->job.  False: pass_adopt_locked() is to see to it. */
bool pass_begin(struct worker *w);

/* Makes w->job, which has w's permit and could not begin, a ready job of w's; or another, or NULL. */
void pass_adopt_locked(struct worker *w);

#endif
