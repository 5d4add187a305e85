/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "front.h"

#include <stdlib.h>

/* How many jobs the ring has room for, if as many may wait. */
#define RING_MAX 16384

/* How many slots are taken from the roster when the door is opened and the stash has run out. */
#define STASH_FILL 256

/* How many jobs move up into the ring at once. */
#define MOVE_UP 256

bool front_init(struct front *f, size_t limit) LOCKS_UNCHECKED
{
	f->open = false;
	f->closed = false;
	f->credit = 0;
	list_init(&f->behind);
	f->behind_len = 0;
	f->stash_len = 0;
	f->last_id = 0;
	if (!ring_init(&f->ring, limit > 0 && limit < RING_MAX ? limit : RING_MAX))
		return false;
	f->stash = malloc(f->ring.size * sizeof(f->stash[0]));
	if (f->stash && mutex_init_busy(&f->mu))
		return true;
	front_destroy(f);
	return false;
}

void front_destroy(struct front *f) LOCKS_UNCHECKED
{
	free(f->stash);
	ring_destroy(&f->ring);
}

uint64_t front_next_id(struct front *f)
{
	uint64_t id;

	mutex_lock(&f->mu);
	id = ++f->last_id;
	mutex_unlock(&f->mu);
	return id;
}

/* Fetches the slot for one of the next spawns: a worker wrote to it last. */
static ptj_job *take_slot(struct front *f) NEEDS(a_mutex)
{
	if (f->stash_len > 4)
		__builtin_prefetch(f->stash[f->stash_len - 4], 1);
	return f->stash[--f->stash_len];
}

ptj_job *front_push_begin(struct front *f, uint64_t *id) LOCKS_UNCHECKED
{
	mutex_lock(&f->mu);
	if (!f->open || f->credit == 0 || f->stash_len == 0) {
		mutex_unlock(&f->mu);
		return NULL;
	}
	*id = ++f->last_id;
	return take_slot(f);
}

/* A job that is in no list has no next: front_remove_locked() relies on it. */
static bool put_in_ring(struct front *f, ptj_job *job)
{
	job->at.link.next = NULL;
	return ring_put(&f->ring, job);
}

static void append(struct front *f, ptj_job *job) NEEDS(a_mutex)
{
	if (list_empty(&f->behind) && put_in_ring(f, job))
		return;
	list_append(&f->behind, &job->at.link);
	f->behind_len++;
}

void front_push_end(struct front *f, ptj_job *job)
{
	append(f, job);
	f->credit--;
	mutex_unlock(&f->mu);
}

size_t front_stash(struct front *f, ptj_job *const *slots, size_t n)
{
	size_t i;

	mutex_lock(&f->mu);
	for (i = 0; i < n && f->stash_len < f->ring.size && !f->closed; i++)
		f->stash[f->stash_len++] = slots[i];
	mutex_unlock(&f->mu);
	return i;
}

void front_append_locked(struct front *f, ptj_job *job)
{
	mutex_lock(&f->mu);
	append(f, job);
	mutex_unlock(&f->mu);
}

static ptj_job *take_behind(struct front *f) NEEDS(a_mutex)
{
	struct link *first = list_pop(&f->behind);

	if (!first)
		return NULL;
	f->behind_len--;
	return container_of(first, ptj_job, at.link);
}

/* The ring was found empty, so it has room. */
static void move_up(struct front *f) NEEDS(a_mutex)
{
	size_t n = f->ring.size < MOVE_UP ? f->ring.size : MOVE_UP;
	ptj_job *job;

	for (; n > 0 && (job = take_behind(f)); n--)
		put_in_ring(f, job);
}

ptj_job *front_take_locked(struct front *f)
{
	ptj_job *job = ring_take(&f->ring);

	if (job)
		return job;
	mutex_lock(&f->mu);
	job = ring_take(&f->ring);
	if (!job && (job = take_behind(f)))
		move_up(f);
	if (!job)
		f->open = false;
	mutex_unlock(&f->mu);
	return job;
}

bool front_remove_locked(struct front *f, ptj_job *job)
{
	bool found;

	mutex_lock(&f->mu);
	found = job->at.link.next;
	if (found) {
		list_remove(&job->at.link);
		f->behind_len--;
	}
	mutex_unlock(&f->mu);
	return found;
}

size_t front_len_locked(struct front *f)
{
	size_t len;

	mutex_lock(&f->mu);
	len = ring_count(&f->ring) + f->behind_len;
	mutex_unlock(&f->mu);
	return len;
}

void front_shut_locked(struct front *f)
{
	mutex_lock(&f->mu);
	f->open = false;
	mutex_unlock(&f->mu);
}

void front_open_locked(struct front *f, struct roster *r, size_t credit)
{
	size_t want = credit < STASH_FILL ? credit : STASH_FILL;
	ptj_job *slot;

	mutex_lock(&f->mu);
	f->open = true;
	f->credit = credit;
	while (f->stash_len < want && (slot = roster_alloc_locked(r)))
		f->stash[f->stash_len++] = slot;
	mutex_unlock(&f->mu);
}

static void empty_stash(struct front *f) NEEDS(a_monitor) NEEDS(a_mutex)
{
	while (f->stash_len > 0)
		roster_free_locked(f->stash[--f->stash_len]);
}

void front_empty_stash_locked(struct front *f)
{
	mutex_lock(&f->mu);
	empty_stash(f);
	mutex_unlock(&f->mu);
}

void front_close_locked(struct front *f)
{
	mutex_lock(&f->mu);
	f->open = false;
	f->closed = true;
	empty_stash(f);
	mutex_unlock(&f->mu);
}
