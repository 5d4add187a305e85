/* Attributes and constants, with every failure in turn.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

#define LONG_NAME "a name that is longer than any buffer is likely to be"

static void hook(void *user)
{
	(void)user;
}

static void values(void)
{
	ptj_attr *attr = NULL, *copy = NULL;
	size_t n;
	int64_t ms;
	int i;

	attempt(ptj_attr_create(&attr));
	attempt(ptj_attr_set_limit(attr, 3));
	attempt(ptj_attr_get_limit(attr, &n));
	require(n == 3);
	attempt(ptj_attr_set_pending_limit(attr, 4));
	attempt(ptj_attr_get_pending_limit(attr, &n));
	require(n == 4);
	attempt(ptj_attr_set_close_timeout(attr, 5));
	attempt(ptj_attr_get_close_timeout(attr, &ms));
	require(ms == 5);
	attempt(ptj_attr_set_wait_timeout(attr, 6));
	attempt(ptj_attr_get_wait_timeout(attr, &ms));
	require(ms == 6);
	attempt(ptj_attr_set_idle_timeout(attr, 7));
	attempt(ptj_attr_get_idle_timeout(attr, &ms));
	require(ms == 7);
	attempt(ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_MASKED));
	attempt(ptj_attr_get_cancel_mode(attr, &i));
	require(i == PTJ_CANCEL_MASKED);
	attempt(ptj_attr_set_debug(attr, 1));
	attempt(ptj_attr_get_debug(attr, &i));
	require(i == 1);
	attempt(ptj_attr_set_name(attr, LONG_NAME));
	attempt(ptj_attr_copy(&copy, attr));
	attempt(ptj_attr_get_limit(copy, &n));
	require(n == 3);
	in_torture(ptj_attr_free(attr));
	in_torture(ptj_attr_free(copy));
}

/* A size that cannot be looked at is refused, and changes nothing. */
static void stack_size(void)
{
	enum { BYTES = 1 << 20 };
	ptj_attr *attr = NULL;
	size_t n;

	attempt(ptj_attr_create(&attr));
	attempt(ptj_attr_set_stack_size(attr, BYTES));
	attempt(ptj_attr_get_stack_size(attr, &n));
	require(n == BYTES);
	in_torture(ptj_attr_free(attr));
}

static void functions(void)
{
	ptj_attr *attr = NULL;
	ptj_exception_handler handler = NULL;
	ptj_thread_hook fn = NULL;
	void *user = NULL;

	attempt(ptj_attr_create(&attr));
	attempt(ptj_attr_set_exception_handler(attr, count_report, &released));
	attempt(ptj_attr_get_exception_handler(attr, &handler, &user));
	require(handler == count_report && user == &released);
	attempt(ptj_attr_set_thread_start(attr, hook, &reports));
	attempt(ptj_attr_get_thread_start(attr, &fn, &user));
	require(fn == hook && user == &reports);
	attempt(ptj_attr_set_thread_stop(attr, hook, &released));
	attempt(ptj_attr_get_thread_stop(attr, &fn, &user));
	require(fn == hook && user == &released);
	in_torture(ptj_attr_free(attr));
}

/* Either the new name is there, or the one before. */
static int set_name(ptj_attr *attr, const char *name)
{
	char before[64], after[64];
	int code;

	ptj_attr_get_name(attr, before, sizeof before);
	code = ptj_attr_set_name(attr, name);
	ptj_attr_get_name(attr, after, sizeof after);
	require(strcmp(after, code ? before : name) == 0);
	return code;
}

static void names(void)
{
	ptj_attr *attr = NULL;
	char name[64];

	attempt(ptj_attr_create(&attr));
	attempt(set_name(attr, "before"));
	attempt(set_name(attr, LONG_NAME));
	attempt(ptj_attr_set_name(attr, NULL));
	in_torture(require(ptj_attr_get_name(attr, name, sizeof name) == 6));
	require(strcmp(name, "ptjobs") == 0);
	attempt(set_name(attr, "after"));
	in_torture(ptj_attr_free(attr));
}

static void of_jobs(void)
{
	ptj_job_attr *attr = NULL;
	ptj_completions *queue = NULL;

	attempt(ptj_job_attr_create(&attr));
	attempt(ptj_job_attr_set_name(attr, LONG_NAME));
	attempt(ptj_job_attr_set_name(attr, "another"));
	attempt(ptj_job_attr_set_release(attr, count_release));
	attempt(ptj_job_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE));
	attempt(ptj_job_attr_set_explicit_result(attr, 1));
	attempt(ptj_completions_create(&queue, -1));
	attempt(ptj_job_attr_set_completions(attr, queue));
	in_torture(ptj_completions_free(queue));
	in_torture(ptj_job_attr_free(attr));
}

static void constants(void)
{
	int64_t value = 0;
	const char *text;

	attempt(ptj_constant("PTJ_DEFAULT", &value));
	require(value == PTJ_DEFAULT);
	attempt_for(ENOENT, ptj_constant("PTJ_NONE", &value));
	in_torture(require(ptj_version()));
	in_torture(text = ptj_strerror(EIO));
	require(text);
	if (!torture_has_struck(NO_ANSWER))
		require(strcmp(text, "Input/output error") == 0);
}

const struct scenario attr_scenarios[] = {
	{"attributes", values, 0},
	{"attributes: stack size", stack_size, 0},
	{"attributes: functions", functions, 0},
	{"attributes: names", names, 0},
	{"attributes of jobs", of_jobs, 0},
	{"constants", constants, 0},
	{.name = NULL},
};
