/* Two threads that wake each other with a futex: no hand-over that sleeps is shorter.  There is
   one job at a time.

   SPDX-License-Identifier: Apache-2.0 */

#include "crew.h"
#include "floors.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EMPTY, FILLED, DONE, FINISHED };

static work_fn work;     /* read-only while threads run */
static void *argument;   /* the worker's while the state is FILLED, else the spawner's */
static atomic_int state; /* EMPTY or DONE -> FILLED by the spawner, FILLED -> DONE by the worker */

static void wake(int now)
{
	atomic_store_explicit(&state, now, memory_order_release);
	syscall(SYS_futex, &state, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static int wait_while(int a, int b)
{
	int now;

	while ((now = atomic_load_explicit(&state, memory_order_acquire)) == a || now == b)
		syscall(SYS_futex, &state, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
	return now;
}

static void *run(void *unused)
{
	while (wait_while(EMPTY, DONE) != FINISHED) {
		work(argument);
		wake(DONE);
	}
	return unused;
}

static void open_pair(const struct task *task, size_t jobs, work_fn fn)
{
	(void)task;
	(void)jobs;
	work = fn;
	crew_start(1, run);
}

static void *spawn_handle(void *arg)
{
	wait_while(FILLED, FILLED);
	argument = arg;
	wake(FILLED);
	return &state;
}

static void spawn(void *arg)
{
	spawn_handle(arg);
}

static void wait_handle(void *unused)
{
	(void)unused;
	wait_while(FILLED, FILLED);
}

static void finish(void)
{
	wait_handle(NULL);
	wake(FINISHED);
	crew_join();
}

const struct peer floor_futex = {
	.name = "futex",
	.abilities = CAN_ROUNDTRIP | CAN_START,
	.open = open_pair,
	.spawn = spawn,
	.finish = finish,
	.spawn_handle = spawn_handle,
	.wait_handle = wait_handle,
};
