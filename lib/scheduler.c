/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "scheduler.h"

#include "attr.h"
#include "fork.h"
#include "inside.h"
#include "keep_errno.h"
#include "waiter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ptj_scheduler *scheduler_of(const ptj_job *job)
{
	return container_of(roster_of(job), struct ptj_scheduler, roster);
}

bool scheduler_is_dead(const struct ptj_scheduler *s)
{
	return s->generation != fork_generation();
}

void count_add_locked(_Atomic size_t *count, size_t n)
{
	atomic_store_explicit(count, count_get(count) + n, memory_order_relaxed);
}

void count_sub_locked(_Atomic size_t *count, size_t n)
{
	atomic_store_explicit(count, count_get(count) - n, memory_order_relaxed);
}

enum scheduler_phase scheduler_phase(const struct ptj_scheduler *s)
{
	return atomic_load_explicit(&s->phase, memory_order_acquire);
}

struct link *scheduler_waiters(struct ptj_scheduler *s, const ptj_job *job)
{
	return &s->waiters[(uintptr_t)job / sizeof(*job) % WAITER_BUCKETS];
}

struct waiter *scheduler_blocked_locked(const struct ptj_scheduler *s)
{
	struct waiter *w;
	size_t i;

	if ((w = waiter_at_rest(&s->pending.spawners)) || (w = waiter_at_rest(&s->hosts)) ||
	    (w = waiter_at_rest(&s->quiet)))
		return w;
	for (i = 0; i < WAITER_BUCKETS && !w; i++)
		w = waiter_at_rest(&s->waiters[i]);
	return w;
}

static bool debug_in_environment(void)
{
	const char *value = secure_getenv("PTJOBS_DEBUG");

	return value && strcmp(value, "1") == 0;
}

static bool set_up(struct ptj_scheduler *s, const struct ptj_attr *attr) LOCKS_UNCHECKED
{
	size_t i;

	s->generation = fork_generation();
	s->limit = attr->limit;
	s->close_timeout = attr->close_timeout;
	s->wait_timeout = attr->wait_timeout;
	s->idle_timeout = attr->idle_timeout;
	s->cancel_mode = attr->cancel_mode;
	s->thread_start = attr->thread_start;
	s->thread_stop = attr->thread_stop;
	s->debug = attr->debug || debug_in_environment();
	terms_take(&s->terms);
	s->terms.locale = LC_GLOBAL_LOCALE;
	snprintf(s->name, sizeof(s->name), "%.15s",
	         attr->name ? attr->name : DEFAULT_SCHEDULER_NAME);
	list_init(&s->ready);
	list_init(&s->offered);
	s->bell.fd = -1;
	list_init(&s->hosts);
	list_init(&s->reclaim);
	list_init(&s->workers);
	list_init(&s->idle);
	list_init(&s->unwound);
	list_init(&s->exited);
	for (i = 0; i < WAITER_BUCKETS; i++)
		list_init(&s->waiters[i]);
	list_init(&s->quiet);
	s->retrier = NULL;
	roster_init(&s->roster);
	if (!monitor_init(&s->mu))
		return false;
	if (pending_init(&s->pending, attr->pending_limit))
		return true;
	monitor_destroy(&s->mu);
	return false;
}

int ptj_scheduler_create(ptj_scheduler **out, const ptj_attr *attr)
{
	KEEP_ERRNO;
	struct ptj_scheduler *s;

	if (!out)
		return EINVAL;
	if (!attr)
		attr = &attr_defaults;
	s = aligned_alloc(_Alignof(struct ptj_scheduler), sizeof(*s));
	if (!s)
		return ENOMEM;
	memset(s, 0, sizeof(*s));
	if (fork_watch() || report_init(&s->report, attr->handler, attr->handler_user))
		goto no_report;
	if (pthread_attr_init(&s->thread_attr))
		goto no_attr;
	if (attr->stack_size > 0 && pthread_attr_setstacksize(&s->thread_attr, attr->stack_size))
		goto no_stack;
	if (!set_up(s, attr))
		goto no_stack;
	*out = s;
	return 0;

no_stack:
	pthread_attr_destroy(&s->thread_attr);
no_attr:
	report_destroy(&s->report);
no_report:
	free(s);
	return ENOMEM;
}

void job_free_locked(ptj_job *job)
{
	job_extra_free(job->extra);
	job->extra = NULL;
	roster_free_locked(job);
}

void job_free_dead(ptj_job *job)
{
	job_extra_free(job->extra);
	job->extra = NULL;
}

static void release(struct ptj_scheduler *s)
{
	pending_destroy(&s->pending);
	roster_destroy(&s->roster);
	report_destroy(&s->report);
	pthread_attr_destroy(&s->thread_attr);
	free(s);
}

/* A mutex that was held when the process forked is left alone. */
void scheduler_release_dead(struct ptj_scheduler *s, size_t slots)
{
	monitor_assume();
	if (roster_forget(&s->roster, slots) == 0 && s->freed)
		release(s);
}

void scheduler_unlock(struct ptj_scheduler *s)
{
	bool last = s->freed && s->threads == 0 && roster_slots_in_use(&s->roster) == 0;

	monitor_unlock(&s->mu);
	if (!last)
		return;
	pthread_mutex_destroy(&s->pending.front.mu);
	monitor_destroy(&s->mu);
	release(s);
}

size_t ptj_scheduler_limit(const ptj_scheduler *s)
{
	return s ? s->limit : 0;
}

size_t ptj_scheduler_pending_limit(const ptj_scheduler *s)
{
	return s ? s->pending.limit : 0;
}

int64_t ptj_scheduler_close_timeout(const ptj_scheduler *s)
{
	return s ? s->close_timeout : 0;
}

int64_t ptj_scheduler_wait_timeout(const ptj_scheduler *s)
{
	return s ? s->wait_timeout : 0;
}

static bool is_usable(const struct ptj_scheduler *s)
{
	return s && !scheduler_is_dead(s);
}

/* The mutex is not part of what const promises. */
static size_t count_jobs(const struct ptj_scheduler *s, bool all)
{
	struct ptj_scheduler *locked = (struct ptj_scheduler *)(uintptr_t)s;
	size_t n;

	if (!is_usable(s))
		return 0;
	monitor_lock(&locked->mu);
	n = pending_count(&locked->pending);
	if (all)
		n += count_get(&locked->entered);
	monitor_unlock(&locked->mu);
	return n;
}

size_t ptj_scheduler_active_count(const ptj_scheduler *s)
{
	return is_usable(s) ? count_get(&s->active) : 0;
}

size_t ptj_scheduler_pending_count(const ptj_scheduler *s)
{
	return count_jobs(s, false);
}

size_t ptj_scheduler_len(const ptj_scheduler *s)
{
	return count_jobs(s, true);
}

size_t ptj_scheduler_shield_count(const ptj_scheduler *s)
{
	return is_usable(s) ? count_get(&s->shields) : 0;
}

int ptj_scheduler_closed(const ptj_scheduler *s)
{
	if (!s)
		return 0;
	return scheduler_is_dead(s) || scheduler_phase(s) != SCHEDULER_OPEN;
}

int ptj_scheduler_describe(ptj_scheduler *s, char *buf, size_t size)
{
	KEEP_ERRNO;

	if (!s || (!buf && size > 0))
		return 0;
	return snprintf(buf, size, "<Scheduler %sjobs=%zu>",
	                ptj_scheduler_closed(s) ? "closed " : "", ptj_scheduler_len(s));
}

ptj_exception_handler ptj_scheduler_get_exception_handler(ptj_scheduler *s, void **user)
{
	struct handler h;

	if (!is_usable(s))
		return NULL;
	h = report_handler(&s->report);
	if (user)
		*user = h.user;
	return h.fn;
}

int ptj_scheduler_set_exception_handler(ptj_scheduler *s, ptj_exception_handler handler, void *user)
{
	KEEP_ERRNO;

	if (!s)
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	return report_set_handler(&s->report, handler, user);
}

int ptj_scheduler_call_exception_handler(ptj_scheduler *s, const ptj_context *context)
{
	KEEP_ERRNO;
	struct inside frame = {.s = s};

	if (!s || !context)
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	inside_push(&frame);
	report_call(&s->report, s, context);
	inside_pop(&frame);
	return 0;
}
