/* What happens to a job after its function: it is settled (the release function, the exception
   handler) and ended (counts, permit, waiters, memory).

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FINISH_H
#define FINISH_H

#include "permits.h"
#include "scheduler.h"

/* Finishes a job whose outcome is decided, and which is in no list.  s->mu held, released and
   reacquired where there is something to call; cancellation disabled.  Jobs that became ready by
   it are the caller's to see to. */
void finish_locked(struct ptj_scheduler *s, ptj_job *job);

/* Finishes a job that never ran as cancelled; it is in no list. */
void drop_locked(struct ptj_scheduler *s, ptj_job *job);

/* Reports a job that outlasted the scheduler's close.  No locks held. */
void report_straggler(struct ptj_scheduler *s, ptj_job *job);

/* Reports job, which has ended, if it failed and the handler was not told because somebody was
   there to hear of it, who is not any more; but nothing is reported of a scheduler that is closed.
   s->mu held, released and reacquired. */
void report_unheard_locked(struct ptj_scheduler *s, ptj_job *job);

/* Lets those who wait for job go. */
void release_waiters_locked(struct ptj_scheduler *s, const ptj_job *job);

/* Whether s has neither job nor shield.  Jobs are pending only while others have all permits, and
   those have entered. */
bool is_quiet(const struct ptj_scheduler *s);

/* Gives up a reference; the last one frees the job.  s->mu held. */
void job_unref_locked(ptj_job *job);

#endif
