/* A worker's way through the lane: lane.h says what it does there, and why that is safe.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PASS_H
#define PASS_H

#include "worker.h"

/* w->job has returned value.  True: w->next is the job that is to have its permit.  False: w->job
   is to be finished with s->mu held. */
bool pass_take(struct worker *w, void *value);

/* Begins w->next, and then ends w->job.  True: w->job is the other one; if the lane is shut by now,
   it is not to be entered: pass_adopt_locked().  False: pass_finish_locked(). */
bool pass_begin(struct worker *w);

/* Finishes w->job, and gives its permit to w->next, or if that lay buried to the one behind it.
   w->job is that one then, ready; NULL: there is none, or it is external. */
void pass_finish_locked(struct worker *w);

/* Makes w->job, which has begun, ready again. */
void pass_adopt_locked(struct worker *w);

#endif
