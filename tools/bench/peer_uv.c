/* libuv's uv_queue_work().  The process has one pool, and each producer a loop of its own, which
   hears of the end of its jobs; a request is the handle of its job.

   SPDX-License-Identifier: Apache-2.0 */

#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct request {
	uv_work_t work;
	bool kept; /* wait_handle() releases it */
	bool done; /* by the loop's thread */
};

static work_fn work; /* read-only while threads run */

static _Thread_local uv_loop_t loop;
static _Thread_local bool has_loop;

static void call(uv_work_t *w)
{
	work(w->data);
}

static void after(uv_work_t *w, int status)
{
	struct request *r = (struct request *)w;

	(void)status;
	r->done = true;
	if (!r->kept)
		free(r);
}

static void open_pool(const struct task *task, size_t jobs, work_fn fn)
{
	char threads[24];

	(void)jobs;
	work = fn;
	snprintf(threads, sizeof(threads), "%zu", task->workers);
	setenv("UV_THREADPOOL_SIZE", threads, 1);
}

static struct request *queue(void *arg, bool kept)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!has_loop && uv_loop_init(&loop))
		peer_fail("there is no loop");
	has_loop = true;
	if (!r)
		peer_fail("there is no memory for a request");
	r->kept = kept;
	r->work.data = arg;
	if (uv_queue_work(&loop, &r->work, call, after))
		peer_fail("a job cannot be queued");
	return r;
}

static void spawn(void *arg)
{
	queue(arg, false);
}

static void *spawn_handle(void *arg)
{
	return queue(arg, true);
}

static void wait_handle(void *handle)
{
	struct request *r = handle;

	while (!r->done)
		uv_run(&loop, UV_RUN_ONCE);
	free(r);
}

static void end_producer(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static void finish(void)
{
	uv_library_shutdown();
}

static const struct peer uv = {
	.name = "uv",
	.version = uv_version_string,
	.abilities = CAN_POOL | CAN_HANDLES,
	.open = open_pool,
	.spawn = spawn,
	.end_producer = end_producer,
	.finish = finish,
	.spawn_handle = spawn_handle,
	.wait_handle = wait_handle,
};

const struct peer *const peers[] = {&uv, NULL};
