/* A job's on-cancel callback: at most one, called at most once, on the closer's thread, while the
   job is still there.  What its argument points to may lie on the job's stack, so whoever takes
   the callback back, and the end of the job does, waits for one that is running.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef CALLBACK_H
#define CALLBACK_H

#include "scheduler.h"

/* Registers fn for job in place of another, and calls it if the request that it is for came before;
   NULL only takes the other back.  ENOMEM.  EINVAL: job is over by now.  s->mu may be released and
   reacquired; cancellation disabled; not from within the callback. */
int callback_set_locked(struct ptj_scheduler *s, ptj_job *job, void (*fn)(void *), void *arg);

/* Calls job's callback, which is there.  s->mu is released and reacquired; cancellation
   disabled. */
void callback_run_locked(struct ptj_scheduler *s, ptj_job *job);

/* Afterwards job has no callback and none is running.  s->mu may be released and reacquired;
   cancellation disabled. */
void callback_unregister_locked(struct ptj_scheduler *s, ptj_job *job);

#endif
