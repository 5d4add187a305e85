/* Every failure, in turn: what the scenarios of tests/torture_*.c are written with.

   A scenario uses the library from its creation to its end, and makes every call with attempt().
   tests/torture.c runs it in a process of its own for each point at which something can fail, with
   one thing failing there, or failing from there on.  A call that fails because of it must say so
   with a code that goes with the failure, must leave the scheduler as it was, and must succeed
   when it is made again and nothing fails; so each scenario gets to its end.  Then it runs once
   more, with nothing failing, and must leave nothing behind: no memory, mapping, descriptor or
   thread.

   A broken promise ends the process, so it may be found on any thread.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_TORTURE_H
#define PTJOBS_TESTS_TORTURE_H

#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ptjobs.h>

/* Ends the run unless the condition holds. */
#define require(condition)                                              \
	do {                                                            \
		if (!(condition))                                       \
			torture_broken(__FILE__, __LINE__, #condition); \
	} while (0)

_Noreturn void torture_broken(const char *file, int line, const char *what);

/* The call must return this code, or fail because something it needs does, and then return it when
   it is made again. */
#define attempt_for(code, call)                            \
	do {                                               \
		torture_begin(__FILE__, __LINE__, #call);  \
		if (torture_failed((code), (call))) {      \
			torture_begin_again();             \
			torture_end_again((code), (call)); \
		}                                          \
	} while (0)

#define attempt(call) attempt_for(0, call)

void torture_begin(const char *file, int line, const char *call);
int torture_failed(int expected, int code);
void torture_begin_again(void);
void torture_end_again(int expected, int code);

/* The same on a thread that is not the scenario's first, a job's among them. */
#define attempt_elsewhere_for(code, call)                            \
	do {                                                         \
		int elsewhere_rc;                                    \
		in_library(elsewhere_rc = (call));                   \
		if (elsewhere_rc != (code)) {                        \
			torture_excuse((code), elsewhere_rc, #call); \
			in_library(elsewhere_rc = (call));           \
			torture_go_on((code), elsewhere_rc, #call);  \
		}                                                    \
	} while (0)

void torture_excuse(int expected, int code, const char *call);
void torture_go_on(int expected, int code, const char *call);

/* A call that cannot fail, or whose failure is looked at by who makes it. */
#define in_torture(statement)                                  \
	do {                                                   \
		torture_begin(__FILE__, __LINE__, #statement); \
		statement;                                     \
		library_leave();                               \
	} while (0)

/* Whether anything of that kind has failed in this run. */
int torture_has_struck(enum fault fault);

/* From now on nothing but the calls changes the counts of s; NULL: something may. */
void torture_watch(ptj_scheduler *s);

/* The body of a job function: what it does is not the library's doing. */
#define AS_USER          \
	library_leave(); \
	pthread_cleanup_push(torture_back, NULL)
#define AS_LIBRARY pthread_cleanup_pop(1)

void torture_back(void *unused);

/* ---- What scenarios share -------------------------------------------------------------------- */

/* Where a job says that it has begun, and stays until it may go on. */
struct turnstile {
	sem_t arrived;
	sem_t open;
};

extern struct turnstile turnstile;

/* Begins a scenario. */
void turnstile_reset(void);
void turnstile_await(int arrivals);
void turnstile_open(int times);

/* Jobs.  Each returns its argument if nothing else becomes of it. */
void *job_return(void *arg);
void *job_stay(void *arg);  /* at the turnstile; a cancellation point */
void *job_fail(void *arg);  /* ptj_job_fail(EIO, "disk on fire") */
void *job_sleep(void *arg); /* until a close of it begins */

/* A scheduler, with the attributes if they are not NULL, which are freed. */
ptj_scheduler *torture_scheduler(ptj_attr *attr);
ptj_attr *torture_attr(void);
void torture_free(ptj_scheduler *s);

/* What a release function counts. */
extern atomic_int released;
void count_release(void *arg);

/* A handler that counts what it is told, and does nothing else. */
extern atomic_int reports;
void count_report(ptj_scheduler *s, const ptj_context *context, void *user);

/* A thread of the scenario's own, which is not the library's. */
struct helper {
	pthread_t thread;
	void (*run)(void *arg);
	void *arg;
};

void helper_start(struct helper *h, void (*run)(void *arg), void *arg);
void helper_join(struct helper *h);

/* ---- The scenarios --------------------------------------------------------------------------- */

struct scenario {
	const char *name;
	void (*run)(void);
	int needs_two_threads; /* and waits by right as long as there is no memory for the second */
};

/* Each ends with one that has no name. */
extern const struct scenario attr_scenarios[];
extern const struct scenario scheduler_scenarios[];
extern const struct scenario spawn_scenarios[];
extern const struct scenario job_scenarios[];
extern const struct scenario cancel_scenarios[];
extern const struct scenario external_scenarios[];
extern const struct scenario completions_scenarios[];

#endif
