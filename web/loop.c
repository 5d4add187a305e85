/* SPDX-License-Identifier: Apache-2.0 */

#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

enum { EVENTS = 64 };

struct loop {
	int epoll;
	int bell; /* an eventfd: there are tasks, or the loop is to end */
	pthread_t thread;
	int period_ms;      /* read-only once the thread runs */
	struct task *every; /* the same; NULL for none */
	pthread_mutex_t mu;
	struct link tasks; /* guarded by mu */
	bool ending;       /* guarded by mu */
};

/* The counter has room for as many as there are tasks. */
static void ring(struct loop *loop)
{
	while (write(loop->bell, &(uint64_t){1}, sizeof(uint64_t)) < 0 && errno == EINTR)
		;
}

/* Runs what has been posted; false when the loop is to end. */
static bool run_tasks(struct loop *loop)
{
	bool ending;
	struct link *at;

	pthread_mutex_lock(&loop->mu);
	while ((at = list_pop(&loop->tasks)) != NULL) {
		struct task *task = container_of(at, struct task, link);

		pthread_mutex_unlock(&loop->mu);
		task->run(task);
		pthread_mutex_lock(&loop->mu);
	}
	ending = loop->ending;
	pthread_mutex_unlock(&loop->mu);
	return !ending;
}

static void handle(struct loop *loop, const struct epoll_event *event)
{
	struct source *source = event->data.ptr;
	uint64_t count;

	if (source)
		source->ready(source, event->events);
	else
		(void)!read(loop->bell, &count, sizeof(count));
}

static void *run(void *arg)
{
	struct loop *loop = arg;
	struct epoll_event events[EVENTS];
	int64_t next = loop->every ? clock_after(loop->period_ms) : CLOCK_NEVER;

	while (run_tasks(loop)) {
		int n, i;

		n = epoll_wait(loop->epoll, events, EVENTS, clock_poll(next));
		for (i = 0; i < n; i++)
			handle(loop, &events[i]);
		if (next != CLOCK_NEVER && clock_left(next) == 0) {
			loop->every->run(loop->every);
			next = clock_after(loop->period_ms);
		}
	}
	return NULL;
}

/* The thread takes no signal that is meant for the program. */
static int start_thread(struct loop *loop)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&loop->thread, NULL, run, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		pthread_setname_np(loop->thread, "ptj-web");
	return rc;
}

int loop_start(struct loop **out, int period_ms, struct task *every)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int rc;

	if (!loop)
		return ENOMEM;
	list_init(&loop->tasks);
	loop->period_ms = period_ms;
	loop->every = every;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = loop->epoll < 0 || loop->bell < 0 ? errno : pthread_mutex_init(&loop->mu, NULL);
	if (rc)
		goto no_mutex;
	rc = loop_add(loop, loop->bell, EPOLLIN, NULL);
	if (rc == 0)
		rc = start_thread(loop);
	if (rc == 0) {
		*out = loop;
		return 0;
	}
	pthread_mutex_destroy(&loop->mu);
no_mutex:
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->bell >= 0)
		close(loop->bell);
	free(loop);
	return rc;
}

void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->mu);
	loop->ending = true;
	pthread_mutex_unlock(&loop->mu);
	ring(loop);
	pthread_join(loop->thread, NULL);
	pthread_mutex_destroy(&loop->mu);
	close(loop->epoll);
	close(loop->bell);
	free(loop);
}

int loop_add(struct loop *loop, int fd, uint32_t events, struct source *source)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

bool loop_change(struct loop *loop, int fd, uint32_t events, struct source *source)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) == 0;
}

void loop_remove(struct loop *loop, int fd)
{
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void loop_post(struct loop *loop, struct task *task)
{
	pthread_mutex_lock(&loop->mu);
	list_append(&loop->tasks, &task->link);
	pthread_mutex_unlock(&loop->mu);
	ring(loop);
}
