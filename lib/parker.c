/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "parker.h"

void parker_init(struct parker *p)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->cond, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&p->mu, NULL);
	p->woken = false;
}

void parker_destroy(struct parker *p)
{
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->mu);
}

void parker_wake(struct parker *p)
{
	mutex_lock(&p->mu);
	p->woken = true;
	pthread_cond_signal(&p->cond);
	mutex_unlock(&p->mu);
}

static void unlock(void *mu)
{
	mutex_unlock(mu);
}

void parker_park(struct parker *p, deadline until)
{
	struct timespec at = deadline_timespec(until);
	int rc = 0;

	mutex_lock(&p->mu);
	pthread_cleanup_push(unlock, &p->mu);
	while (!p->woken && rc == 0) {
		if (until == DEADLINE_NEVER)
			rc = pthread_cond_wait(&p->cond, &p->mu);
		else
			rc = pthread_cond_timedwait(&p->cond, &p->mu, &at);
	}
	p->woken = false;
	pthread_cleanup_pop(1);
}
