/* Standard error, which messages, the jobs' own output and the progress line share.

   On a terminal the last line may be the progress line.  Whoever writes takes the screen first,
   which wipes that line, and the next tick draws it again.  Where standard output is the same
   kind of terminal its writers take the screen too.

   The lock guards only which of the writers goes on and whether the line is there.  It is held
   while writing, so a reader that stands still holds up all writers; the progress line alone
   gives way, because the thread that draws it is the one that hears of signals.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_SCREEN_H
#define RUN_SCREEN_H

#include <stdbool.h>

/* Finds out what standard error and standard output are.  Before any other thread runs. */
void screen_open(void);

/* Whether a progress line is wanted: standard error is a terminal that can wipe a line. */
bool screen_has_progress(void);

/* Around a write to standard error or standard output. */
void screen_take(int fd);
void screen_give(int fd);

/* One message, which becomes one line that begins with "ptjobs: ". */
void screen_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Draws the progress line, cut to the terminal's width, unless the screen is taken. */
void screen_progress(const char *text);

#endif
