/* Runs a program to its end, or kills it.

   The program is in our own process group, so that a signal from the terminal reaches it too, and
   shares our standard error.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#define PROGRAM_TIMED_OUT (-1)

/* Returns an errno value, or 0 with what the program wrote, for free(), and its status, as
   waitpid() has it or PROGRAM_TIMED_OUT. */
int program_run(char **args, int64_t timeout_ms, char **output, int *status);

#endif
