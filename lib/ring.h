/* A bounded queue of jobs, first in, first out, from which any thread takes the oldest without a
   lock.  Those who put jobs in take turns, under a lock of theirs.

   It is an array used in a circle, with two counters that only grow: tail, of jobs put in, and
   head, of jobs taken.  A thread takes a job by moving head on by one with compare-and-swap; what
   it read from the array before is the oldest job if that succeeds, since nothing is put in the
   same place before head has moved past it.  (The counters have 64 bits and never wrap.)

   Takers share one cache line, head and the last tail that one of them saw; they look at those who
   put in, and those at them, only when what they last saw is used up.  With both counters looked at
   each time the rate of empty jobs was half.

   Putting in and taking are here, and inline, as each is done once for every job.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RING_H
#define RING_H

#include "job.h"

/* How far ahead of a taker a job's memory is fetched: with as many takers it is its next. */
#define RING_AHEAD 2

struct ring {
	_Atomic(ptj_job *) *slots; /* read-only */
	size_t size;               /* read-only; a power of two */

	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t seen; /* a tail that somebody saw; it may be an old one */

	_Alignas(64) _Atomic uint64_t tail;
	uint64_t end; /* up to here tail may go, by the head last looked at */
};

/* For at least that many jobs.  False without memory. */
bool ring_init(struct ring *r, size_t jobs);
void ring_destroy(struct ring *r);

/* How many jobs there are; exact if nobody puts in, and nobody takes. */
size_t ring_count(const struct ring *r);

static inline _Atomic(ptj_job *) *ring_slot(const struct ring *r, uint64_t number)
{
	return &r->slots[(size_t)number & (r->size - 1)];
}

/* False if it is full.  By one thread at a time.
   Acquire: who took the job that lay here before has read the slot. */
static inline bool ring_put(struct ring *r, ptj_job *job)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == r->end) {
		r->end = atomic_load_explicit(&r->head, memory_order_acquire) + r->size;
		if (tail == r->end)
			return false;
	}
	atomic_store_explicit(ring_slot(r, tail), job, memory_order_relaxed);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

/* Whether there is a job numbered head.  Acquire: that job is whole; so is it for who relies on
   seen. */
static inline bool ring_has(struct ring *r, uint64_t head, uint64_t *tail)
{
	*tail = atomic_load_explicit(&r->seen, memory_order_acquire);
	if (head < *tail)
		return true;
	*tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	if (head >= *tail)
		return false;
	atomic_store_explicit(&r->seen, *tail, memory_order_release);
	return true;
}

/* The oldest job; NULL if there is none.  Sequentially consistent: see lane.h. */
static inline ptj_job *ring_take(struct ring *r)
{
	uint64_t tail, head = atomic_load_explicit(&r->head, memory_order_relaxed);
	ptj_job *job;

	while (ring_has(r, head, &tail)) {
		job = atomic_load_explicit(ring_slot(r, head), memory_order_relaxed);
		if (!atomic_compare_exchange_weak(&r->head, &head, head + 1))
			continue;
		if (head + RING_AHEAD < tail)
			__builtin_prefetch(atomic_load_explicit(ring_slot(r, head + RING_AHEAD),
			                                        memory_order_relaxed),
			                   1);
		return job;
	}
	return NULL;
}

#endif
