/* The thread of a site that waits for descriptors: for clients that come, and for clients that
   leave while a job answers them.

   Why no source is used after its end.  Who removes one posts a task afterwards, on any thread, and
   tasks run on the loop's thread between two calls of epoll_wait(): when it runs, every event that
   was fetched has been handled, and none for that source is fetched any more.

   Discipline.  loop->mu guards the tasks.  It may be taken with a site's mu held, and nothing is
   locked while it is.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

struct loop;

struct source {
	void (*ready)(struct source *source, uint32_t events);
};

struct task {
	struct link link;
	void (*run)(struct task *task);
};

/* Starts the thread, which runs the task every, unless it is NULL, each period_ms, too.  ENOMEM,
   and what epoll_create1(2), eventfd(2) and pthread_create(3) say. */
int loop_start(struct loop **out, int period_ms, struct task *every);

/* Ends the thread when the tasks that were posted have run. */
void loop_stop(struct loop *loop);

/* Has ready called on the loop's thread for these events of epoll_ctl(2); what that says. */
int loop_add(struct loop *loop, int fd, uint32_t events, struct source *source);

/* The same with other events; false where the loop has none of that descriptor's, since it was
   closed. */
bool loop_change(struct loop *loop, int fd, uint32_t events, struct source *source);
void loop_remove(struct loop *loop, int fd);

/* Has the task run on the loop's thread, once. */
void loop_post(struct loop *loop, struct task *task);

#endif
