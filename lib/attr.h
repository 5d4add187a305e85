/* The settings of schedulers and of jobs: defaults, ranges, setters and getters.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef ATTR_H
#define ATTR_H

#include <ptjobs.h>
#include <stdbool.h>

/* A function of the program's for threads. */
struct hook {
	ptj_thread_hook fn; /* NULL: none */
	void *user;
};

struct ptj_attr {
	size_t limit;
	size_t pending_limit;
	int64_t close_timeout;
	int64_t wait_timeout;
	int64_t idle_timeout;
	ptj_exception_handler handler;
	void *handler_user;
	int cancel_mode;
	bool debug;
	size_t stack_size;
	struct hook thread_start;
	struct hook thread_stop;
	char *name; /* NULL for the default */
};

#define CANCEL_MODE_INHERITED (-1)

struct ptj_job_attr {
	char *name; /* NULL for the default */
	ptj_release_fn release;
	int cancel_mode; /* or CANCEL_MODE_INHERITED */
	bool explicit_result;
	ptj_completions *completions; /* a reference; NULL for none */
};

extern const struct ptj_attr attr_defaults;
extern const struct ptj_job_attr job_attr_defaults;

#define DEFAULT_SCHEDULER_NAME "ptjobs"

#endif
