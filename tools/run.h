/* `ptjobs run`: command lines as the jobs of a scheduler.

   The main thread reads lines and spawns a job for each, which blocks while the scheduler's line
   is full, so the input is read no faster than it is worked off.  A job runs one command and
   waits for it, so as many threads as commands are blocked in poll() (run_child.h).  A further
   thread hears of signals (run_watch.h).

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_H
#define RUN_H

/* The subcommand; returns the exit status. */
int run_main(int argc, char **argv);

#endif
