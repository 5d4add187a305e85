/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "roster.h"

#include "grace.h"

#include <string.h>
#include <sys/mman.h>

#define SLAB_BYTES 65536
#define SLAB_SLOTS ((SLAB_BYTES - sizeof(struct slab)) / sizeof(ptj_job))

/* How many empty slabs are kept: a MiB. */
#define SPARES 16

/* How many slabs are worth one grace period (some microseconds). */
#define RECLAIM_BATCH 16

struct slab {
	_Atomic(struct slab *) older; /* next on the list; kept while readers may stand here */
	struct slab *newer;           /* guarded by mu */
	struct roster *roster;        /* read-only */
	_Atomic uint32_t touched;     /* slots ever used; the rest was never written to */
	uint32_t in_use;              /* guarded by mu */
	struct link roomy;            /* in roster->roomy, or ->doomed; guarded by mu */
	struct link free;             /* free slots, by their at.link; guarded by mu */
	_Alignas(64) ptj_job jobs[];
};

void roster_init(struct roster *r) LOCKS_UNCHECKED
{
	atomic_init(&r->newest, NULL);
	list_init(&r->roomy);
	list_init(&r->doomed);
	r->doomed_count = 0;
	r->spares = 0;
	atomic_init(&r->slots_in_use, 0);
}

static struct slab *slab_of(const ptj_job *job)
{
	return (struct slab *)((uintptr_t)job & ~(uintptr_t)(SLAB_BYTES - 1));
}

/* Memory that could not be unmapped: where that splits a mapping in two, the process may have none
   to spare.  It is used for a slab, if it may be one, or unmapped later.  The list is process-wide,
   since a scheduler may be gone that something is left of, and has no lock that the child of a fork
   could inherit: whoever wants one takes all. */
struct remnant {
	struct remnant *next;
	size_t size;
};

static _Atomic(struct remnant *) remnants;

/* Release: pairs with remnants_take(); whoever takes it finds it whole.  Checked, as are its users,
   by tests/test_faults.c and tests/torture.c. */
static void remnant_put(struct remnant *r)
{
	r->next = atomic_load_explicit(&remnants, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&remnants, &r->next, r, memory_order_release,
	                                              memory_order_relaxed))
		;
}

static struct remnant *remnants_take(void)
{
	if (!atomic_load_explicit(&remnants, memory_order_relaxed))
		return NULL;
	return atomic_exchange_explicit(&remnants, NULL, memory_order_acquire);
}

static void unmap(void *at, size_t size)
{
	struct remnant *r = at;

	if (munmap(at, size) == 0)
		return;
	r->size = size;
	remnant_put(r);
}

static void unmap_remnants(void)
{
	struct remnant *r, *next;

	for (r = remnants_take(); r; r = next) {
		next = r->next;
		unmap(r, r->size);
	}
}

/* A remnant as a slab, as empty as a new one; NULL: there is none.  One of a slab's size is at a
   multiple of it, too: map_aligned() cuts off less, or what is before a slab at such a place. */
static struct slab *reuse_remnant(void)
{
	struct remnant *r, *next, *found = NULL;

	for (r = remnants_take(); r; r = next) {
		next = r->next;
		if (!found && r->size == SLAB_BYTES)
			found = r;
		else
			remnant_put(r);
	}
	return found ? memset(found, 0, SLAB_BYTES) : NULL;
}

/* Twice the memory has a slab at a multiple of its size.  Its highest is taken: it borders on the
   mapping before, where the system maps downwards, and the two become one. */
static struct slab *map_aligned(void)
{
	char *map, *slab, *end;

	map = mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	           0);
	if (map == MAP_FAILED)
		return NULL;
	end = map + 2 * SLAB_BYTES;
	slab = end - SLAB_BYTES - (uintptr_t)end % SLAB_BYTES;
	unmap(map, (size_t)(slab - map));
	if (slab + SLAB_BYTES < end)
		unmap(slab + SLAB_BYTES, (size_t)(end - slab) - SLAB_BYTES);
	return (struct slab *)(void *)slab;
}

/* Release: a reader that finds the slab finds it made.  Pairs with the acquire in
   next_job().  Checked by tests/test_collection.c. */
static struct slab *slab_create(struct roster *r) NEEDS(a_monitor)
{
	struct slab *slab, *newest = atomic_load_explicit(&r->newest, memory_order_relaxed);

	slab = reuse_remnant();
	if (!slab)
		slab = map_aligned();
	if (!slab)
		return NULL;
	slab->roster = r;
	list_init(&slab->free);
	list_append(&r->roomy, &slab->roomy);
	r->spares++;
	atomic_init(&slab->older, newest);
	if (newest)
		newest->newer = slab;
	atomic_store_explicit(&r->newest, slab, memory_order_release);
	return slab;
}

/* Takes slab off the list.  Its own way to the older ones stays for readers that stand in it.
   Sequentially consistent, as are the reads in next_job(): see grace.h. */
static void slab_doom(struct slab *slab) NEEDS(a_monitor)
{
	struct roster *r = slab->roster;
	struct slab *older = atomic_load_explicit(&slab->older, memory_order_relaxed);

	if (older)
		older->newer = slab->newer;
	if (slab->newer)
		atomic_store(&slab->newer->older, older);
	else
		atomic_store(&r->newest, older);
	list_remove(&slab->roomy);
	list_append(&r->doomed, &slab->roomy);
	r->doomed_count++;
}

static ptj_job *take_slot(struct slab *slab)
{
	struct link *free = list_pop(&slab->free);
	uint32_t touched;
	ptj_job *job;

	if (free)
		return container_of(free, ptj_job, at.link);
	touched = atomic_load_explicit(&slab->touched, memory_order_relaxed);
	job = &slab->jobs[touched];
	atomic_store_explicit(&slab->touched, touched + 1, memory_order_release);
	return job;
}

static bool is_full(const struct slab *slab) NEEDS(a_monitor)
{
	return slab->in_use == SLAB_SLOTS;
}

size_t roster_slots_in_use(const struct roster *r)
{
	return atomic_load_explicit(&r->slots_in_use, memory_order_relaxed);
}

static void set_slots_in_use(struct roster *r, size_t n)
{
	atomic_store_explicit(&r->slots_in_use, n, memory_order_relaxed);
}

size_t roster_forget(struct roster *r, size_t slots)
{
	return atomic_fetch_sub_explicit(&r->slots_in_use, slots, memory_order_acq_rel) - slots;
}

ptj_job *roster_alloc_locked(struct roster *r)
{
	struct slab *slab;
	ptj_job *job;

	slab = list_empty(&r->roomy) ? slab_create(r)
	                             : container_of(r->roomy.next, struct slab, roomy);
	if (!slab)
		return NULL;
	job = take_slot(slab);
	if (slab->in_use++ == 0)
		r->spares--;
	set_slots_in_use(r, roster_slots_in_use(r) + 1);
	if (is_full(slab))
		list_remove(&slab->roomy);
	return job;
}

void roster_publish(ptj_job *job, uint32_t refs)
{
	atomic_store_explicit(&job->refs, refs, memory_order_release);
}

void roster_free_locked(ptj_job *job)
{
	struct slab *slab = slab_of(job);
	struct roster *r = slab->roster;

	if (is_full(slab))
		list_prepend(&r->roomy, &slab->roomy);
	list_prepend(&slab->free, &job->at.link);
	slab->in_use--;
	set_slots_in_use(r, roster_slots_in_use(r) - 1);
	if (slab->in_use > 0)
		return;
	if (r->spares < SPARES)
		r->spares++;
	else
		slab_doom(slab);
}

bool roster_wants_reclaim_locked(const struct roster *r)
{
	return r->doomed_count >= RECLAIM_BATCH;
}

static void unmap_all(struct link *slabs)
{
	struct link *node;

	unmap_remnants();
	while ((node = list_pop(slabs)))
		unmap(container_of(node, struct slab, roomy), SLAB_BYTES);
}

void roster_reclaim_locked(struct roster *r, struct monitor *mu)
{
	struct link doomed;

	if (list_empty(&r->doomed))
		return;
	list_init(&doomed);
	list_append_all(&doomed, &r->doomed);
	r->doomed_count = 0;
	monitor_unlock(mu);
	grace_wait();
	unmap_all(&doomed);
	monitor_lock(mu);
}

struct roster *roster_of(const ptj_job *job)
{
	return slab_of(job)->roster;
}

/* Takes a reference unless there is none left to share.  Acquire: pairs with the release in
   roster_publish(); the job is whole. */
static bool try_ref(ptj_job *job)
{
	uint32_t refs = atomic_load_explicit(&job->refs, memory_order_relaxed);

	while (refs > 0)
		if (atomic_compare_exchange_weak_explicit(&job->refs, &refs, refs + 1,
		                                          memory_order_acquire,
		                                          memory_order_relaxed))
			return true;
	return false;
}

/* A place in the walk: the next slot to look at.  Between two read sections the reference to the
   last job found keeps its slab mapped and on the list. */
struct cursor {
	struct slab *slab;
	uint32_t slot;
};

static ptj_job *next_in_section(struct cursor *at)
{
	ptj_job *job;

	while (at->slab) {
		if (at->slot == atomic_load_explicit(&at->slab->touched, memory_order_acquire)) {
			at->slab = atomic_load(&at->slab->older);
			at->slot = 0;
			continue;
		}
		job = &at->slab->jobs[at->slot++];
		if (try_ref(job))
			return job;
	}
	return NULL;
}

static ptj_job *next_job(struct roster *r, struct cursor *at, bool first)
{
	struct section section;
	ptj_job *job;

	grace_read_begin(&section);
	if (first)
		at->slab = atomic_load(&r->newest);
	job = next_in_section(at);
	grace_read_end(&section);
	return job;
}

struct visit {
	ptj_job *job;
	void (*unref)(ptj_job *job);
};

static void end_visit(void *arg)
{
	struct visit *visit = arg;

	if (visit->job)
		visit->unref(visit->job);
}

int roster_visit(struct roster *r, int (*visit)(ptj_job *job, void *user), void *user,
                 void (*unref)(ptj_job *job))
{
	struct cursor at = {.slab = NULL, .slot = 0};
	struct visit held = {.job = NULL, .unref = unref};
	ptj_job *job;
	int rc = 0;

	pthread_cleanup_push(end_visit, &held);
	for (job = next_job(r, &at, true); job; job = next_job(r, &at, false)) {
		if (held.job)
			unref(held.job);
		held.job = job;
		rc = visit(job, user);
		if (rc)
			break;
	}
	pthread_cleanup_pop(1);
	return rc;
}

void roster_each_locked(struct roster *r, void (*each)(ptj_job *job, void *user), void *user)
{
	struct slab *slab;
	uint32_t i;

	for (slab = atomic_load_explicit(&r->newest, memory_order_acquire); slab;
	     slab = atomic_load_explicit(&slab->older, memory_order_acquire))
		for (i = 0; i < slab->touched; i++)
			if (atomic_load_explicit(&slab->jobs[i].refs, memory_order_relaxed) > 0)
				each(&slab->jobs[i], user);
}

void roster_destroy(struct roster *r)
{
	struct slab *slab, *older;

	unmap_all(&r->doomed);
	for (slab = atomic_load_explicit(&r->newest, memory_order_acquire); slab; slab = older) {
		older = atomic_load_explicit(&slab->older, memory_order_relaxed);
		unmap(slab, SLAB_BYTES);
	}
}
