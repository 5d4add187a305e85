/* The jobs of a scheduler, as a collection.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "inside.h"
#include "keep_errno.h"
#include "scheduler.h"

static bool is_listed(const ptj_job *job)
{
	uint32_t state = job_state(job);

	return (state & JOB_PHASE) != JOB_ENDED && !(state & (JOB_SHIELD | JOB_STRAGGLER));
}

int ptj_scheduler_contains(const ptj_scheduler *s, const ptj_job *job)
{
	return s && job && !scheduler_is_dead(s) && scheduler_of(job) == s && is_listed(job);
}

struct foreach {
	struct ptj_scheduler *s;
	int (*visit)(ptj_job *job, void *user);
	void *user;
};

static int visit_one(ptj_job *job, void *user)
{
	struct foreach *each = user;
	struct inside frame = {.s = each->s};
	int rc;

	if (!is_listed(job))
		return 0;
	inside_push(&frame);
	pthread_cleanup_push(inside_pop_cleanup, &frame);
	rc = each->visit(job, each->user);
	pthread_cleanup_pop(1);
	/* In the child of a fork within it there is nothing more to visit. */
	return rc == 0 && scheduler_is_dead(each->s) ? ENOTRECOVERABLE : rc;
}

int ptj_scheduler_foreach(ptj_scheduler *s, int (*visit)(ptj_job *job, void *user), void *user)
{
	KEEP_ERRNO;
	struct foreach each = {.s = s, .visit = visit, .user = user};

	if (!s || !visit)
		return EINVAL;
	if (scheduler_is_dead(s))
		return ENOTRECOVERABLE;
	return roster_visit(&s->roster, visit_one, &each, ptj_job_unref);
}

struct collection {
	ptj_job **jobs;
	size_t n;
	size_t room;
};

static int collect(ptj_job *job, void *user)
{
	struct collection *c = user;

	if (c->n == c->room)
		return 1;
	if (is_listed(job))
		c->jobs[c->n++] = ptj_job_ref(job);
	return 0;
}

size_t ptj_scheduler_jobs(ptj_scheduler *s, ptj_job **jobs, size_t n)
{
	KEEP_ERRNO;
	struct collection c = {.jobs = jobs, .room = n};

	if (!s || !jobs || scheduler_is_dead(s))
		return 0;
	roster_visit(&s->roster, collect, &c, ptj_job_unref);
	return c.n;
}
