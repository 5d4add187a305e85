/* SPDX-License-Identifier: Apache-2.0 */

#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_and_listen(int fd, const struct sockaddr *addr, socklen_t len)
{
	int on = 1, off = 0;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* The wildcard address of IPv6 takes IPv4 as well. */
	if (addr->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return bind(fd, addr, len) || listen(fd, SOMAXCONN) ? errno : 0;
}

static int port_of(int fd, uint16_t *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr = {.v6 = {.sin6_family = AF_UNSPEC}};
	socklen_t len = sizeof(addr);

	if (getsockname(fd, &addr.any, &len))
		return errno;
	*port = ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port);
	return 0;
}

static int listen_on(const struct sockaddr *addr, socklen_t len, uint16_t *port, int *out)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return errno;
	rc = bind_and_listen(fd, addr, len);
	if (rc == 0)
		rc = port_of(fd, port);
	if (rc)
		close(fd);
	else
		*out = fd;
	return rc;
}

/* Where there is no IPv6, or it is turned off, IPv4 it is. */
static int listen_anywhere(uint16_t *port, int *out)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(*port)};
	int rc = listen_on((struct sockaddr *)&v6, sizeof(v6), port, out);

	if (rc == EAFNOSUPPORT || rc == EADDRNOTAVAIL)
		rc = listen_on((struct sockaddr *)&v4, sizeof(v4), port, out);
	return rc;
}

static int code_of(int gai)
{
	if (gai == EAI_MEMORY)
		return ENOMEM;
	return gai == EAI_SYSTEM && errno ? errno : EADDRNOTAVAIL;
}

int listen_at(const char *address, uint16_t *port, int *out)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	                         .ai_socktype = SOCK_STREAM};
	struct addrinfo *found, *at;
	char service[8];
	int rc;

	if (!address)
		return listen_anywhere(port, out);
	snprintf(service, sizeof(service), "%u", *port);
	rc = getaddrinfo(address, service, &hints, &found);
	if (rc)
		return code_of(rc);
	rc = EADDRNOTAVAIL;
	for (at = found; at && rc; at = at->ai_next)
		rc = listen_on(at->ai_addr, at->ai_addrlen, port, out);
	freeaddrinfo(found);
	return rc;
}
