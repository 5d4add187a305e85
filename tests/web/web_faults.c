/* The calls that only the web integration makes, and that ../faults.h can fail: descriptors.

   SPDX-License-Identifier: Apache-2.0 */

#include "../faults.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int __real_socket(int domain, int type, int protocol);
int __real_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __real_epoll_create1(int flags);

int __wrap_socket(int domain, int type, int protocol);
int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int __wrap_epoll_create1(int flags);

static int descriptors_are_short(void)
{
	if (!fault_strikes(NO_DESCRIPTOR))
		return 0;
	errno = EMFILE;
	return 1;
}

int __wrap_socket(int domain, int type, int protocol)
{
	return descriptors_are_short() ? -1 : __real_socket(domain, type, protocol);
}

int __wrap_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return descriptors_are_short() ? -1 : __real_accept4(fd, addr, len, flags);
}

int __wrap_epoll_create1(int flags)
{
	return descriptors_are_short() ? -1 : __real_epoll_create1(flags);
}
