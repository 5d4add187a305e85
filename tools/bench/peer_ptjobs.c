/* ptjobs, through its public interface.

   SPDX-License-Identifier: Apache-2.0 */

#include "peer.h"

#include <ptjobs.h>

static ptj_scheduler *scheduler;
static work_fn work;

static void open_pool(const struct task *task, size_t jobs, work_fn fn)
{
	ptj_attr *attr;

	(void)jobs;
	work = fn;
	if (ptj_attr_create(&attr) || ptj_attr_set_limit(attr, task->workers) ||
	    ptj_attr_set_pending_limit(attr, task->pending_limit) ||
	    ptj_scheduler_create(&scheduler, attr))
		peer_fail("there is no scheduler");
	ptj_attr_free(attr);
}

static void spawn(void *arg)
{
	if (ptj_spawn(scheduler, work, arg, NULL))
		peer_fail("a job cannot be spawned");
}

static void finish(void)
{
	ptj_scheduler_wait(scheduler, PTJ_INFINITE);
	ptj_scheduler_free(scheduler);
}

static void *spawn_handle(void *arg)
{
	ptj_job *job;

	if (ptj_spawn(scheduler, work, arg, &job))
		peer_fail("a job cannot be spawned");
	return job;
}

static void wait_handle(void *job)
{
	if (ptj_job_wait(job, PTJ_INFINITE, NULL))
		peer_fail("a job cannot be waited for");
	ptj_job_unref(job);
}

static void cancel_handle(void *job)
{
	if (ptj_job_close(job, PTJ_INFINITE))
		peer_fail("a job cannot be closed");
	ptj_job_unref(job);
}

static void close_pool(void)
{
	ptj_scheduler_close(scheduler);
	ptj_scheduler_free(scheduler);
}

static const struct peer ptjobs = {
	.name = "ptjobs",
	.version = ptj_version,
	.abilities = CAN_POOL | CAN_HANDLES | CAN_CLOSE | CAN_CANCEL | CAN_BOUND,
	.open = open_pool,
	.spawn = spawn,
	.finish = finish,
	.spawn_handle = spawn_handle,
	.wait_handle = wait_handle,
	.cancel_handle = cancel_handle,
	.close = close_pool,
};

const struct peer *const peers[] = {&ptjobs, NULL};
