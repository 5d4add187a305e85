/* Whether anybody lives in a process group.

   kill() with no signal does not tell: it finds the dead as well, as long as nobody has reaped
   them, and an init that reaps late or never is common in containers.  So this reads /proc, and
   is for the rare moment when a group has been asked to end and its leader has.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_GROUP_H
#define RUN_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether a process of the group has not ended.  false where /proc cannot be read. */
bool group_is_alive(pid_t group);

#endif
