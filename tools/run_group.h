/* Whether anybody lives in a process group.

   kill() with no signal does not tell: it finds the dead as well, as long as nobody has reaped
   them, and an init that reaps late or never is common in containers.  So this reads /proc.

   When a thousand jobs are closed together each asks, and each look at /proc finds thousands of
   processes.  One look answers all who asked before it began.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_GROUP_H
#define RUN_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a process of the group has not ended.  false where /proc cannot be read.  By any
   thread; takes the time of a look or two. */
bool group_is_alive(pid_t group);

#endif
