/* The job of an import.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef IMPORT_JOB_H
#define IMPORT_JOB_H

#include <ptjobs.h>
#include <stdint.h>

/* The job's function; its argument is the number of an import, as a pointer. */
void *import_job_run(void *id);

/* Gives job the name by which import_job_close() finds it. */
int import_job_name(ptj_job *job, int64_t id);

/* Closes the job of an import, if there is one. */
void import_job_close(ptj_scheduler *s, int64_t id);

#endif
