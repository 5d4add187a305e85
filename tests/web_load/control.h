/* How tests/web_load.sh and figures.sh talk to a program that they start: it writes its port, or
   that it is ready, as its first line, then answers a line for each that it reads, and ends at the
   end of its input.  So no program outlives its script.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_WEB_LOAD_CONTROL_H
#define PTJOBS_TESTS_WEB_LOAD_CONTROL_H

#include <stddef.h>
#include <stdint.h>

/* Raises the limit of descriptors as far as that is allowed, and returns it. */
size_t raise_descriptor_limit(void);

/* How many descriptors the process has open. */
size_t open_descriptors(void);

/* How much memory of the process is resident, in bytes. */
size_t resident_bytes(void);

/* How many bytes are allocated with malloc() and not freed. */
size_t allocated_bytes(void);

/* Any blocking work. */
void work_for_us(int64_t us);

/* Ends the program with a sentence. */
_Noreturn void die(const char *what, int error);

/* Writes first, then calls obey(line, user) for each line of the input, and returns at its end.
   obey() writes a line. */
void serve_input(unsigned first, void (*obey)(const char *line, void *user), void *user);

#endif
