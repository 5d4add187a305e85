/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_command.h"
#include "run_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <ptjobs.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* While there are too many processes a start is tried again, after 10 ms, 20 ms and so on. */
#define RETRY_FIRST_MS 10
#define RETRY_LAST_MS 1000

int spawn_rules_init(struct spawn_rules *rules)
{
	static const int restored[] = {SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD};
	const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t defaults, mask;
	int rc;

	rules->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (rules->null_fd < 0)
		return errno;
	rc = posix_spawnattr_init(&rules->attr);
	if (rc) {
		close(rules->null_fd);
		return rc;
	}
	sigemptyset(&mask);
	sigemptyset(&defaults);
	for (size_t i = 0; i < sizeof(restored) / sizeof(restored[0]); i++)
		sigaddset(&defaults, restored[i]);
	posix_spawnattr_setflags(&rules->attr, flags);
	posix_spawnattr_setpgroup(&rules->attr, 0);
	posix_spawnattr_setsigmask(&rules->attr, &mask);
	posix_spawnattr_setsigdefault(&rules->attr, &defaults);
	return 0;
}

void spawn_rules_destroy(struct spawn_rules *rules)
{
	posix_spawnattr_destroy(&rules->attr);
	close(rules->null_fd);
}

static int set_actions(posix_spawn_file_actions_t *actions, const int fds[3])
{
	int rc = 0;

	for (int i = 0; i < 3 && rc == 0; i++)
		rc = posix_spawn_file_actions_adddup2(actions, fds[i], i);
	return rc;
}

static int spawn_once(const struct spawn_rules *rules, const posix_spawn_file_actions_t *actions,
                      char *path, char **args, pid_t *pid)
{
	int rc;

	if (!path && strchr(args[1], '/'))
		path = args[1];
	if (!path)
		return posix_spawnp(pid, args[1], actions, &rules->attr, args + 1, environ);
	rc = posix_spawn(pid, path, actions, &rules->attr, args + 1, environ);
	if (rc != ENOEXEC)
		return rc;
	args[1] = path;
	return posix_spawn(pid, COMMAND_SHELL, actions, &rules->attr, args, environ);
}

static int spawn_on(const struct spawn_rules *rules, const int fds[3], char *path, char **args,
                    pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int64_t wait = RETRY_FIRST_MS;
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc)
		return rc;
	rc = set_actions(&actions, fds);
	if (rc == 0)
		rc = spawn_once(rules, &actions, path, args, pid);
	for (; rc == EAGAIN && wait <= RETRY_LAST_MS && ptj_sleep(wait) == 0; wait *= 2)
		rc = spawn_once(rules, &actions, path, args, pid);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static void close_both(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

int spawn_command(const struct spawn_rules *rules, char *path, char **args, pid_t *pid,
                  int readers[2])
{
	int out[2], err[2], rc;

	if (pipe2(out, O_CLOEXEC))
		return errno;
	if (pipe2(err, O_CLOEXEC)) {
		rc = errno;
		close_both(out);
		return rc;
	}
	rc = spawn_on(rules, (const int[]){rules->null_fd, out[1], err[1]}, path, args, pid);
	close(out[1]);
	close(err[1]);
	readers[0] = out[0];
	readers[1] = err[0];
	if (rc)
		close_both(readers);
	return rc;
}
