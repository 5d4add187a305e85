/* Makes the n-th allocation, thread or descriptor of the library fail, and keeps account of what
   it has allocated.  For a program that is linked with the library's objects and with --wrap.

   Only calls of the library are counted: those on threads that the test did not start, and those
   that the test's own thread makes within in_library().

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_FAULTS_H
#define PTJOBS_TESTS_FAULTS_H

#include <stddef.h>

enum fault { NO_MEMORY, NO_THREAD, NO_DESCRIPTOR, FAULTS };

/* Lets the n-th call from now on fail, and those after it, too, if it is lasting. */
void fault_arm(enum fault fault, int n, int lasting);

/* Returns how many calls failed. */
int fault_disarm(enum fault fault);

/* How many calls failed up to now. */
int fault_hits(enum fault fault);

/* For a wrapped function of another file: whether this call of it is to fail. */
int fault_strikes(enum fault fault);

/* The calling thread's allocations are not the library's. */
void faults_spare_this_thread(void);

void library_enter(void);
void library_leave(void);

#define in_library(statement)    \
	do {                     \
		library_enter(); \
		statement;       \
		library_leave(); \
	} while (0)

/* How many blocks the library has allocated and not released. */
size_t blocks_held(void);

#endif
