/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_child.h"
#include "run_clock.h"
#include "run_group.h"

#include <errno.h>
#include <poll.h>
#include <ptjobs.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* How often the group is looked at once its leader has ended, while the job is being closed. */
#define GROUP_MS 20

enum phase { RUNNING, ASKED, KILLED };

/* By the job's own thread only. */
struct child {
	const struct child_rules *rules;
	struct capture *streams; /* two */
	pid_t pid;
	int pid_fd;    /* readable once the command has ended */
	int cancel_fd; /* the library's; readable once the job is being closed */
	enum phase phase;
	int64_t until; /* when the phase ends by itself */
	bool exited;   /* but not reaped */
	bool timed_out;
};

static bool silent(const struct child *c)
{
	return c->streams[0].fd < 0 && c->streams[1].fd < 0;
}

static bool over(const struct child *c)
{
	switch (c->phase) {
	case RUNNING:
		return c->exited && silent(c);
	case ASKED:
		return c->exited && silent(c) && !group_is_alive(c->pid);
	case KILLED:
		break;
	}
	return c->exited;
}

/* A group that is stopped has to go on to see its SIGTERM. */
static void ask(struct child *c)
{
	kill(-c->pid, SIGTERM);
	kill(-c->pid, SIGCONT);
	c->phase = ASKED;
	c->until = clock_after(c->rules->close_ms);
}

static void advance(struct child *c)
{
	switch (c->phase) {
	case RUNNING:
		c->timed_out = true;
		ask(c);
		break;
	case ASKED:
		kill(-c->pid, SIGKILL);
		c->phase = KILLED;
		c->until = CLOCK_NEVER;
		break;
	case KILLED:
		break;
	}
}

/* As long as output comes, the end of the command is no news, unless the command was killed. */
static void wait_for_news(struct child *c)
{
	bool ending = !c->exited && (silent(c) || c->phase == KILLED);
	int64_t until = c->until;
	struct pollfd fds[] = {
		{.fd = c->streams[0].fd, .events = POLLIN},
		{.fd = c->streams[1].fd, .events = POLLIN},
		{.fd = c->phase == RUNNING ? c->cancel_fd : -1, .events = POLLIN},
		{.fd = ending ? c->pid_fd : -1, .events = POLLIN},
	};

	if (c->exited && silent(c) && until > clock_after(GROUP_MS))
		until = clock_after(GROUP_MS);
	if (poll(fds, sizeof(fds) / sizeof(fds[0]), clock_poll_timeout(until)) <= 0)
		return;
	for (int i = 0; i < 2; i++) {
		if (fds[i].revents)
			capture_read(&c->streams[i], c->rules->store);
	}
	if (fds[2].revents)
		ask(c);
	if (fds[3].revents)
		c->exited = true;
}

/* What is left of a group that was asked to end is killed before its number is given up. */
static siginfo_t reap(struct child *c)
{
	siginfo_t info;

	if (c->phase != RUNNING)
		kill(-c->pid, SIGKILL);
	while (waitid(P_PID, (id_t)c->pid, &info, WEXITED) && errno == EINTR)
		continue;
	for (int i = 0; i < 2; i++)
		capture_finish(&c->streams[i], c->rules->store);
	return info;
}

static struct child_outcome outcome(const struct child *c, const siginfo_t *info)
{
	struct child_outcome o = {.end = CHILD_SIGNALLED, .value = info->si_status};

	if (info->si_code == CLD_EXITED)
		o.end = CHILD_EXITED;
	if (c->timed_out)
		o.end = CHILD_TIMED_OUT;
	else if (c->phase != RUNNING && (o.end != CHILD_EXITED || o.value != 0))
		o.end = CHILD_CLOSED;
	return o;
}

/* Without the means to watch it the command is killed at once. */
static int watch(struct child *c)
{
	c->pid_fd = pidfd_open(c->pid, 0);
	if (c->pid_fd < 0)
		return errno;
	c->cancel_fd = ptj_job_cancel_fd();
	if (c->cancel_fd < 0)
		return EMFILE;
	c->until = clock_after(c->rules->timeout_ms);
	for (wait_for_news(c); !over(c); wait_for_news(c)) {
		if (clock_poll_timeout(c->until) == 0)
			advance(c);
	}
	return 0;
}

struct child_outcome child_run(const struct child_rules *rules, char *path, char **args,
                               struct result *result)
{
	struct child c = {.rules = rules, .streams = result->streams, .pid_fd = -1};
	siginfo_t info;
	int readers[2] = {-1, -1}, rc;

	rc = spawn_command(&rules->spawn, path, args, &c.pid, readers);
	if (rc)
		return (struct child_outcome){CHILD_NOT_STARTED, rc};
	c.streams[0].fd = readers[0];
	c.streams[1].fd = readers[1];
	rc = watch(&c);
	if (rc)
		c.phase = KILLED;
	info = reap(&c);
	if (c.pid_fd >= 0)
		close(c.pid_fd);
	if (rc)
		return (struct child_outcome){CHILD_NOT_STARTED, rc};
	return outcome(&c, &info);
}
