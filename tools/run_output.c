/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_output.h"
#include "run_screen.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int output_init(struct output *o, struct store *st, size_t window)
{
	*o = (struct output){.store = st, .window = window};
	if (window) {
		o->slots = calloc(window, sizeof(*o->slots));
		if (!o->slots)
			return ENOMEM;
	}
	pthread_mutex_init(&o->turn, NULL);
	pthread_mutex_init(&o->mu, NULL);
	pthread_cond_init(&o->room, NULL);
	return 0;
}

void output_destroy(struct output *o)
{
	free(o->slots);
	pthread_cond_destroy(&o->room);
	pthread_mutex_destroy(&o->mu);
	pthread_mutex_destroy(&o->turn);
}

bool output_admit(struct output *o, uint64_t job)
{
	bool closed;

	pthread_mutex_lock(&o->mu);
	while (!o->closed && o->window && job >= o->next + o->window)
		pthread_cond_wait(&o->room, &o->mu);
	closed = o->closed;
	pthread_mutex_unlock(&o->mu);
	return !closed;
}

void output_close(struct output *o)
{
	pthread_mutex_lock(&o->mu);
	o->closed = true;
	pthread_cond_signal(&o->room);
	pthread_mutex_unlock(&o->mu);
}

static int write_stream(struct output *o, struct capture *c, int fd)
{
	int rc;

	if (capture_is_empty(c))
		return 0;
	screen_take(fd);
	rc = capture_write(c, o->store, fd);
	screen_give(fd);
	return rc;
}

/* After a failure of standard output nothing more is written to it.  One of standard error stays
   without consequence: nobody could be told.  A job that wrote nothing waits for nobody, so that
   a close, which drops jobs that never ran, does not either. */
static int write_result(struct output *o, struct result *result)
{
	int error;

	if (capture_is_empty(&result->streams[0]) && capture_is_empty(&result->streams[1]))
		return 0;
	pthread_mutex_lock(&o->turn);
	if (o->error == 0)
		o->error = write_stream(o, &result->streams[0], STDOUT_FILENO);
	write_stream(o, &result->streams[1], STDERR_FILENO);
	error = o->error;
	pthread_mutex_unlock(&o->turn);
	for (int i = 0; i < 2; i++)
		capture_drop(&result->streams[i], o->store);
	return error;
}

/* Writes what is due until nothing is.  mu held; releases and reacquires it.  Meanwhile others
   fill slots, also the one that is due next, and leave them to this thread.  A slot is given up
   before its turn is over, but nobody is let in who would fill it. */
static int write_due_locked(struct output *o)
{
	struct slot *slot = &o->slots[o->next % o->window];
	int error = 0;

	o->writing = true;
	for (; slot->filled; slot = &o->slots[o->next % o->window]) {
		struct result result = slot->result;

		slot->filled = false;
		pthread_mutex_unlock(&o->mu);
		error = write_result(o, &result);
		pthread_mutex_lock(&o->mu);
		o->next++;
		pthread_cond_signal(&o->room);
	}
	o->writing = false;
	return error;
}

static bool is_due(struct output *o, uint64_t job)
{
	bool due;

	pthread_mutex_lock(&o->mu);
	due = job == o->next;
	pthread_mutex_unlock(&o->mu);
	return due;
}

static int put_in_order(struct output *o, uint64_t job, struct result *result)
{
	struct slot *slot = &o->slots[job % o->window];
	int error = 0;

	if (!is_due(o, job)) {
		for (int i = 0; i < 2; i++)
			capture_shelve(&result->streams[i], o->store);
	}
	pthread_mutex_lock(&o->mu);
	slot->filled = true;
	slot->result = *result;
	if (!o->writing)
		error = write_due_locked(o);
	pthread_mutex_unlock(&o->mu);
	return error;
}

int output_put(struct output *o, uint64_t job, struct result *result)
{
	return o->window ? put_in_order(o, job, result) : write_result(o, result);
}
