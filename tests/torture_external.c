/* External jobs, with every failure in turn.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

#include <poll.h>

static char value[] = "value";

static int is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static ptj_scheduler *s;
static ptj_job *job;

static void begin(void)
{
	ptj_job *handed_out = NULL;

	s = torture_scheduler(NULL);
	job = NULL;
	torture_watch(s);
	attempt(ptj_spawn_external(s, NULL, value, PTJ_INFINITE, &job));
	attempt(ptj_external_next(s, PTJ_INFINITE, &handed_out));
	require(handed_out == job);
	torture_watch(NULL);
	in_torture(ptj_job_unref(handed_out));
}

static void end(void)
{
	in_torture(ptj_job_unref(job));
	torture_free(s);
}

static void success(void)
{
	void *result = NULL;

	begin();
	in_torture(require(ptj_job_arg(job) == value));
	attempt(ptj_job_finish(job, 0, NULL, value));
	attempt(ptj_job_wait(job, PTJ_INFINITE, &result));
	require(result == value);
	attempt_for(EALREADY, ptj_job_finish(job, 0, NULL, NULL));
	end();
}

static void failure(void)
{
	const char *message;

	begin();
	attempt(ptj_job_finish(job, EIO, "a message that may be dropped", NULL));
	attempt_for(PTJ_EFAILED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	in_torture(message = ptj_job_error_message(job));
	require(message || torture_has_struck(NO_MEMORY));
	end();
}

static void with_attributes(void)
{
	ptj_job_attr *ja = NULL;

	s = torture_scheduler(NULL);
	job = NULL;
	attempt(ptj_job_attr_create(&ja));
	attempt(ptj_job_attr_set_name(ja, "a name that is longer than any buffer may be"));
	attempt(ptj_job_attr_set_release(ja, count_release));
	torture_watch(s);
	attempt(ptj_spawn_external(s, ja, value, PTJ_INFINITE, NULL));
	attempt(ptj_external_next(s, 0, &job));
	torture_watch(NULL);
	in_torture(ptj_job_attr_free(ja));
	attempt(ptj_job_finish(job, 0, NULL, NULL));
	require(atomic_load(&released) == 1);
	end();
}

/* -1 where none can be had. */
static int fd_of_scheduler(void)
{
	int fd;

	in_torture(fd = ptj_external_fd(s));
	if (fd >= 0)
		return fd;
	require(torture_has_struck(NO_DESCRIPTOR));
	fault_disarm(NO_DESCRIPTOR);
	in_torture(fd = ptj_external_fd(s));
	require(fd >= 0);
	return fd;
}

static void descriptor(void)
{
	ptj_job *other = NULL;
	int fd;

	begin();
	fd = fd_of_scheduler();
	require(!is_readable(fd));
	attempt(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	require(is_readable(fd));
	attempt(ptj_external_next(s, 0, &other));
	require(!is_readable(fd));
	attempt_for(ETIMEDOUT, ptj_external_next(s, 2, &other));
	attempt(ptj_job_finish(other, 0, NULL, NULL));
	attempt(ptj_job_finish(job, 0, NULL, NULL));
	in_torture(ptj_job_unref(other));
	end();
}

static int cancel_fd(void)
{
	int fd;

	in_torture(fd = ptj_external_cancel_fd(job));
	if (fd >= 0)
		return fd;
	require(torture_has_struck(NO_DESCRIPTOR) || torture_has_struck(NO_MEMORY));
	fault_disarm(NO_DESCRIPTOR);
	fault_disarm(NO_MEMORY);
	in_torture(fd = ptj_external_cancel_fd(job));
	require(fd >= 0);
	return fd;
}

static void close_is_told(void)
{
	int fd;

	begin();
	fd = cancel_fd();
	attempt(ptj_external_on_cancel(job, count_release, NULL));
	attempt_for(ETIMEDOUT, ptj_job_close(job, 0));
	require(is_readable(fd));
	require(atomic_load(&released) == 1);
	attempt(ptj_job_finish(job, ECANCELED, NULL, NULL));
	attempt_for(ECANCELED, ptj_job_wait(job, 0, NULL));
	end();
}

static void host(void *arg)
{
	ptj_job *mine = NULL;

	(void)arg;
	attempt_elsewhere_for(0, ptj_external_next(s, PTJ_INFINITE, &mine));
	attempt_elsewhere_for(0, ptj_job_finish(mine, 0, NULL, NULL));
	in_library(ptj_job_unref(mine));
}

/* Hosts ask for jobs that are not there yet. */
static void hosts(void)
{
	enum { HOSTS = 3 };
	struct helper helpers[HOSTS];
	int i;

	s = torture_scheduler(NULL);
	job = NULL;
	for (i = 0; i < HOSTS; i++)
		helper_start(&helpers[i], host, NULL);
	for (i = 0; i < HOSTS; i++)
		attempt(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	for (i = 0; i < HOSTS; i++)
		helper_join(&helpers[i]);
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	end();
}

static void turned_away(void *arg)
{
	ptj_job *none = NULL;

	(void)arg;
	attempt_elsewhere_for(ESHUTDOWN, ptj_external_next(s, PTJ_INFINITE, &none));
}

/* One that nobody asked for is dropped. */
static void close_scheduler(void)
{
	struct helper h;

	s = torture_scheduler(NULL);
	job = NULL;
	helper_start(&h, turned_away, NULL);
	attempt(ptj_scheduler_close(s));
	helper_join(&h);
	end();
}

static void dropped(void)
{
	s = torture_scheduler(NULL);
	job = NULL;
	attempt(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, &job));
	attempt(ptj_scheduler_close(s));
	attempt_for(ECANCELED, ptj_job_wait(job, 0, NULL));
	attempt_for(EALREADY, ptj_job_finish(job, 0, NULL, NULL));
	end();
}

const struct scenario external_scenarios[] = {
	{"external", success, 0},
	{"external: failure", failure, 0},
	{"external: attributes", with_attributes, 0},
	{"external: descriptor", descriptor, 0},
	{"external: close is told", close_is_told, 0},
	{"external: hosts", hosts, 0},
	{"external: close", close_scheduler, 0},
	{"external: dropped", dropped, 0},
	{.name = NULL},
};
