/* The lane: whether a worker whose job is over may give its permit to the oldest pending job, and
   run that one, without s->mu.

   It may while nobody else has a claim to the permit, or wants to hear of it: the lane is open only
   if no ready job waits for a thread, no lender wants a permit back, no more permits are in use
   than there are, no spawner waits for a place, no dead worker is to be joined, no slabs are to be
   unmapped, and the scheduler is not closing.  It is opened under s->mu by who finds all that so;
   and whoever makes one of it untrue shuts it before s->mu is released.

   What a worker does in the lane (pass.c), and why that is safe:
   (1) Its job goes from RUNNING to PASSING by compare-and-swap, which fails if somebody wants the
       job cancelled, waits for it, named it: all that sets a flag of JOB_ENDS_LOCKED first.  So he
       who holds s->mu and has set such a flag on a running job has it stay so, with its worker.
   (2) It takes the oldest job out of the ring.  None: it takes s->mu.
   (3) The job that it took goes from PENDING to RUNNING by compare-and-swap, which fails if that
       was closed or named meanwhile: it takes s->mu.
   (4) Its old job becomes ENDED.  The counts are as they must be by then, and the permit is handed
       on: the other job is in the place of this one in s->active and s->entered.
   (5) It looks at the lane once more.  If that is shut, it takes s->mu before it enters the job's
       function.
   He who shuts the lane looks at the jobs, or at the ring's head, afterwards, and all these
   accesses are sequentially consistent: either he sees what the worker did in (2) or (3), or the
   worker sees in (5) that the lane is shut.  So a spawner about to block finds the place, or is
   told of it; and a close finds the job running, or the worker finds the close.
   Checked by tests/test_lane.c and tests/stress_cancel.c.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef LANE_H
#define LANE_H

#include "scheduler.h"

static inline bool lane_is_open(const struct ptj_scheduler *s)
{
	return atomic_load(&s->lane);
}

void lane_shut_locked(struct ptj_scheduler *s);

/* Opens the lane if it may be open. */
void lane_open_locked(struct ptj_scheduler *s);

/* Gives a free place in the queue to the first blocked spawner.  If there is none, whoever makes
   one will come here: the lane is shut. */
void lane_offer_place_locked(struct ptj_scheduler *s);

#endif
