/* Hundreds of thousands of short jobs, with closes that race their ends from several threads.

   What must hold, and is counted: each job's argument is released exactly once; a job is
   cancelled only if somebody asked for it (no innocents); each job that was asked is accounted
   for as cancelled or finished, and says the same to all who ask; results are right; jobs that
   run never exceed the limit; what a spawn returned an error for never ran.

   PTJ_STRESS=N makes it N rounds instead of 18; PTJ_SEED=S repeats the choices of a run, though not
   the interleaving.  Prints its seed and its counts, and aborts at the first broken promise.

   SPDX-License-Identifier: Apache-2.0 */

#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ptjobs.h>

enum {
	DRIVERS = 4,
	BATCH = 48,          /* jobs a driver has in flight at most */
	JOBS_A_ROUND = 3000, /* of each driver */
	ROUNDS = 18,
	OBEYS_FOR_MS = 6, /* how long a job stays that waits for its close */
	STALL_S = 60      /* times the rounds: no run takes longer */
};

/* ---- One round: a scheduler and what is counted --------------------------------------------- */

struct round {
	ptj_scheduler *s;
	size_t limit;
	int mode;
	int shuts;          /* the scheduler is closed in the midst of it */
	atomic_int running; /* functions that are in their body */
	atomic_int crowded; /* times there were more than the limit */
	atomic_long finished, cancelled, refused, asked, innocents;
};

enum kind { RETURNS, YIELDS, SLEEPS, FAILS, EXITS, OBEYS };

struct item {
	struct round *round;
	enum kind kind;
	atomic_int asked; /* somebody called for a close, or may have */
	atomic_int entered;
	atomic_int released;
	ptj_job *job;
};

static void run_body(enum kind kind)
{
	if (kind == YIELDS)
		sched_yield();
	if (kind == SLEEPS)
		ptj_sleep(1);
	for (int ms = 0; kind == OBEYS && ms < OBEYS_FOR_MS && ptj_sleep(1) == 0; ms++)
		;
}

static void leave(void *round)
{
	atomic_fetch_sub(&((struct round *)round)->running, 1);
}

static void *job_short(void *arg)
{
	struct item *item = arg;
	struct round *r = item->round;
	int now;

	must(atomic_fetch_add(&item->entered, 1) == 0);
	must(atomic_load(&item->released) == 0);
	now = atomic_fetch_add(&r->running, 1) + 1;
	if (r->limit && (size_t)now > r->limit)
		atomic_fetch_add(&r->crowded, 1);
	pthread_cleanup_push(leave, r);
	run_body(item->kind);
	pthread_cleanup_pop(1);
	if (item->kind == FAILS)
		return ptj_job_fail(EIO, "meant to");
	if (item->kind == EXITS)
		pthread_exit(item);
	return item;
}

static void release_item(void *arg)
{
	struct item *item = arg;

	must(atomic_fetch_add(&item->released, 1) == 0);
}

static void handler_check(ptj_scheduler *s, const ptj_context *context, void *round)
{
	(void)s;
	must(context->error == EIO);
	(void)round;
}

/* ---- The fate of a job ---------------------------------------------------------------------- */

/* What poll says once it has ended, and that everything fits it. */
static void account(struct item *item)
{
	struct round *r = item->round;
	void *result = NULL;
	int code = ptj_job_poll(item->job, PATIENCE_MS, &result);

	must(code == 0 || code == PTJ_EFAILED || code == ECANCELED);
	must(atomic_load(&item->released) == 1);
	must(ptj_job_closed(item->job) == 1);
	must(!ptj_scheduler_contains(r->s, item->job));
	must(ptj_job_poll(item->job, 0, NULL) == code);
	if (code == ECANCELED) {
		must(ptj_job_error(item->job) == ECANCELED);
		atomic_fetch_add(&r->cancelled, 1);
		if (!atomic_load(&item->asked) && !r->shuts)
			atomic_fetch_add(&r->innocents, 1);
	} else {
		must(atomic_load(&item->entered) == 1);
		must((item->kind == FAILS) == (code == PTJ_EFAILED));
		must(code || result == item);
		must(ptj_job_error(item->job) == (code ? EIO : 0));
		atomic_fetch_add(&r->finished, 1);
	}
	if (atomic_load(&item->asked))
		atomic_fetch_add(&r->asked, 1);
	ptj_job_unref(item->job);
}

/* Asks for the end of a job, or only waits for it, in one of the ways there are. */
static void race(struct item *item, uint64_t *random)
{
	int code = 0;

	switch (choose(random, 8)) {
	case 0:
		atomic_store(&item->asked, 1);
		code = ptj_job_close(item->job, PTJ_INFINITE);
		must(code == 0 || code == PTJ_EFAILED);
		break;
	case 1:
		atomic_store(&item->asked, 1);
		code = ptj_job_close(item->job, 0);
		must(code == 0 || code == PTJ_EFAILED || code == ETIMEDOUT);
		break;
	case 2:
		atomic_store(&item->asked, 1);
		code = ptj_job_wait(item->job, choose(random, 2), NULL);
		must(code == 0 || code == PTJ_EFAILED || code == ETIMEDOUT || code == ECANCELED);
		break;
	case 3:
		code = ptj_job_poll(item->job, choose(random, 2), NULL);
		must(code == 0 || code == PTJ_EFAILED || code == ETIMEDOUT || code == ECANCELED);
		break;
	default:
		if (item->kind != OBEYS)
			break;
		atomic_store(&item->asked, 1);
		code = ptj_job_close(item->job, PATIENCE_MS);
		must(code == 0);
		break;
	}
}

/* ---- Drivers -------------------------------------------------------------------------------- */

struct driver {
	pthread_t thread;
	struct round *round;
	uint64_t random;
	long spawned;
	struct driver *other; /* whose jobs it races, too */
	pthread_mutex_t mu;   /* guards lent */
	struct item *lent;    /* a job of this driver's that another may close; NULL: none */
};

/* Few of those that take their time. */
static enum kind choose_kind(uint64_t *random)
{
	static const enum kind often[] = {RETURNS, RETURNS, YIELDS, FAILS, EXITS};

	switch (choose(random, 160)) {
	case 0:
		return OBEYS;
	case 1:
		return SLEEPS;
	default:
		return often[choose(random, 5)];
	}
}

static int spawn_item(struct driver *d, const ptj_job_attr *ja, struct item *item)
{
	struct round *r = d->round;
	int code;

	memset(item, 0, sizeof *item);
	item->round = r;
	item->kind = choose_kind(&d->random);
	code = ptj_spawn_attr(r->s, ja, job_short, item, choose(&d->random, 8) ? PTJ_INFINITE : 1,
	                      &item->job);
	if (code == 0) {
		d->spawned++;
		return 0;
	}
	must(code == ETIMEDOUT || (code == ESHUTDOWN && r->shuts));
	must(!item->job);
	atomic_fetch_add(&r->refused, 1);
	return code;
}

static void lend(struct driver *d, struct item *item)
{
	pthread_mutex_lock(&d->mu);
	d->lent = item;
	pthread_mutex_unlock(&d->mu);
}

/* Closes what the other driver has lent; the lender takes it back only under the same mutex. */
static void race_with_the_other(struct driver *d)
{
	struct driver *o = d->other;
	ptj_job *job = NULL;

	pthread_mutex_lock(&o->mu);
	if (o->lent) {
		atomic_store(&o->lent->asked, 1);
		job = ptj_job_ref(o->lent->job);
		o->lent = NULL;
	}
	pthread_mutex_unlock(&o->mu);
	if (!job)
		return;
	(void)ptj_job_close(job, choose(&d->random, 2) ? PTJ_INFINITE : 0);
	ptj_job_unref(job);
}

static void drive_batch(struct driver *d, const ptj_job_attr *ja)
{
	static _Thread_local struct item items[BATCH];
	size_t n = 0, refused = 0;

	while (n + refused < BATCH) {
		if (spawn_item(d, ja, &items[n])) {
			must(atomic_load(&items[n].entered) == 0);
			must(atomic_load(&items[n].released) == 0);
			refused++;
			continue;
		}
		if (choose(&d->random, 4) == 0)
			lend(d, &items[n]);
		if (choose(&d->random, 2))
			race(&items[n], &d->random);
		race_with_the_other(d);
		n++;
	}
	lend(d, NULL);
	for (size_t i = 0; i < n; i++) {
		/* Nobody else will end it. */
		if (items[i].kind == OBEYS) {
			atomic_store(&items[i].asked, 1);
			(void)ptj_job_close(items[i].job, 0);
		}
		account(&items[i]);
	}
}

static void *driver_main(void *driver)
{
	struct driver *d = driver;
	ptj_job_attr *ja;

	must(ptj_job_attr_create(&ja) == 0);
	must(ptj_job_attr_set_release(ja, release_item) == 0);
	for (int i = 0; i < JOBS_A_ROUND / BATCH; i++)
		drive_batch(d, ja);
	ptj_job_attr_free(ja);
	return NULL;
}

/* ---- Spawners and waiters that are cancelled ------------------------------------------------ */

struct victim {
	struct round *round;
	uint64_t random;
	atomic_long spawns, entered;
};

static void *job_of_victim(void *victim)
{
	struct victim *v = victim;

	atomic_fetch_add(&v->entered, 1);
	return victim;
}

/* A spawn either returned, and then the job runs, or was cancelled, and then it does not. */
static void *victim_main(void *victim)
{
	struct victim *v = victim;
	int code;

	while ((code = ptj_spawn(v->round->s, job_of_victim, v, NULL)) == 0) {
		atomic_fetch_add(&v->spawns, 1);
		pthread_testcancel();
	}
	must(code == ESHUTDOWN && v->round->shuts);
	return NULL;
}

static void sacrifice(struct victim *v)
{
	pthread_t thread;
	void *end;

	must(pthread_create(&thread, NULL, victim_main, v) == 0);
	for (unsigned n = choose(&v->random, 200); n; n--)
		sched_yield();
	must(pthread_cancel(thread) == 0);
	must(pthread_join(thread, &end) == 0);
}

/* ---- Rounds --------------------------------------------------------------------------------- */

static void open_round(struct round *r, int number, uint64_t *random)
{
	static const size_t limits[] = {1, 2, 3, 8, 0};
	static const size_t pending[] = {1, 4, 64, 0};
	ptj_attr *attr;

	memset(r, 0, sizeof *r);
	r->limit = limits[choose(random, 5)];
	r->mode = number % 3;
	r->shuts = number % 6 == 5;
	must(ptj_attr_create(&attr) == 0);
	must(ptj_attr_set_limit(attr, r->limit) == 0);
	must(ptj_attr_set_pending_limit(attr, pending[choose(random, r->limit ? 3 : 4)]) == 0);
	must(ptj_attr_set_cancel_mode(attr, r->mode) == 0);
	must(ptj_attr_set_close_timeout(attr, PATIENCE_MS) == 0);
	must(ptj_attr_set_exception_handler(attr, handler_check, r) == 0);
	must(ptj_scheduler_create(&r->s, attr) == 0);
	ptj_attr_free(attr);
}

static void close_round(struct round *r, const struct victim *v)
{
	if (!r->shuts)
		must(ptj_scheduler_wait(r->s, PATIENCE_MS) == 0);
	must(ptj_scheduler_close(r->s) == 0);
	must(ptj_scheduler_len(r->s) == 0);
	must(ptj_scheduler_active_count(r->s) == 0);
	must(ptj_scheduler_pending_count(r->s) == 0);
	ptj_scheduler_free(r->s);
	must(atomic_load(&r->running) == 0);
	must(atomic_load(&r->crowded) == 0);
	must(atomic_load(&r->innocents) == 0);
	/* A spawn that was cancelled left no job behind. */
	if (r->shuts)
		must(atomic_load(&v->entered) <= atomic_load(&v->spawns));
	else
		must(atomic_load(&v->entered) == atomic_load(&v->spawns));
}

static void run_round(struct round *r, int number, uint64_t *random, long totals[4])
{
	struct driver drivers[DRIVERS];
	struct victim v = {.round = r, .random = *random | 1};
	long spawned = 0;

	open_round(r, number, random);
	memset(drivers, 0, sizeof drivers);
	for (int i = 0; i < DRIVERS; i++) {
		drivers[i].round = r;
		drivers[i].random = *random + (uint64_t)i * 7919 + 1;
		drivers[i].other = &drivers[(i + 1) % DRIVERS];
		pthread_mutex_init(&drivers[i].mu, NULL);
		choose(random, 2);
	}
	for (int i = 0; i < DRIVERS; i++)
		must(pthread_create(&drivers[i].thread, NULL, driver_main, &drivers[i]) == 0);
	for (int i = 0; i < 20; i++)
		sacrifice(&v);
	if (r->shuts)
		must(ptj_scheduler_close(r->s) == 0);
	for (int i = 0; i < DRIVERS; i++) {
		must(pthread_join(drivers[i].thread, NULL) == 0);
		spawned += drivers[i].spawned;
	}
	close_round(r, &v);
	must(atomic_load(&r->finished) + atomic_load(&r->cancelled) == spawned);
	totals[0] += spawned;
	totals[1] += atomic_load(&r->asked);
	totals[2] += atomic_load(&r->cancelled);
	totals[3] += atomic_load(&r->refused);
}

int main(void)
{
	long rounds = stress_begin(ROUNDS, STALL_S), totals[4] = {0};
	uint64_t seed = stress_seed(), random = seed | 1;
	struct round r;

	for (long i = 0; i < rounds; i++)
		run_round(&r, (int)((seed + (uint64_t)i) % 1000000), &random, totals);
	printf("%ld jobs, %ld asked to end, %ld cancelled, %ld refused, 0 innocents\n", totals[0],
	       totals[1], totals[2], totals[3]);
	return EXIT_SUCCESS;
}
