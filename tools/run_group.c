/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_group.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The fields up to the group fit: the longest is the name, of at most 64 bytes. */
#define STAT_MAX 256

#define ROOM_STEP 256

/* There is one /proc, so the last look at it is the file's own.  mu is held while looking, and is
   innermost. */
static struct {
	pthread_mutex_t mu;
	_Atomic uint64_t looks; /* how many have begun; changed under mu, read without */
	pid_t *groups;          /* guarded by mu: of each process that had not ended */
	size_t n;               /* guarded by mu */
	size_t room;            /* guarded by mu */
} last = {.mu = PTHREAD_MUTEX_INITIALIZER};

/* Reads a process's stat file: "12 (name) S 1 7 ...", where S is the state and 7 the group.
   0 for a process that has ended. */
static pid_t living_group(int proc, const char *pid)
{
	char path[sizeof(((struct dirent *)0)->d_name) + 8];
	char text[STAT_MAX + 1];
	char state, *rest;
	pid_t group;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/stat", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, STAT_MAX);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The name may have any character in it. */
	rest = strrchr(text, ')');
	if (!rest || sscanf(rest + 1, " %c %*d %d", &state, &group) != 2)
		return 0;
	return strchr("ZX", state) ? 0 : group;
}

static void add_locked(pid_t group)
{
	if (last.n == last.room) {
		pid_t *grown = realloc(last.groups, (last.room + ROOM_STEP) * sizeof(*grown));

		if (!grown)
			return;
		last.groups = grown;
		last.room += ROOM_STEP;
	}
	last.groups[last.n++] = group;
}

static void look_locked(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t group;

	last.n = 0;
	if (!proc)
		return;
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		group = living_group(dirfd(proc), entry->d_name);
		if (group)
			add_locked(group);
	}
	closedir(proc);
}

bool group_is_alive(pid_t group)
{
	/* Sequentially consistent, both: a look with a larger number has begun after this, so it
	   sees what has ended before.  run_signals.sh would find a job waiting in vain. */
	uint64_t asked = atomic_load(&last.looks);
	bool alive = false;

	pthread_mutex_lock(&last.mu);
	if (atomic_load(&last.looks) == asked) {
		atomic_fetch_add(&last.looks, 1);
		look_locked();
	}
	for (size_t i = 0; i < last.n && !alive; i++)
		alive = last.groups[i] == group;
	pthread_mutex_unlock(&last.mu);
	return alive;
}
