/* One job's process, from its start to its end, and never lost sight of.

   Who may be signalled.  A process number is used again once its process has been reaped and the
   process group of that number is empty.  The job's own thread is the only one that signals the
   group and the only one that reaps its leader, the command, and it reaps last: until then the
   dead leader keeps the number, and no signal meets a stranger.  A close of the job therefore
   does nothing to the process; it makes the job's cancel fd readable, and the thread does the
   rest.

   When it is over.  The command has ended and both pipes are at their end: whoever still holds
   one is part of the job.  A job that is to end before moves through these phases:

	RUNNING  until it is over; at a close, or when its time has passed: SIGTERM to the group
	ASKED    until it is over and the group is gone; at the close timeout: SIGKILL to the group
	KILLED   until the command has ended; who had left the group is not waited for

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_CHILD_H
#define RUN_CHILD_H

#include "run_output.h"
#include "run_spawn.h"

#include <stdint.h>

/* What all children have in common; read-only. */
struct child_rules {
	struct spawn_rules spawn;
	struct store *store;
	int64_t timeout_ms; /* or PTJ_INFINITE */
	int64_t close_ms;   /* from SIGTERM to SIGKILL */
};

enum child_end {
	CHILD_EXITED,    /* value: its exit status */
	CHILD_SIGNALLED, /* value: the signal, which was none of ours */
	CHILD_TIMED_OUT,
	CHILD_CLOSED,     /* with its job, and did not succeed all the same */
	CHILD_NOT_STARTED /* value: an errno value */
};

struct child_outcome {
	enum child_end end;
	int value;
};

/* Runs a command from beginning to end, within a job.  path and args are as for spawn_command().
   *result, empty before, becomes what the command wrote. */
struct child_outcome child_run(const struct child_rules *rules, char *path, char **args,
                               struct result *result);

#endif
