/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const uint64_t one = 1;

static int init_own(struct bell *b)
{
	b->kind = BELL_OWN;
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return b->fd < 0 ? errno : 0;
}

int bell_init(struct bell *b, int fd)
{
	struct stat st;
	int flags;

	b->rung = false;
	if (fd == -1)
		return init_own(b);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return EBADF;
	if (fstat(fd, &st))
		return errno;
	b->fd = fd;
	b->kind = S_ISSOCK(st.st_mode)   ? BELL_SOCKET
	          : S_ISFIFO(st.st_mode) ? BELL_PIPE
	                                 : BELL_OTHER;
	return 0;
}

void bell_destroy(struct bell *b)
{
	if (b->kind == BELL_OWN)
		close(b->fd);
}

/* Not even for a moment, if the descriptor is in blocking mode and full.  Where poll() cannot tell,
   as under a limit of no descriptors, there is rather a write too many than nobody who is told. */
static void write_at_once(const struct bell *b)
{
	struct pollfd room = {.fd = b->fd, .events = POLLOUT};
	int n;

	do
		n = poll(&room, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return;
	while (write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* A SIGPIPE of our own making is taken back; one that was pending before stays so. */
static void write_to_pipe(const struct bell *b)
{
	const struct timespec at_once = {.tv_sec = 0};
	sigset_t pipe, before, pending;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	sigpending(&pending);
	write_at_once(b);
	if (!sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void ring(struct bell *b)
{
	switch (b->kind) {
	case BELL_OWN:
		/* It cannot fail: the counter is 0. */
		while (!b->rung && write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
		b->rung = true;
		return;
	case BELL_SOCKET:
		while (send(b->fd, &one, sizeof(one), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		       errno == EINTR)
			;
		return;
	case BELL_PIPE:
		write_to_pipe(b);
		return;
	case BELL_OTHER:
		write_at_once(b);
		return;
	}
}

void bell_ring(struct bell *b)
{
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	ring(b);
	pthread_setcancelstate(cancel_state, NULL);
}

void bell_reset(struct bell *b)
{
	uint64_t count;
	int cancel_state;

	if (!b->rung)
		return;
	b->rung = false;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	while (read(b->fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
	pthread_setcancelstate(cancel_state, NULL);
}
