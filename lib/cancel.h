/* Asking a running job to stop.

   A close request does three things before anything is done to the thread: it sets the job's
   flag, makes its cancel fd readable and wakes it from ptj_sleep(), and calls its on-cancel
   callback.  Then, unless the job is cooperative, it cancels the thread.  Only the first request
   does anything; the state flag JOB_CLOSING decides who is first.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef CANCEL_H
#define CANCEL_H

#include "scheduler.h"

/* Sets the flag, makes the fd readable, wakes the job's thread.  False if that was done before, or
   the job is neither READY nor RUNNING.  Cancellation disabled. */
bool cancel_begin_locked(ptj_job *job);

/* The job's cancel fd, made if it has none; -1 where none can be had.  s->mu held. */
int cancel_fd_locked(ptj_job *job);

/* Calls the callback, if there is one by now, and cancels the thread.  After a
   cancel_begin_locked() that returned true, once.  s->mu is released and reacquired if there is a
   callback; the caller has a reference to job.  Cancellation disabled. */
void cancel_complete_locked(struct ptj_scheduler *s, ptj_job *job);

#endif
