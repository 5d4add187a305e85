/* A bounded ring without locks, for many producers and many workers.

   Each slot has a turn.  A slot whose turn is t is free for the producer that claims position t;
   once filled its turn is t + 1, which is what the worker that claims position t waits for; once
   emptied it is free for position t + slots.  Positions are claimed with compare-and-exchange, so
   no slot has two owners, and the turn, stored with release and loaded with acquire, hands the
   argument over.

   Without a pending limit the ring is as large as the number of jobs.  A producer that finds it
   full yields its processor until there is room.

   SPDX-License-Identifier: Apache-2.0 */

#include "crew.h"
#include "doze.h"
#include "floors.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CACHE_LINE 64

struct slot {
	atomic_size_t turn;
	void *arg; /* its owner's, by the turn */
};

static work_fn work;      /* read-only while threads run */
static struct slot *ring; /* read-only while threads run */
static size_t mask;       /* slots - 1, the slots being a power of two */
static _Alignas(CACHE_LINE) atomic_size_t filled;
static _Alignas(CACHE_LINE) atomic_size_t taken;

/* Claims the next position for which the slot's turn is position + ahead. */
static struct slot *claim(atomic_size_t *position, size_t ahead, size_t *at)
{
	size_t p = atomic_load_explicit(position, memory_order_relaxed);

	for (;;) {
		struct slot *s = &ring[p & mask];
		size_t turn = atomic_load_explicit(&s->turn, memory_order_acquire);

		if (turn == p + ahead &&
		    atomic_compare_exchange_weak_explicit(position, &p, p + 1, memory_order_relaxed,
		                                          memory_order_relaxed)) {
			*at = p;
			return s;
		}
		/* It is a lap behind: the ring is full, or empty. */
		if ((ptrdiff_t)(turn - (p + ahead)) < 0)
			return NULL;
		if (turn != p + ahead)
			p = atomic_load_explicit(position, memory_order_relaxed);
	}
}

static void spawn(void *arg)
{
	struct slot *s;
	size_t at;

	while (!(s = claim(&filled, 0, &at)))
		sched_yield();
	s->arg = arg;
	atomic_store_explicit(&s->turn, at + 1, memory_order_release);
	doze_wake_one();
}

static bool ready(void)
{
	size_t p = atomic_load_explicit(&taken, memory_order_relaxed);

	return atomic_load_explicit(&ring[p & mask].turn, memory_order_acquire) == p + 1;
}

static void *run(void *unused)
{
	do {
		struct slot *s;
		size_t at;

		while ((s = claim(&taken, 1, &at))) {
			void *arg = s->arg;

			atomic_store_explicit(&s->turn, at + mask + 1, memory_order_release);
			if (ready())
				doze_wake_one();
			work(arg);
		}
	} while (doze(ready));
	return unused;
}

static void open_ring(const struct task *task, size_t jobs, work_fn fn)
{
	size_t wanted = task->pending_limit ? task->pending_limit : jobs;
	size_t slots = 2;

	while (slots < wanted)
		slots *= 2;
	work = fn;
	mask = slots - 1;
	ring = calloc(slots, sizeof(*ring));
	if (!ring)
		peer_fail("there is no memory for the ring");
	for (size_t i = 0; i < slots; i++)
		atomic_init(&ring[i].turn, i);
	crew_start(task->workers, run);
}

static void finish(void)
{
	doze_end();
	crew_join();
	free(ring);
}

const struct peer floor_ring = {
	.name = "ring",
	/* It has all its memory from the beginning. */
	.abilities = (CAN_POOL & ~CAN_MEMORY) | CAN_BOUND,
	.open = open_ring,
	.spawn = spawn,
	.finish = finish,
};
