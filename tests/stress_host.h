/* The host of a venue: a thread that runs its external jobs, several at a time.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_HOST_H
#define PTJOBS_TESTS_STRESS_HOST_H

#include <ptjobs.h>

/* arg is the venue.  Ends when that is shut, and has then finished all that it was handed. */
void *host_main(void *venue);

/* Begins a job that was handed out, and ends it; the reference is given up. */
void host_begin(ptj_job *job);
void host_finish(ptj_job *job);

#endif
