/* SPDX-License-Identifier: Apache-2.0 */

#include "stress_start.h"

#include "stress.h"
#include "stress_body.h"

#include <errno.h>
#include <pthread.h>

static void free_attr(void *attr)
{
	ptj_job_attr_free(attr);
}

static void unref(void *job)
{
	ptj_job_unref(job);
}

/* A mode of its own, a name, now and then. */
static void vary(ptj_job_attr *attr, uint64_t *random)
{
	if (choose(random, 4) == 0)
		must(ptj_job_attr_set_cancel_mode(attr, (int)choose(random, 3)) == 0);
	if (choose(random, 16) == 0)
		must(ptj_job_attr_set_name(attr, "named") == 0);
}

static int is_expected(const struct venue *v, int code, int64_t timeout_ms)
{
	switch (code) {
	case 0:
	case EINTR:
		return 1;
	case ESHUTDOWN:
		return atomic_load(&v->shut);
	case EAGAIN:
		return timeout_ms == 0;
	case ETIMEDOUT:
		return timeout_ms > 0;
	default:
		return 0;
	}
}

UNWOUND int start(struct venue *v, const struct start *how, uint64_t *random, ptj_job **job)
{
	struct item *item;
	ptj_job_attr *attr;
	int code;

	item = item_create(v, how->how, body_kind(random), *random);
	if (!how->children && item->kind >= SPAWNS)
		item->kind = RETURNS;
	item->queued = how->queue != NULL;
	item->orphaned = how->orphaned;
	must(ptj_job_attr_create(&attr) == 0);
	pthread_cleanup_push(free_attr, attr);
	must(ptj_job_attr_set_release(attr, item_release) == 0);
	if (how->queue)
		must(ptj_job_attr_set_completions(attr, how->queue) == 0);
	vary(attr, random);
	if (how->how == EXTERNAL)
		code = ptj_spawn_external(v->s, attr, item, how->timeout_ms, job);
	else
		code = ptj_spawn_attr(v->s, attr, body_main, item, how->timeout_ms, job);
	atomic_store(&item->code, code);
	pthread_cleanup_pop(1);
	must(is_expected(v, code, how->timeout_ms));
	return code;
}

UNWOUND void start_ask(ptj_job *job, int wait, int64_t timeout_ms)
{
	struct item *item = item_of(job);
	void *result = NULL;
	int code;

	atomic_store(&item->observed, 1);
	if (wait) {
		if (timeout_ms != PTJ_INFINITE)
			atomic_store(&item->asked, 1);
		code = ptj_job_wait(job, timeout_ms, &result);
	} else {
		code = ptj_job_poll(job, timeout_ms, &result);
	}
	must(code == 0 || code == PTJ_EFAILED || code == ECANCELED || code == EINTR ||
	     (code == ETIMEDOUT && timeout_ms != PTJ_INFINITE));
	item_answered(item, code, result);
}

void start_close(ptj_job *job, int64_t timeout_ms)
{
	struct item *item = item_of(job);
	int code;

	atomic_store(&item->observed, 1);
	atomic_store(&item->asked, 1);
	code = ptj_job_close(job, timeout_ms);
	must(code == 0 || code == PTJ_EFAILED || (code == ETIMEDOUT && timeout_ms != PTJ_INFINITE));
	if (code == PTJ_EFAILED)
		item_answered(item, code, NULL);
	if (code != ETIMEDOUT)
		must(atomic_load(&item->released) == 1);
}

void start_detached(struct venue *v, uint64_t *random)
{
	struct start how = {.timeout_ms = choose(random, 2) ? 1 : 0};

	if (choose(random, 3) == 0)
		how.queue = shared_queue;
	start(v, &how, random, NULL);
}

UNWOUND void start_and_wait(struct venue *v, uint64_t *random)
{
	struct start how = {.timeout_ms = 1};
	ptj_job *job;

	if (start(v, &how, random, &job))
		return;
	pthread_cleanup_push(unref, job);
	if (choose(random, 4) == 0)
		start_close(job, 1);
	else
		start_ask(job, choose(random, 2) == 0, choose(random, 2) ? 1 : PTJ_INFINITE);
	pthread_cleanup_pop(1);
}

UNWOUND void start_shield(struct venue *v, uint64_t *random)
{
	struct item *item;
	void *result = NULL;
	int64_t timeout_ms = (int64_t)choose(random, 4) - 1;
	int code;

	item = item_create(v, SHIELDED, body_kind(random), *random);
	if (item->kind >= SPAWNS)
		item->kind = RETURNS;
	code = ptj_shield(v->s, body_main, item, timeout_ms, &result);
	atomic_store(&item->code, code);
	if (code == PTJ_EFAILED)
		atomic_store(&item->observed, 1);
	must(code || result == item);
	must(code == PTJ_EFAILED || code == ECANCELED || is_expected(v, code, timeout_ms) ||
	     (code == ETIMEDOUT && timeout_ms == 0));
}
