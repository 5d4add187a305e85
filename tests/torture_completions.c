/* Completion queues, with every failure in turn.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static ptj_scheduler *s;
static ptj_job_attr *bound;
static ptj_completions *queue;

/* A scheduler, and attributes of jobs that go to a queue with that descriptor. */
static void begin(int fd)
{
	ptj_attr *attr = torture_attr();

	bound = NULL;
	queue = NULL;
	attempt(ptj_attr_set_limit(attr, 2));
	s = torture_scheduler(attr);
	attempt(ptj_completions_create(&queue, fd));
	attempt(ptj_job_attr_create(&bound));
	attempt(ptj_job_attr_set_completions(bound, queue));
}

static void end(void)
{
	in_torture(ptj_job_attr_free(bound));
	in_torture(ptj_completions_free(queue));
	torture_free(s);
}

static void take(int n)
{
	enum { AT_ONCE = 8 };
	ptj_job *jobs[AT_ONCE];
	size_t taken = 0;

	while (n > 0) {
		attempt(ptj_completions_take(queue, jobs, AT_ONCE, PTJ_INFINITE, &taken));
		require(taken > 0 && (int)taken <= n);
		n -= (int)taken;
		while (taken-- > 0) {
			attempt(ptj_job_wait(jobs[taken], 0, NULL));
			in_torture(ptj_job_unref(jobs[taken]));
		}
	}
}

static int is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void await_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, -1) != 1)
		continue;
}

static void plain(void)
{
	enum { JOBS = 20 };
	int i;

	begin(-1);
	for (i = 0; i < JOBS; i++)
		attempt(ptj_spawn_attr(s, bound, job_return, NULL, PTJ_INFINITE, NULL));
	take(JOBS);
	end();
}

static void times_out(void)
{
	ptj_job *none = NULL;
	size_t taken = 7;

	begin(-1);
	attempt_for(ETIMEDOUT, ptj_completions_take(queue, &none, 1, 0, &taken));
	attempt_for(ETIMEDOUT, ptj_completions_take(queue, &none, 1, 2, &taken));
	require(taken == 7 && !none);
	end();
}

static void descriptor(void)
{
	int fd;

	begin(-1);
	in_torture(fd = ptj_completions_fd(queue));
	require(fd >= 0 && !is_readable(fd));
	attempt(ptj_spawn_attr(s, bound, job_return, NULL, PTJ_INFINITE, NULL));
	await_readable(fd);
	take(1);
	require(!is_readable(fd));
	end();
}

/* Something is written to the program's descriptor, unless that cannot be. */
static void told(int write_end, int read_end)
{
	begin(write_end);
	in_torture(require(ptj_completions_fd(queue) == write_end));
	attempt(ptj_spawn_attr(s, bound, job_return, NULL, PTJ_INFINITE, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	require(is_readable(read_end) || torture_has_struck(NO_WRITING));
	take(1);
	end();
	close(write_end);
	if (read_end != write_end)
		close(read_end);
}

static void pipe_is_told(void)
{
	int fds[2];

	require(pipe2(fds, O_CLOEXEC) == 0);
	told(fds[1], fds[0]);
}

static void socket_is_told(void)
{
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	told(fds[0], fds[1]);
}

static void eventfd_is_told(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	require(fd >= 0);
	told(fd, fd);
}

static void helper_takes(void *arg)
{
	ptj_job *job = NULL;
	size_t taken = 0;

	(void)arg;
	attempt_elsewhere_for(0, ptj_completions_take(queue, &job, 1, PTJ_INFINITE, &taken));
	require(taken == 1);
	in_library(ptj_job_unref(job));
}

static void takers(void)
{
	enum { TAKERS = 3 };
	struct helper helpers[TAKERS];
	int i;

	begin(-1);
	for (i = 0; i < TAKERS; i++)
		helper_start(&helpers[i], helper_takes, NULL);
	for (i = 0; i < TAKERS; i++)
		attempt(ptj_spawn_attr(s, bound, job_return, NULL, PTJ_INFINITE, NULL));
	for (i = 0; i < TAKERS; i++)
		helper_join(&helpers[i]);
	end();
}

/* Within a job, whose permit is lent meanwhile. */
static void *job_takes(void *arg)
{
	ptj_job *child = NULL;
	size_t taken = 0;

	AS_USER;
	attempt_elsewhere_for(0, ptj_spawn_attr(s, bound, job_return, NULL, PTJ_INFINITE, NULL));
	attempt_elsewhere_for(0, ptj_completions_take(queue, &child, 1, PTJ_INFINITE, &taken));
	in_library(ptj_job_unref(child));
	AS_LIBRARY;
	return arg;
}

static void take_in_job(void)
{
	begin(-1);
	attempt(ptj_spawn(s, job_takes, NULL, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	end();
}

static void nobody_takes(void)
{
	begin(-1);
	attempt(ptj_spawn_attr(s, bound, job_return, NULL, PTJ_INFINITE, NULL));
	attempt(ptj_spawn_attr(s, bound, job_fail, NULL, PTJ_INFINITE, NULL));
	attempt(ptj_scheduler_wait(s, PTJ_INFINITE));
	require(atomic_load(&reports) == 0);
	end();
}

static void dropped_jobs_come(void)
{
	ptj_job *job = NULL;
	size_t taken = 0;

	begin(-1);
	attempt(ptj_spawn_external(s, bound, NULL, PTJ_INFINITE, NULL));
	attempt(ptj_scheduler_close(s));
	attempt(ptj_completions_take(queue, &job, 1, PTJ_INFINITE, &taken));
	attempt_for(ECANCELED, ptj_job_wait(job, 0, NULL));
	in_torture(ptj_job_unref(job));
	end();
}

const struct scenario completions_scenarios[] = {
	{"completions", plain, 0},
	{"completions: timeout", times_out, 0},
	{"completions: descriptor", descriptor, 0},
	{"completions: pipe", pipe_is_told, 0},
	{"completions: socket", socket_is_told, 0},
	{"completions: eventfd", eventfd_is_told, 0},
	{"completions: takers", takers, 0},
	{"completions: in a job", take_in_job, 1},
	{"completions: nobody takes", nobody_takes, 0},
	{"completions: dropped", dropped_jobs_come, 0},
	{.name = NULL},
};
