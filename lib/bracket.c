/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bracket.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

/* All but those that a thread raises by its own doing, which kill the process when blocked. */
static void worker_mask(sigset_t *mask)
{
	static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL,
	                                  SIGTRAP, SIGSYS, SIGABRT};
	size_t i;

	sigfillset(mask);
	for (i = 0; i < sizeof(synchronous) / sizeof(synchronous[0]); i++)
		sigdelset(mask, synchronous[i]);
}

static void restore_mask(void)
{
	sigset_t mask;

	worker_mask(&mask);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

void bracket_name_thread(pthread_t thread, const char *name)
{
	char cut[THREAD_NAME_SIZE];

	snprintf(cut, sizeof(cut), "%.15s", name);
	pthread_setname_np(thread, cut);
}

static void rename_self(struct bracket *b, const char *name)
{
	bracket_name_thread(pthread_self(), name);
	b->named = name != b->base;
}

static void rename_to_id(struct bracket *b, uint64_t id)
{
	char name[32];

	snprintf(name, sizeof(name), "job-%" PRIu64, id);
	rename_self(b, name);
}

static void look_at_the_clock(struct bracket *b)
{
	struct timespec now;

	/* Without a clock it stays one tick. */
	if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) ||
	    (now.tv_nsec == b->tick.tv_nsec && now.tv_sec == b->tick.tv_sec))
		return;
	b->tick = now;
	b->in_tick = 0;
}

static void put_scheduling(struct bracket *b)
{
	b->spoiled = !terms_put_scheduling(&b->terms);
	b->unsure = false;
}

/* How many jobs this tick has had time for, the present one not counted. */
static int count_in_tick(struct bracket *b)
{
	look_at_the_clock(b);
	return b->in_tick < BRACKET_EXACT ? b->in_tick++ : BRACKET_EXACT;
}

static void disable_cancellation(void)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
}

void bracket_begin(struct bracket *b, const struct terms *terms, pid_t witness)
{
	b->terms = *terms;
	terms_put_quick(&b->terms);
	b->spoiled = !terms_put_inherited(&b->terms, witness);
	b->unsure = false;
}

void bracket_adopt(struct bracket *b)
{
	disable_cancellation();
	terms_take(&b->terms);
	b->unsure = false;
}

void bracket_enter(struct bracket *b, const char *name, uint64_t id)
{
	int n = count_in_tick(b);
	bool exact = name || n < BRACKET_EXACT || b->rested;
	bool watched = n < BRACKET_WATCHED;

	if (!b->rested && (exact || b->exact)) {
		restore_mask();
		terms_put_quick(&b->terms);
	}
	if (name)
		rename_self(b, name);
	else if (exact)
		rename_to_id(b, id);
	else if (b->named)
		rename_self(b, b->base);
	if (watched && b->unsure)
		put_scheduling(b);
	b->exact = exact;
	b->unsure = !watched;
	b->rested = false;
	errno = 0;
}

void bracket_leave(struct bracket *b)
{
	disable_cancellation();
	if (b->exact)
		terms_put_quick(&b->terms);
	if (!b->unsure)
		put_scheduling(b);
}

void bracket_rest(struct bracket *b)
{
	restore_mask();
	terms_put_quick(&b->terms);
	if (b->named)
		rename_self(b, b->base);
	if (b->unsure)
		put_scheduling(b);
	b->rested = true;
}

void bracket_reset(struct bracket *b)
{
	b->named = true;
	b->unsure = true;
	bracket_rest(b);
}

int bracket_create_thread(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *arg)
{
	sigset_t mask, old;
	int rc;

	worker_mask(&mask);
	pthread_sigmask(SIG_SETMASK, &mask, &old);
	rc = pthread_create(thread, attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}
