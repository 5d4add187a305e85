/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STORE_PATH_MAX 4096
#define FREE_STEP 64

void store_init(struct store *st)
{
	*st = (struct store){.fd = -1};
	pthread_mutex_init(&st->mu, NULL);
}

void store_destroy(struct store *st)
{
	if (st->fd >= 0)
		close(st->fd);
	free(st->free);
	pthread_mutex_destroy(&st->mu);
}

/* Some file systems have no O_TMPFILE; there the name goes at once. */
static int open_unlinked(void)
{
	const char *dir = getenv("TMPDIR");
	char path[STORE_PATH_MAX];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/ptjobs.XXXXXX", dir) >= sizeof(path))
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* Makes room for one more chunk, in the file and among the free ones, so that giving it back
   cannot fail. */
static int grow_locked(struct store *st)
{
	uint32_t *grown;

	if (st->fd < 0) {
		st->fd = open_unlinked();
		if (st->fd < 0)
			return errno;
	}
	if (st->used < st->room)
		return 0;
	grown = realloc(st->free, (st->room + FREE_STEP) * sizeof(*grown));
	if (!grown)
		return ENOMEM;
	st->free = grown;
	st->room += FREE_STEP;
	return 0;
}

static int take_chunk(struct store *st, uint32_t *chunk)
{
	int rc = 0;

	pthread_mutex_lock(&st->mu);
	if (st->nfree) {
		*chunk = st->free[--st->nfree];
	} else {
		rc = grow_locked(st);
		if (rc == 0)
			*chunk = st->used++;
	}
	pthread_mutex_unlock(&st->mu);
	return rc;
}

static int write_at(int fd, const char *data, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

int store_put(struct store *st, const void *data, size_t len, uint32_t *chunk)
{
	uint32_t taken;
	int rc = take_chunk(st, &taken);

	if (rc)
		return rc;
	rc = write_at(st->fd, data, len, (off_t)taken * STORE_CHUNK);
	if (rc)
		store_drop(st, taken);
	else
		*chunk = taken;
	return rc;
}

int store_get(struct store *st, uint32_t chunk, size_t offset, void *data, size_t len)
{
	off_t at = (off_t)chunk * STORE_CHUNK + (off_t)offset;
	char *to = data;

	while (len) {
		ssize_t n = pread(st->fd, to, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EIO;
		to += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

void store_drop(struct store *st, uint32_t chunk)
{
	pthread_mutex_lock(&st->mu);
	st->free[st->nfree++] = chunk;
	pthread_mutex_unlock(&st->mu);
}
