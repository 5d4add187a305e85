/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "attr.h"

#include "completions.h"
#include "keep_errno.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct ptj_attr attr_defaults = {
	.limit = 100,
	.pending_limit = 10000,
	.close_timeout = 100,
	.wait_timeout = 60000,
	.idle_timeout = 10000,
	.cancel_mode = PTJ_CANCEL_DEFERRED,
};

const struct ptj_job_attr job_attr_defaults = {
	.cancel_mode = CANCEL_MODE_INHERITED,
};

static bool is_timeout(int64_t ms)
{
	return ms >= PTJ_INFINITE;
}

static bool is_cancel_mode(int mode)
{
	return mode >= PTJ_CANCEL_DEFERRED && mode <= PTJ_CANCEL_COOPERATIVE;
}

/* Replaces *held by a copy of name, or by NULL.  ENOMEM, and then nothing changed. */
static int set_string(char **held, const char *name)
{
	KEEP_ERRNO;
	char *copy = NULL;

	if (name && !(copy = strdup(name)))
		return ENOMEM;
	free(*held);
	*held = copy;
	return 0;
}

int ptj_attr_create(ptj_attr **out)
{
	KEEP_ERRNO;
	struct ptj_attr *attr;

	if (!out)
		return EINVAL;
	attr = malloc(sizeof(*attr));
	if (!attr)
		return ENOMEM;
	*attr = attr_defaults;
	*out = attr;
	return 0;
}

int ptj_attr_copy(ptj_attr **out, const ptj_attr *attr)
{
	KEEP_ERRNO;
	const struct ptj_attr *from = attr ? attr : &attr_defaults;
	struct ptj_attr *copy;

	if (!out)
		return EINVAL;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return ENOMEM;
	*copy = *from;
	copy->name = NULL;
	if (set_string(&copy->name, from->name)) {
		free(copy);
		return ENOMEM;
	}
	*out = copy;
	return 0;
}

void ptj_attr_free(ptj_attr *attr)
{
	if (!attr)
		return;
	free(attr->name);
	free(attr);
}

/* A setter and a getter for a field; valid says which values are allowed. */
#define ATTR_FIELD(field, type, valid)                            \
	int ptj_attr_set_##field(ptj_attr *attr, type value)      \
	{                                                         \
		if (!attr || !(valid))                            \
			return EINVAL;                            \
		attr->field = value;                              \
		return 0;                                         \
	}                                                         \
                                                                  \
	int ptj_attr_get_##field(const ptj_attr *attr, type *out) \
	{                                                         \
		if (!attr || !out)                                \
			return EINVAL;                            \
		*out = attr->field;                               \
		return 0;                                         \
	}

ATTR_FIELD(limit, size_t, true)
ATTR_FIELD(pending_limit, size_t, true)
ATTR_FIELD(close_timeout, int64_t, is_timeout(value))
ATTR_FIELD(wait_timeout, int64_t, is_timeout(value))
ATTR_FIELD(idle_timeout, int64_t, is_timeout(value))
ATTR_FIELD(cancel_mode, int, is_cancel_mode(value))
ATTR_FIELD(stack_size, size_t, value == 0 || value >= (size_t)sysconf(_SC_THREAD_STACK_MIN))

int ptj_attr_set_debug(ptj_attr *attr, int on)
{
	if (!attr)
		return EINVAL;
	attr->debug = on != 0;
	return 0;
}

int ptj_attr_get_debug(const ptj_attr *attr, int *out)
{
	if (!attr || !out)
		return EINVAL;
	*out = attr->debug;
	return 0;
}

int ptj_attr_set_exception_handler(ptj_attr *attr, ptj_exception_handler handler, void *user)
{
	if (!attr)
		return EINVAL;
	attr->handler = handler;
	attr->handler_user = user;
	return 0;
}

int ptj_attr_get_exception_handler(const ptj_attr *attr, ptj_exception_handler *handler,
                                   void **user)
{
	if (!attr)
		return EINVAL;
	if (handler)
		*handler = attr->handler;
	if (user)
		*user = attr->handler_user;
	return 0;
}

static void get_hook(const struct hook *hook, ptj_thread_hook *fn, void **user)
{
	if (fn)
		*fn = hook->fn;
	if (user)
		*user = hook->user;
}

int ptj_attr_set_thread_start(ptj_attr *attr, ptj_thread_hook fn, void *user)
{
	if (!attr)
		return EINVAL;
	attr->thread_start = (struct hook){fn, user};
	return 0;
}

int ptj_attr_get_thread_start(const ptj_attr *attr, ptj_thread_hook *fn, void **user)
{
	if (!attr)
		return EINVAL;
	get_hook(&attr->thread_start, fn, user);
	return 0;
}

int ptj_attr_set_thread_stop(ptj_attr *attr, ptj_thread_hook fn, void *user)
{
	if (!attr)
		return EINVAL;
	attr->thread_stop = (struct hook){fn, user};
	return 0;
}

int ptj_attr_get_thread_stop(const ptj_attr *attr, ptj_thread_hook *fn, void **user)
{
	if (!attr)
		return EINVAL;
	get_hook(&attr->thread_stop, fn, user);
	return 0;
}

int ptj_attr_set_name(ptj_attr *attr, const char *name)
{
	return attr ? set_string(&attr->name, name) : EINVAL;
}

int ptj_attr_get_name(const ptj_attr *attr, char *buf, size_t size)
{
	if (!attr || (!buf && size > 0))
		return 0;
	return snprintf(buf, size, "%s", attr->name ? attr->name : DEFAULT_SCHEDULER_NAME);
}

int ptj_job_attr_create(ptj_job_attr **out)
{
	KEEP_ERRNO;
	struct ptj_job_attr *attr;

	if (!out)
		return EINVAL;
	attr = malloc(sizeof(*attr));
	if (!attr)
		return ENOMEM;
	*attr = job_attr_defaults;
	*out = attr;
	return 0;
}

void ptj_job_attr_free(ptj_job_attr *attr)
{
	KEEP_ERRNO;

	if (!attr)
		return;
	if (attr->completions)
		completions_unref(attr->completions);
	free(attr->name);
	free(attr);
}

int ptj_job_attr_set_name(ptj_job_attr *attr, const char *name)
{
	return attr ? set_string(&attr->name, name) : EINVAL;
}

int ptj_job_attr_set_release(ptj_job_attr *attr, ptj_release_fn release)
{
	if (!attr)
		return EINVAL;
	attr->release = release;
	return 0;
}

int ptj_job_attr_set_cancel_mode(ptj_job_attr *attr, int mode)
{
	if (!attr || !is_cancel_mode(mode))
		return EINVAL;
	attr->cancel_mode = mode;
	return 0;
}

/* The reference keeps a queue that is freed first from being one that never was. */
int ptj_job_attr_set_completions(ptj_job_attr *attr, ptj_completions *completions)
{
	KEEP_ERRNO;

	if (!attr)
		return EINVAL;
	if (completions && completions_is_dead(completions))
		return ENOTRECOVERABLE;
	if (completions)
		completions_ref(completions);
	if (attr->completions)
		completions_unref(attr->completions);
	attr->completions = completions;
	return 0;
}

int ptj_job_attr_set_explicit_result(ptj_job_attr *attr, int on)
{
	if (!attr)
		return EINVAL;
	attr->explicit_result = on != 0;
	return 0;
}
