/* Atomic requests as jobs: submitted without ever blocking the daemon's thread, run, and answered
   when they are over, whatever became of them.

   Who ends a job calls its release function, once, on any thread; that is where the answer is
   decided, so there is none without an answer.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef WEB_JOB_H
#define WEB_JOB_H

#include "request.h"

/* Completes the attributes of an atomic route. */
void job_prepare(struct route *route);

/* Makes r a job, puts it in line, or answers 503, or 500 where it has no scheduler.  On the
   daemon's thread. */
void job_submit(struct ptj_web_request *r);

/* The same for a request that was in line; may block.  On the line's thread. */
void job_serve_line(struct ptj_web_request *r);

/* The client has left: closes the job, or takes it out of the line. */
void job_leave(struct ptj_web_request *r);

#endif
