/* APR-util's thread pool.  It cannot wait for all jobs, so they are counted.

   SPDX-License-Identifier: Apache-2.0 */

#include "count.h"
#include "gate.h"
#include "peer.h"

#include <apr_general.h>
#include <apr_thread_pool.h>
#include <apu_version.h>

static apr_thread_pool_t *pool;
static work_fn work; /* read-only while threads run */

static void *APR_THREAD_FUNC call(apr_thread_t *thread, void *arg)
{
	(void)thread;
	work(arg);
	count_one();
	return NULL;
}

static void open_pool(const struct task *task, size_t jobs, work_fn fn)
{
	apr_pool_t *memory;

	work = fn;
	count_start(jobs);
	if (apr_initialize() || apr_pool_create(&memory, NULL) ||
	    apr_thread_pool_create(&pool, task->workers, task->workers, memory))
		peer_fail("there is no pool");
}

static void spawn(void *arg)
{
	if (apr_thread_pool_push(pool, call, arg, APR_THREAD_TASK_PRIORITY_NORMAL, NULL))
		peer_fail("a job cannot be pushed");
}

/* The pool is left to the end of the process: to destroy it takes 20 ms and more, in which it
   sleeps between looks at its threads, and that would be measured. */
static void finish(void)
{
	count_wait();
}

static void close_pool(void)
{
	gate_open();
	apr_thread_pool_destroy(pool);
}

static const struct peer apr = {
	.name = "apr",
	.version = apu_version_string,
	.abilities = CAN_POOL | CAN_CLOSE,
	.open = open_pool,
	.spawn = spawn,
	.finish = finish,
	.close = close_pool,
};

const struct peer *const peers[] = {&apr, NULL};
