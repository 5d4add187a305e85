/* liburcu's wait-free queue, cds_wfcq: any producer appends without waiting, workers take turns
   with a mutex.  Nodes are not used again, since no worker could give one back to its producer
   without a second queue; each producer carves them from blocks of its own.

   SPDX-License-Identifier: Apache-2.0 */

#include "crew.h"
#include "doze.h"
#include "floors.h"

#include <stdlib.h>
#include <urcu/wfcqueue.h>

#define SLAB_NODES 1024

struct node {
	struct cds_wfcq_node link;
	void *arg;
};

static work_fn work; /* read-only while threads run */
static struct cds_wfcq_head head;
static struct cds_wfcq_tail tail;

static _Thread_local struct node *slab;
static _Thread_local size_t left;

static void spawn(void *arg)
{
	struct node *n;

	if (left == 0) {
		slab = malloc(SLAB_NODES * sizeof(*slab));
		if (!slab)
			peer_fail("there is no memory for the queue");
		left = SLAB_NODES;
	}
	n = &slab[--left];
	cds_wfcq_node_init(&n->link);
	n->arg = arg;
	cds_wfcq_enqueue(&head, &tail, &n->link);
	doze_wake_one();
}

static bool ready(void)
{
	return !cds_wfcq_empty(&head, &tail);
}

static void *run(void *unused)
{
	do {
		struct cds_wfcq_node *link;

		while ((link = cds_wfcq_dequeue_blocking(&head, &tail))) {
			void *arg = caa_container_of(link, struct node, link)->arg;

			if (ready())
				doze_wake_one();
			work(arg);
		}
	} while (doze(ready));
	return unused;
}

static void open_queue(const struct task *task, size_t jobs, work_fn fn)
{
	(void)jobs;
	work = fn;
	cds_wfcq_init(&head, &tail);
	crew_start(task->workers, run);
}

static void finish(void)
{
	doze_end();
	crew_join();
}

const struct peer floor_wfcq = {
	.name = "wfcq",
	.abilities = CAN_POOL,
	.open = open_queue,
	.spawn = spawn,
	.finish = finish,
};
