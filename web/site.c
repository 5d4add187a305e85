/* SPDX-License-Identifier: Apache-2.0 */

#include "site.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"

/* Conditions that are waited for with deadlines on CLOCK_MONOTONIC. */
static int cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc;

	if (pthread_condattr_init(&attr))
		return ENOMEM;
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

struct site *site_create(void)
{
	struct site *site = calloc(1, sizeof(*site));

	if (!site)
		return NULL;
	site->refs = 1;
	list_init(&site->requests);
	list_init(&site->given_up);
	list_init(&site->inline_handlers);
	if (pthread_mutex_init(&site->mu, NULL))
		goto no_mutex;
	if (cond_init(&site->quiet))
		goto no_quiet;
	if (cond_init(&site->off))
		goto no_off;
	return site;
no_off:
	pthread_cond_destroy(&site->quiet);
no_quiet:
	pthread_mutex_destroy(&site->mu);
no_mutex:
	free(site);
	return NULL;
}

void site_ref_locked(struct site *site)
{
	site->refs++;
}

void site_unref_unlock(struct site *site)
{
	bool last = --site->refs == 0;

	site_unlock(site);
	if (!last)
		return;
	pthread_cond_destroy(&site->off);
	pthread_cond_destroy(&site->quiet);
	pthread_mutex_destroy(&site->mu);
	free(site);
}

void site_lock(struct site *site)
{
	pthread_mutex_lock(&site->mu);
}

void site_unlock(struct site *site)
{
	pthread_mutex_unlock(&site->mu);
}

bool site_is_dead(const struct site *site)
{
	pid_t owner = atomic_load_explicit(&site->owner, memory_order_relaxed);

	return owner && owner != getpid();
}

bool site_wait_locked(struct site *site, pthread_cond_t *cond, int64_t until)
{
	struct timespec ts = clock_timespec(until);

	if (until != CLOCK_NEVER)
		return pthread_cond_timedwait(cond, &site->mu, &ts) != ETIMEDOUT;
	pthread_cond_wait(cond, &site->mu);
	return true;
}

bool site_wait_requests_locked(struct site *site, int64_t until)
{
	while (site->request_count > 0)
		if (!site_wait_locked(site, &site->quiet, until))
			return site->request_count == 0;
	return true;
}

int site_pin(struct site *site)
{
	int rc = ESHUTDOWN;

	site_lock(site);
	if (site->state == SITE_OPEN || site->state == SITE_DRAINING) {
		site->pins++;
		rc = 0;
	}
	site_unlock(site);
	return rc;
}

void site_unpin(struct site *site)
{
	site_lock(site);
	if (--site->pins == 0)
		pthread_cond_broadcast(&site->quiet);
	site_unlock(site);
}

void site_enter(struct site *site, struct inline_handler *frame)
{
	frame->thread = pthread_self();
	site_lock(site);
	list_append(&site->inline_handlers, &frame->link);
	site_unlock(site);
}

void site_leave(struct site *site, struct inline_handler *frame)
{
	site_lock(site);
	list_remove(&frame->link);
	site_unlock(site);
}

bool site_is_inside(struct site *site)
{
	struct link *at;
	bool inside = false;

	site_lock(site);
	for (at = site->inline_handlers.next; at != &site->inline_handlers; at = at->next) {
		struct inline_handler *frame = container_of(at, struct inline_handler, link);

		inside |= pthread_equal(frame->thread, pthread_self()) != 0;
	}
	site_unlock(site);
	return inside;
}

void site_log(struct site *site, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!site->log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	site->log(line, site->log_user);
}
