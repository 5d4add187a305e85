/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "front.h"

/* How many slots the stash is filled up to.  A spawn in so many takes s->mu. */
#define STASH 256

void front_init(struct front *f)
{
	mutex_init_busy(&f->mu);
	f->open = false;
	f->credit = 0;
	list_init(&f->jobs);
	f->len = 0;
	list_init(&f->stash);
	f->stash_len = 0;
	f->last_id = 0;
}

void front_destroy(struct front *f)
{
	pthread_mutex_destroy(&f->mu);
}

uint64_t front_next_id(struct front *f)
{
	uint64_t id;

	mutex_lock(&f->mu);
	id = ++f->last_id;
	mutex_unlock(&f->mu);
	return id;
}

static ptj_job *take_slot(struct front *f)
{
	f->stash_len--;
	return container_of(list_pop(&f->stash), ptj_job, at.link);
}

ptj_job *front_push_begin(struct front *f, uint64_t *id)
{
	mutex_lock(&f->mu);
	if (!f->open || f->credit == 0 || f->stash_len == 0) {
		mutex_unlock(&f->mu);
		return NULL;
	}
	*id = ++f->last_id;
	return take_slot(f);
}

void front_push_end(struct front *f, ptj_job *job)
{
	list_append(&f->jobs, &job->at.link);
	f->len++;
	f->credit--;
	mutex_unlock(&f->mu);
}

size_t front_take_locked(struct front *f, struct link *queue, bool shut)
{
	size_t len;

	mutex_lock(&f->mu);
	len = f->len;
	list_append_all(queue, &f->jobs);
	f->len = 0;
	if (shut || len == 0)
		f->open = false;
	mutex_unlock(&f->mu);
	return len;
}

void front_open_locked(struct front *f, struct roster *r, size_t credit)
{
	size_t want = credit < STASH ? credit : STASH;
	ptj_job *slot;

	mutex_lock(&f->mu);
	f->open = true;
	f->credit = credit;
	while (f->stash_len < want && (slot = roster_alloc_locked(r))) {
		list_append(&f->stash, &slot->at.link);
		f->stash_len++;
	}
	mutex_unlock(&f->mu);
}

void front_empty_stash_locked(struct front *f)
{
	mutex_lock(&f->mu);
	while (f->stash_len > 0)
		roster_free_locked(take_slot(f));
	mutex_unlock(&f->mu);
}

size_t front_len(struct front *f)
{
	size_t len;

	mutex_lock(&f->mu);
	len = f->len;
	mutex_unlock(&f->mu);
	return len;
}
