/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_clock.h"
#include "bench_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE 65536

extern char **environ;

static int start(char **args, pid_t *pid, int *reader)
{
	posix_spawn_file_actions_t actions;
	int ends[2];
	int rc;

	if (pipe2(ends, O_CLOEXEC))
		return errno;
	rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0) {
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
		rc = posix_spawn(pid, args[0], &actions, NULL, args, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[1]);
	if (rc)
		close(ends[0]);
	else
		*reader = ends[0];
	return rc;
}

/* Reads a piece; false at the end.  Whatever cannot be read is the end. */
static bool read_piece(int fd, FILE *to)
{
	char piece[PIECE];
	ssize_t n;

	do {
		n = read(fd, piece, sizeof(piece));
	} while (n < 0 && errno == EINTR);
	return n > 0 && fwrite(piece, 1, (size_t)n, to) == (size_t)n;
}

/* Reads all that the program writes until it has ended or the time has passed.  What a process
   that it leaves behind goes on to write is not waited for. */
static bool listen_until(int reader, int pid_fd, int64_t until, FILE *to)
{
	struct pollfd fds[] = {{.fd = reader, .events = POLLIN}, {.fd = pid_fd, .events = POLLIN}};

	for (;;) {
		int n = poll(fds, 2, clock_poll_timeout(until));

		if (n == 0)
			return false;
		if (n < 0)
			continue;
		if (fds[0].revents && !read_piece(reader, to))
			fds[0].fd = -1;
		else if (!fds[0].revents && fds[1].revents)
			return true;
	}
}

static int follow(pid_t pid, int reader, int64_t timeout_ms, FILE *to, int *status)
{
	int pid_fd = pidfd_open(pid, 0);
	int rc = pid_fd < 0 ? errno : 0;
	bool ended = rc == 0 && listen_until(reader, pid_fd, clock_after(timeout_ms), to);

	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		continue;
	if (!ended)
		*status = PROGRAM_TIMED_OUT;
	if (pid_fd >= 0)
		close(pid_fd);
	return rc;
}

int program_run(char **args, int64_t timeout_ms, char **output, int *status)
{
	size_t size;
	FILE *to = open_memstream(output, &size);
	int reader = -1, rc;
	pid_t pid = 0;

	if (!to)
		return errno;
	rc = start(args, &pid, &reader);
	if (rc == 0) {
		rc = follow(pid, reader, timeout_ms, to, status);
		close(reader);
	}
	if (fclose(to) && rc == 0)
		rc = ENOMEM;
	if (rc)
		free(*output);
	return rc;
}
