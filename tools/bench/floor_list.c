/* A list under a mutex.  Nodes are used again, also under the mutex, and malloc() makes 1,024 of
   them at a time.  As with doze.h, one worker at most is being woken.

   SPDX-License-Identifier: Apache-2.0 */

#include "crew.h"
#include "floors.h"

#include <pthread.h>
#include <stdlib.h>

#define SLAB_NODES 1024

struct node {
	struct node *next;
	void *arg;
};

struct slab {
	struct slab *next;
	struct node nodes[SLAB_NODES];
};

static work_fn work; /* read-only while threads run */
static size_t limit; /* read-only while threads run; 0 for none */

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
/* The rest is guarded by mu. */
static struct node *first, **end = &first;
static struct node *spare;
static struct slab *slabs;
static size_t length, idle, blocked;
static bool waking, finished;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER; /* first or finished */
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;  /* length < limit */

static void add_slab_locked(void)
{
	struct slab *slab = malloc(sizeof(*slab));

	if (!slab)
		peer_fail("there is no memory for the list");
	slab->next = slabs;
	slabs = slab;
	for (size_t i = 0; i < SLAB_NODES; i++) {
		slab->nodes[i].next = spare;
		spare = &slab->nodes[i];
	}
}

static void wake_one_locked(void)
{
	if (idle == 0 || waking)
		return;
	waking = true;
	pthread_cond_signal(&ready);
}

static void spawn(void *arg)
{
	struct node *n;

	pthread_mutex_lock(&mu);
	while (limit && length >= limit) {
		blocked++;
		pthread_cond_wait(&room, &mu);
		blocked--;
	}
	if (!spare)
		add_slab_locked();
	n = spare;
	spare = n->next;
	*n = (struct node){.arg = arg};
	*end = n;
	end = &n->next;
	length++;
	wake_one_locked();
	pthread_mutex_unlock(&mu);
}

static void sleep_locked(void)
{
	idle++;
	while (!first && !finished) {
		pthread_cond_wait(&ready, &mu);
		/* Also where another worker was faster, or nobody would be woken any more. */
		waking = false;
	}
	idle--;
}

static void *take_locked(void)
{
	struct node *n = first;
	void *arg = n->arg;

	first = n->next;
	if (!first)
		end = &first;
	n->next = spare;
	spare = n;
	length--;
	if (first)
		wake_one_locked();
	/* Half of the line is worked off before the producers are let in again. */
	if (blocked && length == limit / 2)
		pthread_cond_broadcast(&room);
	return arg;
}

static void *run(void *unused)
{
	pthread_mutex_lock(&mu);
	for (;;) {
		void *arg;

		if (!first)
			sleep_locked();
		if (!first)
			break;
		arg = take_locked();
		pthread_mutex_unlock(&mu);
		work(arg);
		pthread_mutex_lock(&mu);
	}
	pthread_mutex_unlock(&mu);
	return unused;
}

static void open_list(const struct task *task, size_t jobs, work_fn fn)
{
	(void)jobs;
	work = fn;
	limit = task->pending_limit;
	crew_start(task->workers, run);
}

static void finish(void)
{
	pthread_mutex_lock(&mu);
	finished = true;
	pthread_cond_broadcast(&ready);
	pthread_mutex_unlock(&mu);
	crew_join();
	while (slabs) {
		struct slab *next = slabs->next;

		free(slabs);
		slabs = next;
	}
}

const struct peer floor_list = {
	.name = "list",
	.abilities = CAN_POOL | CAN_BOUND,
	.open = open_list,
	.spawn = spawn,
	.finish = finish,
};
