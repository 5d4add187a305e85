/* SPDX-License-Identifier: Apache-2.0 */

#include "pipe.h"

#include <errno.h>
#include <poll.h>
#include <ptjobs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

struct pipe *pipe_create(bool obliging)
{
	struct pipe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->obliging = obliging;
	p->fd = -1;
	if (pthread_mutex_init(&p->mu, NULL)) {
		free(p);
		return NULL;
	}
	return p;
}

void pipe_free(struct pipe *p)
{
	if (!p)
		return;
	if (p->fd >= 0)
		close(p->fd);
	pthread_mutex_destroy(&p->mu);
	free(p->bytes);
	free(p);
}

static size_t used_locked(const struct pipe *p)
{
	return p->end - p->begin;
}

/* Makes room for n more bytes at the end. */
static int reserve_locked(struct pipe *p, size_t n)
{
	size_t size = p->size ? p->size : 4096;
	char *bytes;

	if (p->begin > 0 && p->size - p->end < n) {
		memmove(p->bytes, p->bytes + p->begin, used_locked(p));
		p->end -= p->begin;
		p->begin = 0;
	}
	while (size - p->end < n)
		size *= 2;
	if (size == p->size)
		return 0;
	bytes = realloc(p->bytes, size);
	if (!bytes)
		return ENOMEM;
	p->bytes = bytes;
	p->size = size;
	return 0;
}

static int put_locked(struct pipe *p, const void *bytes, size_t n)
{
	if (reserve_locked(p, n))
		return ENOMEM;
	memcpy(p->bytes + p->end, bytes, n);
	p->end += n;
	return 0;
}

static size_t take_locked(struct pipe *p, void *bytes, size_t n)
{
	if (n > used_locked(p))
		n = used_locked(p);
	if (n > 0)
		memcpy(bytes, p->bytes + p->begin, n);
	p->begin += n;
	if (p->begin == p->end)
		p->begin = p->end = 0;
	return n;
}

/* The counter of an eventfd that is only ever 0 or 1 has room for this. */
static void wake_locked(struct pipe *p)
{
	if (!p->waiting)
		return;
	p->waiting = false;
	while (write(p->fd, &(uint64_t){1}, sizeof(uint64_t)) < 0 && errno == EINTR)
		;
}

/* ---- The daemon's side ----------------------------------------------------------------------- */

int pipe_put(struct pipe *p, const void *bytes, size_t n)
{
	int rc = 0;

	pthread_mutex_lock(&p->mu);
	if (!p->over) {
		rc = put_locked(p, bytes, n);
		wake_locked(p);
	}
	pthread_mutex_unlock(&p->mu);
	return rc;
}

size_t pipe_take(struct pipe *p, void *bytes, size_t n)
{
	pthread_mutex_lock(&p->mu);
	n = take_locked(p, bytes, n);
	wake_locked(p);
	pthread_mutex_unlock(&p->mu);
	return n;
}

int pipe_error(struct pipe *p)
{
	int error;

	pthread_mutex_lock(&p->mu);
	error = p->error;
	pthread_mutex_unlock(&p->mu);
	return error;
}

bool pipe_is_empty(struct pipe *p)
{
	bool empty;

	pthread_mutex_lock(&p->mu);
	empty = used_locked(p) == 0 && !p->over;
	pthread_mutex_unlock(&p->mu);
	return empty;
}

bool pipe_is_full(struct pipe *p)
{
	bool full;

	pthread_mutex_lock(&p->mu);
	full = used_locked(p) >= PIPE_SIZE && !p->over;
	pthread_mutex_unlock(&p->mu);
	return full;
}

void pipe_end(struct pipe *p, int error)
{
	pthread_mutex_lock(&p->mu);
	if (!p->over) {
		p->over = true;
		p->error = error;
		wake_locked(p);
	}
	pthread_mutex_unlock(&p->mu);
}

/* ---- The job's side -------------------------------------------------------------------------- */

/* A cancellation in poll() leaves waiting set; the next wake-up then writes once too often, which a
   later wait takes for a reason to look again. */
static int sleep_once(struct pipe *p, int64_t until)
{
	struct pollfd fds[2] = {{.fd = p->fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	uint64_t count;

	if (p->obliging)
		fds[1].fd = ptj_job_cancel_fd();
	if (poll(fds, 2, clock_poll(until)) < 0 && errno != EINTR)
		return errno;
	if (fds[1].revents)
		return EINTR;
	(void)!read(p->fd, &count, sizeof(count));
	return 0;
}

/* Waits, with mu released meanwhile, until somebody calls wake_locked().  ETIMEDOUT; EINTR; what
   eventfd() says. */
static int wait_locked(struct pipe *p, int64_t until)
{
	int rc;

	if (clock_left(until) == 0)
		return ETIMEDOUT;
	if (p->fd < 0) {
		p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (p->fd < 0)
			return errno;
	}
	p->waiting = true;
	pthread_mutex_unlock(&p->mu);
	rc = sleep_once(p, until);
	pthread_mutex_lock(&p->mu);
	p->waiting = false;
	return rc;
}

int pipe_read(struct pipe *p, void *bytes, size_t n, int64_t until, size_t *got)
{
	int rc = 0;

	pthread_testcancel();
	pthread_mutex_lock(&p->mu);
	while (used_locked(p) == 0 && !p->over && rc == 0)
		rc = wait_locked(p, until);
	if (rc == 0 && used_locked(p) == 0)
		rc = p->error;
	if (rc == 0)
		*got = take_locked(p, bytes, n);
	pthread_mutex_unlock(&p->mu);
	return rc;
}

int pipe_write(struct pipe *p, const void *bytes, size_t n, int64_t until, size_t *put)
{
	int rc = 0;

	pthread_testcancel();
	pthread_mutex_lock(&p->mu);
	while (used_locked(p) >= PIPE_SIZE && !p->over && rc == 0)
		rc = wait_locked(p, until);
	if (rc == 0 && p->over)
		rc = p->error;
	if (rc == 0) {
		if (n > PIPE_SIZE - used_locked(p))
			n = PIPE_SIZE - used_locked(p);
		rc = put_locked(p, bytes, n);
	}
	if (rc == 0)
		*put = n;
	pthread_mutex_unlock(&p->mu);
	return rc;
}
