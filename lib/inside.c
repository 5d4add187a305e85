/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "inside.h"

#include "fork.h"
#include "per_thread.h"

#include <pthread.h>

static PER_THREAD struct inside *innermost;

/* A frame that came over a fork says nothing about this process. */
static struct inside *first(void)
{
	return innermost && innermost->generation == fork_generation() ? innermost : NULL;
}

void inside_push(struct inside *frame)
{
	frame->generation = fork_generation();
	frame->outer = first();
	innermost = frame;
}

void inside_pop(struct inside *frame)
{
	innermost = frame->outer;
}

void inside_returned(const struct inside *frame)
{
	if (frame->generation == fork_generation())
		return;
	innermost = NULL;
	pthread_exit(NULL);
}

void inside_pop_cleanup(void *frame)
{
	inside_pop(frame);
}

bool inside_scheduler(const struct ptj_scheduler *s)
{
	struct inside *frame;

	for (frame = first(); frame; frame = frame->outer)
		if (frame->s == s)
			return true;
	return false;
}

bool inside_job(const ptj_job *job)
{
	struct inside *frame;

	for (frame = first(); frame; frame = frame->outer)
		if (frame->self == job || frame->about == job)
			return true;
	return false;
}

ptj_job *inside_self(void)
{
	struct inside *frame = first();

	return frame ? frame->self : NULL;
}

bool inside_callback(void)
{
	struct inside *frame = first();

	return frame && frame->kind == INSIDE_CALLBACK;
}

/* The frame of the worker that this thread is, while it has a job; NULL: none. */
static struct inside *worker_frame(void)
{
	struct inside *frame;

	for (frame = first(); frame; frame = frame->outer)
		if (frame->parker)
			return frame->self || frame->about ? frame : NULL;
	return NULL;
}

/* A callback or a report runs beside its job, and stops nobody if it blocks. */
static const ptj_job *held_up(const struct inside *frame)
{
	if (frame->self)
		return frame->self;
	return frame->kind == INSIDE_JOB || frame->kind == INSIDE_END ? frame->about : NULL;
}

struct inside *inside_lender(void)
{
	struct inside *frame;

	for (frame = first(); frame; frame = frame->outer)
		if (held_up(frame) && job_has(held_up(frame), JOB_PERMIT))
			return frame;
	return NULL;
}

struct ptj_scheduler *inside_home(void)
{
	struct inside *frame = inside_lender();

	if (!frame)
		frame = first();
	return frame ? frame->s : NULL;
}

/* What is called at another job's end, or for it, on this job's thread is not the job's own. */
bool inside_interrupted(void)
{
	struct inside *frame;

	for (frame = first(); frame && frame->kind != INSIDE_END && frame->kind != INSIDE_CALLBACK;
	     frame = frame->outer)
		if (frame->self)
			return job_has(frame->self, JOB_CLOSING) &&
			       job_cancel_mode(frame->self) == PTJ_CANCEL_COOPERATIVE;
	return false;
}

struct parker *inside_parker(struct parker *own)
{
	struct inside *worker = worker_frame();

	if (worker)
		return worker->parker;
	parker_init(own);
	return own;
}

void inside_parker_done(struct parker *parker, struct parker *own)
{
	if (parker == own)
		parker_destroy(own);
}
