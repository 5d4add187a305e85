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
	pthread_mutex_init(&o->mu, NULL);
	pthread_cond_init(&o->room, NULL);
	return 0;
}

void output_destroy(struct output *o)
{
	free(o->slots);
	pthread_cond_destroy(&o->room);
	pthread_mutex_destroy(&o->mu);
}

void output_admit(struct output *o, uint64_t job)
{
	if (!o->window)
		return;
	pthread_mutex_lock(&o->mu);
	while (job >= o->next + o->window)
		pthread_cond_wait(&o->room, &o->mu);
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
   without consequence: nobody could be told. */
static void write_result_locked(struct output *o, struct result *result)
{
	if (o->error == 0)
		o->error = write_stream(o, &result->streams[0], STDOUT_FILENO);
	write_stream(o, &result->streams[1], STDERR_FILENO);
	for (int i = 0; i < 2; i++)
		capture_drop(&result->streams[i], o->store);
}

static struct slot *due_locked(struct output *o)
{
	return &o->slots[o->next % o->window];
}

static void put_in_order_locked(struct output *o, uint64_t job, struct result *result)
{
	struct slot *slot = &o->slots[job % o->window];

	slot->filled = true;
	slot->result = *result;
	if (job != o->next) {
		for (int i = 0; i < 2; i++)
			capture_shelve(&slot->result.streams[i], o->store);
		return;
	}
	for (slot = due_locked(o); slot->filled; slot = due_locked(o)) {
		write_result_locked(o, &slot->result);
		slot->filled = false;
		o->next++;
	}
	pthread_cond_signal(&o->room);
}

int output_put(struct output *o, uint64_t job, struct result *result)
{
	int error;

	pthread_mutex_lock(&o->mu);
	if (o->window)
		put_in_order_locked(o, job, result);
	else
		write_result_locked(o, result);
	error = o->error;
	pthread_mutex_unlock(&o->mu);
	return error;
}

void output_skip(struct output *o, uint64_t job)
{
	struct result nothing = {{CAPTURE_EMPTY, CAPTURE_EMPTY}};

	output_put(o, job, &nothing);
}

int output_error(struct output *o)
{
	int error;

	pthread_mutex_lock(&o->mu);
	error = o->error;
	pthread_mutex_unlock(&o->mu);
	return error;
}
