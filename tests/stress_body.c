/* SPDX-License-Identifier: Apache-2.0 */

#include "stress_body.h"

#include "stress.h"
#include "stress_start.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

enum { OBEYS_FOR_MS = 6, TURNS = 20000, TAKEN_AT_ONCE = 8 };

ptj_completions *shared_queue;

enum kind body_kind(uint64_t *random)
{
	static const enum kind often[] = {RETURNS, RETURNS, YIELDS, FAILS, FAILS, EXITS, SUCCEEDS};

	return choose(random, 12) ? often[choose(random, 7)] : (enum kind)choose(random, KINDS);
}

/* ---- What they do, and say of themselves ----------------------------------------------------- */

static void compute(void)
{
	for (int i = 0; i < TURNS; i++)
		__asm__ volatile("" ::: "memory");
}

/* Not the library's, nor a cancellation point while that is disabled. */
static void pass_a_millisecond(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static enum over do_yield(struct item *item)
{
	(void)item;
	sched_yield();
	return OVER_WELL;
}

UNWOUND static enum over do_sleep(struct item *item)
{
	(void)item;
	ptj_sleep(1);
	return OVER_WELL;
}

static enum over do_compute(struct item *item)
{
	(void)item;
	compute();
	return OVER_WELL;
}

static enum over do_fail(struct item *item)
{
	(void)item;
	return OVER_FAILED;
}

static enum over do_ignore(struct item *item)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	for (int i = 0; i < OBEYS_FOR_MS && !ptj_job_cancelled(); i++)
		pass_a_millisecond();
	if (item->kind == STUBBORN)
		venue_outlast(item->venue);
	compute();
	pthread_setcancelstate(state, NULL);
	return OVER_WELL;
}

static enum over do_obey(struct item *item)
{
	(void)item;
	for (int i = 0; i < OBEYS_FOR_MS; i++)
		if (ptj_sleep(1) == ECANCELED)
			return OVER_OBEYED;
	return OVER_WELL;
}

static void count_call(void *item)
{
	must(atomic_fetch_add(&((struct item *)item)->called, 1) == 0);
}

UNWOUND static enum over do_call(struct item *item)
{
	struct pollfd fd = {.fd = ptj_job_cancel_fd(), .events = POLLIN};

	must(fd.fd >= 0);
	must(ptj_job_on_cancel(count_call, item) == 0);
	poll(&fd, 1, 2);
	if (item->random & 2)
		must(ptj_job_on_cancel(NULL, NULL) == 0);
	return OVER_WELL;
}

UNWOUND void body_take(ptj_completions *c, int64_t timeout_ms)
{
	ptj_job *jobs[TAKEN_AT_ONCE];
	struct item *item;
	size_t n = 0;
	int state, code = ptj_completions_take(c, jobs, TAKEN_AT_ONCE, timeout_ms, &n);

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	must(code == 0 || code == ETIMEDOUT || code == EINTR);
	must((code == 0) == (n > 0) && n <= TAKEN_AT_ONCE);
	for (size_t i = 0; i < n; i++) {
		item = item_of(jobs[i]);
		must(item->queued && ptj_job_closed(jobs[i]));
		must(atomic_load(&item->released) == 1);
		start_ask(jobs[i], 0, 0);
		must(atomic_load(&item->answer) != UNKNOWN);
		must(atomic_fetch_add(&item->appeared, 1) == 0);
		ptj_job_unref(jobs[i]);
	}
	pthread_setcancelstate(state, NULL);
}

static void leave(void *venue)
{
	venue_leave(venue);
}

static void spawn_two(struct item *item)
{
	start_detached(item->venue, &item->random);
	start_detached(item->venue, &item->random);
}

static void spawn_and_wait(struct item *item)
{
	start_and_wait(item->venue, &item->random);
}

static void shield(struct item *item)
{
	start_shield(item->venue, &item->random);
}

static void take(struct item *item)
{
	(void)item;
	body_take(shared_queue, 1);
}

/* What needs the scheduler, unless it is too late for that. */
UNWOUND static enum over within_venue(struct item *item, void (*use)(struct item *item))
{
	if (!venue_enter(item->venue))
		return OVER_WELL;
	pthread_cleanup_push(leave, item->venue);
	use(item);
	pthread_cleanup_pop(1);
	return OVER_WELL;
}

static enum over do_spawn(struct item *item)
{
	return within_venue(item, spawn_two);
}

static enum over do_wait(struct item *item)
{
	return within_venue(item, spawn_and_wait);
}

static enum over do_shield(struct item *item)
{
	return within_venue(item, shield);
}

static enum over do_take(struct item *item)
{
	return within_venue(item, take);
}

/* NULL: it is over at once. */
static enum over (*const bodies[KINDS])(struct item *item) = {
	[YIELDS] = do_yield, [SLEEPS] = do_sleep,   [COMPUTES] = do_compute, [FAILS] = do_fail,
	[OBEYS] = do_obey,   [IGNORES] = do_ignore, [STUBBORN] = do_ignore,  [CALLS] = do_call,
	[SPAWNS] = do_spawn, [WAITS] = do_wait,     [SHIELDS] = do_shield,   [TAKES] = do_take,
};

/* ---- Their ends ----------------------------------------------------------------------------- */

/* A shielded straggler ends unseen: the item may be gone as soon as it says that it is over. */
static void *end(struct item *item, enum over over)
{
	enum kind kind = item->kind;

	atomic_store(&item->over, over);
	if (over == OVER_OBEYED)
		return ptj_job_fail(ECANCELED, NULL);
	if (over == OVER_FAILED)
		return ptj_job_fail(EIO, "meant to");
	if (kind == EXITS)
		pthread_exit(item);
	if (kind != SUCCEEDS)
		return item;
	must(ptj_job_succeed(item) == 0);
	return NULL;
}

void *body_main(void *arg)
{
	struct item *item = arg;

	must(atomic_fetch_add(&item->entered, 1) == 0);
	must(atomic_load(&item->released) == 0);
	must(item_of(ptj_job_self()) == item);
	return end(item, bodies[item->kind] ? bodies[item->kind](item) : OVER_WELL);
}
