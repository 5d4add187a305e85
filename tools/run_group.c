/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_group.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The fields up to the group fit: the longest is the name, of at most 64 bytes. */
#define STAT_MAX 256

/* Reads a process's stat file: "12 (name) S 1 7 ...", where S is the state and 7 the group. */
static bool is_alive_in(int proc, const char *pid, pid_t group)
{
	char path[sizeof(((struct dirent *)0)->d_name) + 8];
	char text[STAT_MAX + 1];
	char state, *rest;
	ssize_t n;
	int fd, in;

	snprintf(path, sizeof(path), "%s/stat", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, STAT_MAX);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The name may have any character in it. */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %c %*d %d", &state, &in) != 2)
		return false;
	return in == group && !strchr("ZX", state);
}

bool group_is_alive(pid_t group)
{
	DIR *proc = opendir("/proc");
	bool alive = false;
	struct dirent *entry;

	if (!proc)
		return false;
	while (!alive && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			alive = is_alive_in(dirfd(proc), entry->d_name, group);
	}
	closedir(proc);
	return alive;
}
