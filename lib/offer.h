/* Where a job goes that has its permit: one that a thread of the library's runs to s->ready, and an
   external one, which the program runs, to s->offered.

   There it waits until ptj_external_next() hands it out, which makes it RUNNING, with no worker; or
   until it is closed.  The bell, once somebody has asked for its descriptor, is readable exactly
   while there are such jobs.

   s->mu held.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef OFFER_H
#define OFFER_H

#include "scheduler.h"

/* job is READY and in no list. */
void offer_locked(struct ptj_scheduler *s, ptj_job *job);

/* The external job that has waited longest, in no list any more; NULL: none. */
ptj_job *offer_take_locked(struct ptj_scheduler *s);

/* Takes a READY job back. */
void offer_withdraw_locked(struct ptj_scheduler *s, ptj_job *job);

/* Takes all back, and has those who wait for one go: the scheduler is closing. */
void offer_withdraw_all_locked(struct ptj_scheduler *s, struct link *jobs);

/* Closes the bell. */
void offer_end_locked(struct ptj_scheduler *s);

/* Wakes one who waits for an external job, if there is one to be had. */
void offer_pass_on_locked(struct ptj_scheduler *s);

#endif
