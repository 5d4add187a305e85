/* One line of input as a job of the scheduler: its name, its run, its report.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_JOB_H
#define RUN_JOB_H

#include "run_child.h"
#include "run_command.h"
#include "run_output.h"
#include "run_tally.h"
#include "run_watch.h"

#include <ptjobs.h>

/* What all jobs share.  Its parts have their own locks, or are read-only. */
struct job_context {
	ptj_scheduler *scheduler;
	struct command command;
	struct child_rules rules;
	struct output output;
	struct tally tally;
	struct watch watch;
};

/* Spawns a job for the line.  seq numbers the jobs from 0, number the lines from 1.  By the main
   thread only; blocks while the scheduler's line is full.  Returns what ptj_spawn_attr() does. */
int job_spawn(struct job_context *context, ptj_job_attr *attr, uint64_t seq, uint64_t number,
              const char *line, size_t len);

/* The release function of jobs, for attr. */
void job_release(void *task);

/* The scheduler's exception handler: one message for each failed job. */
void job_report(ptj_scheduler *s, const ptj_context *context, void *user);

#endif
