/* Makes the n-th call of one kind fail that the library makes, and keeps account of what it has
   allocated.  For a program that is linked with the library's objects and with --wrap for each
   function that faults.c names.

   Only calls of the library are counted: those on threads that the test did not start, and those
   that the test's own thread makes within in_library().

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_FAULTS_H
#define PTJOBS_TESTS_FAULTS_H

#include <stddef.h>

enum fault {
	NO_MEMORY,     /* for an allocation or a mapping */
	NO_THREAD,     /* to be started, or to be given a name */
	NO_DESCRIPTOR, /* to be had */
	NO_OBJECT,     /* a mutex, attributes of a thread, fork handlers cannot be made */
	NO_UNMAPPING,  /* of what is mapped: the kernel may need memory for it */
	NO_CLOCK,      /* to be read, or to wait by */
	NO_LIBRARY,    /* to be loaded, or not with that symbol */
	NO_ANSWER,     /* about the system, or about a descriptor */
	NO_READING,    /* of a file: a program's, the library reads none */
	NO_WRITING,    /* to a descriptor */
	INTERRUPTED,   /* by a signal */
	FAULTS
};

enum { FAULT_BURST = 8 };

enum fault_length { FAULT_ONCE, FAULT_FOR_EVER, FAULT_IN_A_BURST };

/* "memory", and "once", and the like. */
extern const char *const fault_names[FAULTS];
extern const char *const fault_length_names[];

/* Lets the n-th call from now on fail, and, as length says, those after it, or some of them. */
void fault_arm(enum fault fault, int n, enum fault_length length);

/* Goes on where the fault was disarmed. */
void fault_arm_further(enum fault fault);

/* Returns how many calls failed. */
int fault_disarm(enum fault fault);

/* How many calls failed up to now. */
int fault_hits(enum fault fault);

/* How many calls that could have failed were made since the fault was armed. */
int fault_calls(enum fault fault);

/* What faults.c asks in each function it stands before: whether it is to fail now. */
int fault_strikes(enum fault fault);

/* The same, and sets errno then. */
int fault_fails(enum fault fault, int error);

/* Whether writing to stderr never fails: what is written there says that something else did. */
extern int faults_spare_stderr;

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

/* How many blocks the library has allocated and not released, and pages mapped and not unmapped. */
size_t blocks_held(void);

/* A function of that name is called in place of name(), which is __real_name() here. */
#define WRAP(type, name, ...)            \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

#endif
