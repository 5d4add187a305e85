/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "blueprint.h"

#include "attr.h"
#include "completions.h"

#include <errno.h>
#include <string.h>
#ifdef HAVE_BACKTRACE
#include <execinfo.h>
#endif

#define TRACEBACK_MAX 64

void blueprint_discard(struct blueprint *b)
{
	job_extra_free(b->extra);
	b->extra = NULL;
}

/* backtrace() may load libgcc when it is first called, which is a cancellation point. */
static size_t take_traceback(void **frames)
{
#ifdef HAVE_BACKTRACE
	int n, cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	n = backtrace(frames, TRACEBACK_MAX);
	pthread_setcancelstate(cancel_state, NULL);
	return n > 0 ? (size_t)n : 0;
#else
	(void)frames;
	return 0;
#endif
}

static int make_extra(struct blueprint *b, const ptj_job_attr *attr, bool debug) LOCKS_UNCHECKED
{
	void *frames[TRACEBACK_MAX];
	size_t n = debug ? take_traceback(frames) : 0;
	struct job_extra *extra;

	b->extra = extra = job_extra_create(n);
	if (!extra)
		return ENOMEM;
	if (n > 0)
		memcpy(extra->traceback, frames, n * sizeof(frames[0]));
	extra->release = attr->release;
	if (attr->name && !(extra->name = strdup(attr->name))) {
		blueprint_discard(b);
		return ENOMEM;
	}
	b->flags |= JOB_EXTRA;
	return 0;
}

static int check_completions(const struct ptj_completions *c)
{
	if (completions_is_dead(c))
		return ENOTRECOVERABLE;
	return completions_are_freed(c) ? EINVAL : 0;
}

int blueprint_init(struct blueprint *b, struct ptj_scheduler *s, const ptj_job_attr *attr,
                   ptj_job_fn fn, void *arg)
{
	int rc, mode;

	if (!attr)
		attr = &job_attr_defaults;
	if (attr->completions && (rc = check_completions(attr->completions)))
		return rc;
	b->completions = attr->completions;
	mode = attr->cancel_mode == CANCEL_MODE_INHERITED ? s->cancel_mode : attr->cancel_mode;
	b->fn = fn;
	b->arg = arg;
	b->flags = (uint32_t)mode << JOB_MODE_SHIFT;
	if (attr->explicit_result)
		b->flags |= JOB_EXPLICIT;
	b->extra = NULL;
	if (!attr->name && !attr->release && !s->debug)
		return 0;
	return make_extra(b, attr, s->debug);
}

void blueprint_build(struct blueprint *b, ptj_job *slot, uint64_t id, uint32_t phase, uint32_t refs)
{
	slot->outcome.fn = b->fn;
	slot->arg = b->arg;
	slot->extra = b->extra;
	slot->completions = b->completions;
	list_init(&slot->at.link);
	slot->id = id;
	atomic_store_explicit(&slot->state, b->flags | phase, memory_order_relaxed);
	if (b->completions) {
		completions_ref(b->completions);
		refs++;
	}
	roster_publish(slot, refs);
}
