/* GLib's GThreadPool, with threads of its own (exclusive).  It has no handles and no pending limit,
   and its jobs cannot be cancelled.

   SPDX-License-Identifier: Apache-2.0 */

#include "gate.h"
#include "peer.h"

#include <glib.h>

static GThreadPool *pool;
static work_fn work;

static void call(gpointer data, gpointer user)
{
	(void)user;
	work(data);
}

static const char *version(void)
{
	static char text[32];

	g_snprintf(text, sizeof(text), "%u.%u.%u", glib_major_version, glib_minor_version,
	           glib_micro_version);
	return text;
}

static void open_pool(const struct task *task, size_t jobs, work_fn fn)
{
	(void)jobs;
	work = fn;
	pool = g_thread_pool_new(call, NULL, (gint)task->workers, TRUE, NULL);
	if (!pool)
		peer_fail("there is no pool");
}

static void spawn(void *arg)
{
	g_thread_pool_push(pool, arg, NULL);
}

static void finish(void)
{
	g_thread_pool_free(pool, FALSE, TRUE);
}

/* The pending jobs are dropped, but for those that a worker takes before the second call. */
static void close_pool(void)
{
	gate_open();
	g_thread_pool_free(pool, TRUE, TRUE);
}

static const struct peer glib = {
	.name = "glib",
	.version = version,
	.abilities = CAN_POOL | CAN_CLOSE,
	.open = open_pool,
	.spawn = spawn,
	.finish = finish,
	.close = close_pool,
};

const struct peer *const peers[] = {&glib, NULL};
