/* The input: lines, or with -0 what NUL bytes separate, one at a time from a fixed buffer.

   The buffer bounds the line too.  No single argument of a command may be longer than Linux
   allows, 32 pages, so a longer line could not be run anyway.  Empty lines are passed over, but
   counted; between NUL bytes, where somebody means it, the empty string is an item like others.

   By one thread only.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_INPUT_H
#define RUN_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_LINE_MAX 131071

struct input {
	int fd;
	const char *name; /* for messages */
	char separator;
	bool at_end;     /* of the file; the buffer may still hold lines */
	uint64_t number; /* of the last line, from 1 */
	size_t begin;    /* of what has not been given out yet */
	size_t end;
	char buffer[INPUT_LINE_MAX + 1];
};

enum input_answer {
	INPUT_LINE,
	INPUT_END,     /* there are no more */
	INPUT_STOPPED, /* stop_fd is readable */
	INPUT_FAILED   /* and a message says how */
};

/* Opens file, or standard input where it is NULL or "-".  Returns an errno value. */
int input_open(struct input *in, const char *file, char separator);
void input_close(struct input *in);

/* Waits for the next line, which is valid, and NUL-terminated, until the next call; or until
   stop_fd is readable. */
enum input_answer input_next(struct input *in, int stop_fd, const char **line, size_t *len);

/* How many jobs the input makes, if that can be known before reading it: only of a regular file.
   Before the first input_next(). */
bool input_count(const struct input *in, uint64_t *jobs);

#endif
