/* From a line of input to the arguments of a command.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

#include <stddef.h>

#define COMMAND_SHELL "/bin/sh"

/* Read-only after command_resolve(). */
struct command {
	char *path;            /* the file to run; NULL where it depends on the line */
	const char **patterns; /* a shell's name, then the arguments with {} for the line */
	size_t npatterns;
};

/* Finds the command in $PATH, once for all jobs.  argv is NULL where lines are shell commands.
   Returns 0, ENOENT or the errno value for which the command cannot be run. */
int command_resolve(struct command *c, char *const *argv);
void command_destroy(struct command *c);

/* The arguments for a line, in one piece of memory for free(); NULL where memory is short.
   They begin at [1]: before them stands the name of a shell, for a file that turns out to be a
   script which does not name its own. */
char **command_arguments(const struct command *c, const char *line);

#endif
