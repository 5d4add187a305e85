/* SPDX-License-Identifier: Apache-2.0 */

#include "stress_driver.h"

#include "stress.h"
#include "stress_body.h"
#include "stress_host.h"
#include "stress_start.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>

/* Jobs that an unlimited scheduler has at once. */
enum { CROWD = 48 };

/* ---- Handles that all may use --------------------------------------------------------------- */

static void leave_in_cell(struct venue *v, ptj_job *job, uint64_t *random)
{
	ptj_job_unref(atomic_exchange(&v->cells[choose(random, CELLS)], job));
}

/* For a thread that may be cancelled: the handle goes back where it was. */
struct borrowed {
	struct venue *venue;
	unsigned cell;
	ptj_job *job; /* NULL: there was none */
};

static struct borrowed borrow(struct venue *v, uint64_t *random)
{
	struct borrowed b = {.venue = v, .cell = choose(random, CELLS)};

	b.job = atomic_exchange(&v->cells[b.cell], NULL);
	/* Somebody else may have it at the same time. */
	if (b.job && choose(random, 2))
		leave_in_cell(v, ptj_job_ref(b.job), random);
	return b;
}

static void give_back(void *borrowed)
{
	struct borrowed *b = borrowed;

	if (b->job)
		ptj_job_unref(atomic_exchange(&b->venue->cells[b->cell], b->job));
}

/* ---- Actions -------------------------------------------------------------------------------- */

UNWOUND static void spawn(struct venue *v, uint64_t *random)
{
	static const int64_t timeouts[] = {0, 1, 5, PTJ_INFINITE};
	struct start how = {.children = 1, .timeout_ms = timeouts[choose(random, 4)]};
	ptj_job *job = NULL;

	if (v->limit == 0 && ptj_scheduler_len(v->s) > CROWD)
		return;
	if (choose(random, 4) == 0)
		how.how = EXTERNAL;
	if (choose(random, 3) == 0)
		how.queue = shared_queue;
	if (choose(random, 3) == 0)
		start(v, &how, random, NULL);
	else if (start(v, &how, random, &job) == 0)
		leave_in_cell(v, job, random);
}

UNWOUND static void ask(struct venue *v, uint64_t *random)
{
	struct borrowed b = borrow(v, random);

	pthread_cleanup_push(give_back, &b);
	if (b.job)
		start_ask(b.job, choose(random, 3) == 0,
		          choose(random, 8) ? choose(random, 3) : 50);
	pthread_cleanup_pop(1);
}

static void close_job(struct venue *v, uint64_t *random)
{
	static const int64_t timeouts[] = {0, 1, 20, PTJ_INFINITE};
	struct borrowed b = borrow(v, random);

	if (b.job)
		start_close(b.job, timeouts[choose(random, 4)]);
	give_back(&b);
}

static void look(struct venue *v, uint64_t *random)
{
	struct borrowed b = borrow(v, random);
	char text[64];

	if (b.job) {
		(void)(ptj_job_pending(b.job) || ptj_job_active(b.job));
		(void)ptj_scheduler_contains(v->s, b.job);
		must(ptj_job_describe(b.job, text, sizeof(text)) > 0);
		(void)ptj_job_error_message(b.job);
		if (choose(random, 4) == 0)
			must(ptj_job_set_name(b.job, "renamed") == 0);
	}
	must(ptj_scheduler_describe(v->s, text, sizeof(text)) > 0);
	must(v->pending_limit == 0 || ptj_scheduler_pending_count(v->s) <= v->pending_limit);
	give_back(&b);
}

static int visit(ptj_job *job, void *random)
{
	must(item_of(job)->how != SHIELDED);
	must(ptj_scheduler_close(item_of(job)->venue->s) == EDEADLK);
	if (choose(random, 64) == 0)
		start_close(job, 0);
	return choose(random, 200) == 0;
}

static void visit_all(struct venue *v, uint64_t *random)
{
	ptj_job *jobs[16];
	size_t n;

	if (choose(random, 2)) {
		(void)ptj_scheduler_foreach(v->s, visit, random);
		return;
	}
	n = ptj_scheduler_jobs(v->s, jobs, 16);
	while (n > 0)
		leave_in_cell(v, jobs[--n], random);
}

static void change_handler(struct venue *v, uint64_t *random)
{
	ptj_exception_handler fn = choose(random, 2) ? item_told : item_told_too;
	void *user = NULL;

	must(ptj_scheduler_set_exception_handler(v->s, fn, v) == 0);
	fn = ptj_scheduler_get_exception_handler(v->s, &user);
	must((fn == item_told || fn == item_told_too) && user == v);
}

/* What is told to its descriptor is there. */
UNWOUND static void take(struct venue *v, uint64_t *random)
{
	struct pollfd fd = {.fd = ptj_completions_fd(shared_queue), .events = POLLIN};

	(void)v;
	must(fd.fd >= 0);
	poll(&fd, 1, 1);
	body_take(shared_queue, choose(random, 2));
}

/* A queue of one's own, which may be freed before its jobs have ended. */
static void use_a_queue(struct venue *v, uint64_t *random)
{
	struct start how = {.timeout_ms = 1, .orphaned = 1};
	int i, n = 0;

	must(ptj_completions_create(&how.queue, -1) == 0);
	for (i = 0; i < 4; i++)
		n += start(v, &how, random, NULL) == 0;
	if (n > 0 && choose(random, 2))
		body_take(how.queue, 5);
	ptj_completions_free(how.queue);
}

static void await_quiet(struct venue *v, uint64_t *random)
{
	int code = ptj_scheduler_wait(v->s, choose(random, 3));

	must(code == 0 || code == ETIMEDOUT);
}

UNWOUND static void run_external(struct venue *v, uint64_t *random)
{
	ptj_job *job = NULL;
	int code = ptj_external_next(v->s, choose(random, 2), &job);
	int state;

	must(code == 0 || code == ETIMEDOUT || (code == ESHUTDOWN && atomic_load(&v->shut)));
	if (code)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	host_begin(job);
	host_finish(job);
	pthread_setcancelstate(state, NULL);
}

typedef void (*action)(struct venue *v, uint64_t *random);

/* Those that a thread may be cancelled in. */
static const action blocking[] = {spawn, ask, take, start_shield, await_quiet, run_external};

static const action others[] = {close_job, look, visit_all, change_handler, use_a_queue};

/* ---- Those who are cancelled in the midst of it --------------------------------------------- */

struct victim {
	struct venue *venue;
	uint64_t random;
};

static void *victim_main(void *victim)
{
	struct victim *v = victim;

	for (;;) {
		blocking[choose(&v->random, 6)](v->venue, &v->random);
		pthread_testcancel();
	}
	return NULL;
}

static void sacrifice(struct venue *v, uint64_t *random)
{
	struct victim victim = {.venue = v, .random = *random};
	pthread_t thread;
	void *value;

	must(pthread_create(&thread, NULL, victim_main, &victim) == 0);
	for (unsigned n = choose(random, 300); n; n--)
		sched_yield();
	must(pthread_cancel(thread) == 0);
	must(pthread_join(thread, &value) == 0 && value == PTHREAD_CANCELED);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void act(struct venue *v, uint64_t *random)
{
	unsigned n = choose(random, 400);

	if (n == 0)
		venue_shut(v);
	else if (n < 6)
		sacrifice(v, random);
	else if (n < 200)
		spawn(v, random);
	else if (n < 300)
		blocking[choose(random, 6)](v, random);
	else
		others[choose(random, 5)](v, random);
}

void *driver_main(void *driver)
{
	struct driver *d = driver;
	struct slot *slot;
	struct venue *v;
	int over;

	for (int i = 0; i < d->actions; i++) {
		slot = &d->slots[choose(&d->random, d->slots_n)];
		v = slot_enter(slot);
		act(v, &d->random);
		over = atomic_load(&v->shut) || atomic_load(&v->tried) > JOBS_A_VENUE;
		venue_leave(v);
		if (over)
			slot_retire(slot, v);
	}
	return NULL;
}
