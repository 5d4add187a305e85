/* SPDX-License-Identifier: Apache-2.0 */

#include "stress_venue.h"

#include "stress.h"
#include "stress_host.h"

#include <errno.h>
#include <stdlib.h>

void venue_add(struct venue *v, struct item *item)
{
	atomic_fetch_add(&v->tried, 1);
	item->next = atomic_load(&v->items);
	while (!atomic_compare_exchange_weak(&v->items, &item->next, item))
		;
}

/* ---- Its beginning -------------------------------------------------------------------------- */

static void make_scheduler(struct venue *v, uint64_t *random)
{
	static const size_t limits[] = {1, 2, 3, 8, 0}, pending[] = {1, 4, 64, 0};
	static const int64_t close[] = {0, 5, 50, PTJ_INFINITE, PTJ_INFINITE};
	static const int64_t idle[] = {0, 1, 10000};
	ptj_attr *attr;

	v->limit = limits[choose(random, 5)];
	v->pending_limit = pending[choose(random, 4)];
	v->close_timeout = close[choose(random, 5)];
	must(ptj_attr_create(&attr) == 0);
	must(ptj_attr_set_limit(attr, v->limit) == 0);
	must(ptj_attr_set_pending_limit(attr, v->pending_limit) == 0);
	must(ptj_attr_set_close_timeout(attr, v->close_timeout) == 0);
	must(ptj_attr_set_idle_timeout(attr, idle[choose(random, 3)]) == 0);
	must(ptj_attr_set_cancel_mode(attr, (int)choose(random, 3)) == 0);
	must(ptj_attr_set_debug(attr, choose(random, 8) == 0) == 0);
	must(ptj_attr_set_exception_handler(attr, item_told, v) == 0);
	must(ptj_scheduler_create(&v->s, attr) == 0);
	ptj_attr_free(attr);
}

static struct venue *venue_create(uint64_t *random)
{
	struct venue *v = calloc(1, sizeof(*v));

	must(v);
	pthread_mutex_init(&v->mu, NULL);
	pthread_cond_init(&v->opened, NULL);
	make_scheduler(v, random);
	must(pthread_create(&v->host, NULL, host_main, v) == 0);
	return v;
}

/* ---- Those within --------------------------------------------------------------------------- */

int venue_enter(struct venue *v)
{
	atomic_fetch_add(&v->users, 1);
	if (!atomic_load(&v->barred))
		return 1;
	venue_leave(v);
	return 0;
}

void venue_leave(struct venue *v)
{
	atomic_fetch_sub(&v->users, 1);
}

static void bar_and_await_users(struct venue *v)
{
	atomic_store(&v->barred, 1);
	stress_await_zero(&v->users);
}

void venue_outlast(struct venue *v)
{
	int state;

	if (!atomic_load(&v->shut) || v->close_timeout == PTJ_INFINITE)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&v->mu);
	while (!v->open)
		pthread_cond_wait(&v->opened, &v->mu);
	pthread_mutex_unlock(&v->mu);
	pthread_setcancelstate(state, NULL);
}

static void let_the_stubborn_go(struct venue *v)
{
	pthread_mutex_lock(&v->mu);
	v->open = 1;
	pthread_cond_broadcast(&v->opened);
	pthread_mutex_unlock(&v->mu);
}

/* ---- Its end -------------------------------------------------------------------------------- */

void venue_shut(struct venue *v)
{
	atomic_store(&v->shut, 1);
	must(ptj_scheduler_close(v->s) == 0);
	must(ptj_scheduler_len(v->s) == 0);
}

/* What has not ended now has been reported. */
static void check_stragglers(struct venue *v)
{
	struct item *item;

	for (item = atomic_load(&v->items); item; item = item->next) {
		if (item->how == SHIELDED || !atomic_load(&item->entered) ||
		    atomic_load(&item->released))
			continue;
		must(v->close_timeout != PTJ_INFINITE);
		must(atomic_load(&item->straggler_told) == 1);
	}
}

/* Hears of those whose handles were left here. */
static void empty_cells(struct venue *v)
{
	struct item *item;
	ptj_job *job;
	void *result;
	int i, code;

	for (i = 0; i < CELLS; i++) {
		job = atomic_exchange(&v->cells[i], NULL);
		if (!job)
			continue;
		item = item_of(job);
		result = NULL;
		atomic_store(&item->observed, 1);
		code = ptj_job_poll(job, PATIENCE_MS, &result);
		must(code == 0 || code == PTJ_EFAILED || code == ECANCELED);
		must(atomic_load(&item->released) == 1);
		must(ptj_job_closed(job) && ptj_job_poll(job, 0, NULL) == code);
		item_answered(item, code, result);
		ptj_job_unref(job);
	}
}

static void retire(struct venue *v)
{
	venue_shut(v);
	must(ptj_scheduler_closed(v->s) == 1);
	must(ptj_scheduler_active_count(v->s) == 0 || v->close_timeout != PTJ_INFINITE);
	must(ptj_scheduler_pending_count(v->s) == 0);
	must(ptj_scheduler_shield_count(v->s) == 0);
	check_stragglers(v);
	let_the_stubborn_go(v);
	must(pthread_join(v->host, NULL) == 0);
	bar_and_await_users(v);
	ptj_scheduler_free(v->s);
	empty_cells(v);
}

void venue_judge(struct venue *v, struct tally *tally)
{
	struct item *item, *next;

	for (item = atomic_load(&v->items); item; item = next) {
		next = item->next;
		item_judge(item, atomic_load(&v->shut), tally);
		free(item);
	}
	pthread_mutex_destroy(&v->mu);
	pthread_cond_destroy(&v->opened);
	free(v);
}

/* ---- Slots ---------------------------------------------------------------------------------- */

void slot_open(struct slot *slot, uint64_t random)
{
	pthread_mutex_init(&slot->mu, NULL);
	slot->random = random | 1;
	slot->retired = NULL;
	slot->venue = venue_create(&slot->random);
}

struct venue *slot_enter(struct slot *slot)
{
	struct venue *v;

	pthread_mutex_lock(&slot->mu);
	v = slot->venue;
	must(venue_enter(v));
	pthread_mutex_unlock(&slot->mu);
	return v;
}

static void put_away(struct slot *slot, struct venue *v)
{
	pthread_mutex_lock(&slot->mu);
	v->next = slot->retired;
	slot->retired = v;
	pthread_mutex_unlock(&slot->mu);
}

void slot_retire(struct slot *slot, struct venue *v)
{
	int mine;

	pthread_mutex_lock(&slot->mu);
	mine = slot->venue == v;
	if (mine)
		slot->venue = venue_create(&slot->random);
	pthread_mutex_unlock(&slot->mu);
	if (!mine)
		return;
	retire(v);
	put_away(slot, v);
}

void slot_close(struct slot *slot)
{
	struct venue *v = slot->venue;

	/* A scheduler may also end in peace. */
	if (choose(&slot->random, 2))
		must(ptj_scheduler_wait(v->s, 50) != EINVAL);
	retire(v);
	put_away(slot, v);
	pthread_mutex_destroy(&slot->mu);
}
