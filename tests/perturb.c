/* Where the library's threads are held up, and for how long; perturb.h says why.

   A thread has a mood, which changes after some points: mostly calm, sometimes hasty to yield, and
   now and then slow enough that others get far while it stands at one place.

   PTJ_PERTURB=S in the environment repeats the moods of a run, though not the interleaving, and 0
   switches it off.  Without it a process chooses a seed and says so on stderr.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "perturb.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CALM, YIELDING, SLOW };

/* A point in so many. */
enum {
	MOOD_LASTS = 200,
	CALM_YIELDS = 256,
	YIELDS = 8,
	TURNS = 8,
	TURNS_MOST = 3000,
	SLEEPS = 64,
	SLEEPS_MOST_US = 200,
	STANDS = 4000, /* for milliseconds */
	STANDS_MOST_US = 4000
};

static uint64_t seed;
static uint64_t threads; /* that came to a point; atomic */

static _Thread_local struct {
	uint64_t random; /* 0: the thread has not come to a point yet */
	unsigned left;   /* points until the mood changes */
	int mood;
} self;

__attribute__((constructor)) static void choose_seed(void)
{
	const char *text = getenv("PTJ_PERTURB");

	if (text && *text) {
		seed = strtoull(text, NULL, 0);
		return;
	}
	seed = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
	fprintf(stderr, "PTJ_PERTURB=%" PRIu64 "\n", seed);
}

/* xorshift64*. */
static unsigned choose(unsigned n)
{
	self.random ^= self.random >> 12;
	self.random ^= self.random << 25;
	self.random ^= self.random >> 27;
	return (unsigned)(self.random * UINT64_C(2685821657736338717) >> 33) % n;
}

static bool one_in(unsigned n)
{
	return choose(n) == 0;
}

static void change_mood(void)
{
	static const int moods[] = {CALM, CALM, CALM, CALM, CALM, YIELDING, YIELDING, SLOW};

	if (!self.random)
		self.random = (seed ^ UINT64_C(0x9e3779b97f4a7c15) *
		                              __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED)) |
		              1;
	self.mood = moods[choose(sizeof(moods) / sizeof(moods[0]))];
	self.left = 1 + choose(MOOD_LASTS);
}

/* nanosleep() would be a cancellation point. */
static void sleep_us(unsigned us)
{
	struct timespec time = {.tv_nsec = (long)us * 1000};

	syscall(SYS_nanosleep, &time, NULL);
}

static void turn(unsigned rounds)
{
	while (rounds--)
		__asm__ volatile("" ::: "memory");
}

static void hold_up(void)
{
	if (self.mood == CALM) {
		if (one_in(CALM_YIELDS))
			sched_yield();
		return;
	}
	if (one_in(YIELDS))
		sched_yield();
	if (one_in(TURNS))
		turn(choose(TURNS_MOST));
	if (self.mood == SLOW && one_in(SLEEPS))
		sleep_us(choose(SLEEPS_MOST_US));
	if (one_in(STANDS))
		sleep_us(choose(STANDS_MOST_US));
}

void perturb(void)
{
	int saved = errno;

	if (!seed)
		return;
	if (self.left == 0)
		change_mood();
	self.left--;
	hold_up();
	errno = saved;
}

int perturb_behind(int rc)
{
	perturb();
	return rc;
}

bool perturb_enqueue(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail,
                     struct cds_wfcq_node *node)
{
	struct cds_wfcq_node *before;

	before = __atomic_exchange_n(&tail->p, node, __ATOMIC_SEQ_CST);
	perturb();
	__atomic_store_n(&before->next, node, __ATOMIC_RELEASE);
	return before != &head->node;
}
