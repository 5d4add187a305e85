/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_capture.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A read takes this much, on the thread's stack, before any memory is asked for. */
#define READ_SIZE 16384

/* What a finished job may keep in memory while it waits for its turn. */
#define SHELVED_MAX 4096

static size_t least(uint64_t a, uint64_t b)
{
	return (size_t)(a < b ? a : b);
}

/* Moves the tail into the store. */
static int spill(struct capture *c, struct store *st)
{
	int rc;

	/* The array is full whenever its length is a power of two. */
	if ((c->nchunks & (c->nchunks - 1)) == 0) {
		size_t n = c->nchunks ? 2 * c->nchunks : 1;
		uint32_t *grown = realloc(c->chunks, n * sizeof(*grown));

		if (!grown)
			return ENOMEM;
		c->chunks = grown;
	}
	rc = store_put(st, c->tail, c->len, &c->chunks[c->nchunks]);
	if (rc)
		return rc;
	c->nchunks++;
	c->stored += c->len;
	c->len = 0;
	return 0;
}

static int make_room(struct capture *c, size_t needed)
{
	size_t room = c->room ? c->room : SHELVED_MAX;
	char *grown;

	while (room < needed)
		room *= 2;
	if (room == c->room)
		return 0;
	grown = realloc(c->tail, room);
	if (!grown)
		return ENOMEM;
	c->tail = grown;
	c->room = room;
	return 0;
}

/* After an error the rest is dropped, so that the job does not stand still. */
static void append(struct capture *c, struct store *st, const char *data, size_t n)
{
	while (n && c->error == 0) {
		size_t part = least(n, STORE_CHUNK - c->len);

		c->error = make_room(c, c->len + part);
		if (c->error)
			return;
		memcpy(c->tail + c->len, data, part);
		c->len += part;
		data += part;
		n -= part;
		if (c->len == STORE_CHUNK)
			c->error = spill(c, st);
	}
}

void capture_read(struct capture *c, struct store *st)
{
	char data[READ_SIZE];
	ssize_t n;

	do
		n = read(c->fd, data, sizeof(data));
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		append(c, st, data, (size_t)n);
		return;
	}
	close(c->fd);
	c->fd = -1;
}

void capture_finish(struct capture *c, struct store *st)
{
	int there = 0;

	/* Counting first bounds the loop, whatever is written meanwhile. */
	if (c->fd >= 0)
		ioctl(c->fd, FIONREAD, &there);
	for (; c->fd >= 0 && there > 0; there -= READ_SIZE)
		capture_read(c, st);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* A tail that the store does not take stays in memory: a chunk at most. */
void capture_shelve(struct capture *c, struct store *st)
{
	char *shrunk;

	if (c->len > SHELVED_MAX)
		spill(c, st);
	if (c->len == 0) {
		free(c->tail);
		c->tail = NULL;
		c->room = 0;
		return;
	}
	shrunk = realloc(c->tail, c->len);
	if (shrunk) {
		c->tail = shrunk;
		c->room = c->len;
	}
}

bool capture_is_empty(const struct capture *c)
{
	return c->stored == 0 && c->len == 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			/* Somebody else has made the shared descriptor non-blocking. */
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		} else if (errno != EINTR) {
			return errno;
		}
	}
	return 0;
}

static int write_stored(struct capture *c, struct store *st, int fd)
{
	char data[READ_SIZE];

	for (uint64_t at = 0; at < c->stored;) {
		size_t offset = (size_t)(at % STORE_CHUNK);
		size_t n = least(sizeof(data), c->stored - at);
		int rc = store_get(st, c->chunks[at / STORE_CHUNK], offset, data, n);

		if (rc == 0)
			rc = write_all(fd, data, n);
		if (rc)
			return rc;
		at += n;
	}
	return 0;
}

int capture_write(struct capture *c, struct store *st, int fd)
{
	int rc = write_stored(c, st, fd);

	return rc ? rc : write_all(fd, c->tail, c->len);
}

void capture_drop(struct capture *c, struct store *st)
{
	for (size_t i = 0; i < c->nchunks; i++)
		store_drop(st, c->chunks[i]);
	free(c->chunks);
	free(c->tail);
	*c = CAPTURE_EMPTY;
}
