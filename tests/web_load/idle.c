/* idle PORT COUNT PATH: a client that has COUNT connections at once to a server on this machine,
   and sends a request on each.  It says how many, and at the end of its input reads the answers,
   each of which must be a 200, and says how many of them there were.

   One address has some 28,000 ports to connect from, so they come from several.

   SPDX-License-Identifier: Apache-2.0 */

#include "control.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A_SOURCE = 5000 }; /* connections from one address */

static int connect_from(uint32_t source, uint16_t port)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket", errno);
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
		die("bind", errno);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect", errno);
	return fd;
}

/* Whether the answer to come is a 200. */
static int is_answered(int fd)
{
	static const char wanted[] = "HTTP/1.1 200 ";
	char buf[sizeof(wanted) - 1];

	return recv(fd, buf, sizeof(buf), MSG_WAITALL) == (ssize_t)sizeof(buf) &&
	       memcmp(buf, wanted, sizeof(buf)) == 0;
}

static void obey(const char *line, void *user)
{
	(void)user;
	printf("%s?\n", line);
}

int main(int argc, char **argv)
{
	char request[256];
	size_t count, answered = 0;
	int size, *fds;

	if (argc != 4)
		die("idle PORT COUNT PATH", EINVAL);
	count = strtoul(argv[2], NULL, 10);
	if (raise_descriptor_limit() < count + 10)
		die("descriptors", EMFILE);
	fds = calloc(count + 1, sizeof(*fds));
	if (fds == NULL)
		die("calloc", ENOMEM);
	size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
	                argv[3]);
	for (size_t i = 0; i < count; i++) {
		fds[i] = connect_from(INADDR_LOOPBACK + (uint32_t)(i / A_SOURCE),
		                      (uint16_t)strtoul(argv[1], NULL, 10));
		if (send(fds[i], request, (size_t)size, MSG_NOSIGNAL) != size)
			die("send", errno);
	}
	serve_input((unsigned)count, obey, NULL);
	for (size_t i = 0; i < count; i++) {
		answered += (size_t)is_answered(fds[i]);
		close(fds[i]);
	}
	printf("%zu\n", answered);
	free(fds);
	return answered != count;
}
