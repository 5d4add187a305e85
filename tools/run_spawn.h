/* Starts a command in a process of its own, with pipes for what it writes.

   The process leads a process group of its own, its standard input is /dev/null, and it has no
   descriptor of ours: all of them are close-on-exec.  Its signal mask is empty, and the signals
   that ptjobs uses, or that a shell ignores in what it starts in the background, have their
   default action.  posix_spawn() does it, and not fork(), which would have to copy what maps the
   memory of all threads.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_SPAWN_H
#define RUN_SPAWN_H

#include <spawn.h>
#include <sys/types.h>

/* What all commands have in common; read-only after spawn_rules_init(). */
struct spawn_rules {
	posix_spawnattr_t attr;
	int null_fd;
};

/* Returns an errno value. */
int spawn_rules_init(struct spawn_rules *rules);
void spawn_rules_destroy(struct spawn_rules *rules);

/* Starts path, or where it is NULL what $PATH has for args[1]; args are as command_arguments()
   makes them.  Within a job; sleeps and tries again while there are too many processes.  Returns
   an errno value, or 0 with the pipes' ends for standard output and standard error in readers. */
int spawn_command(const struct spawn_rules *rules, char *path, char **args, pid_t *pid,
                  int readers[2]);

#endif
