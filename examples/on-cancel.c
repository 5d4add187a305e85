/* on-cancel: interrupts a blocking recv() without cancelling a thread.

   The job runs in cooperative mode, as code must that cannot be unwound: C++, Rust, Python, and
   most libraries.  Nothing interrupts its recv() but its own on-cancel callback, which shuts the
   socket down; recv() then returns 0, as when the peer has gone, and ptj_job_cancelled() tells
   the two apart.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <ptjobs.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Runs on the thread that closes the job. */
static void shut_down(void *fd)
{
	shutdown(*(int *)fd, SHUT_RDWR);
}

/* Sends each message back until the peer hangs up or the job is closed. */
static void *echo(void *fd)
{
	int sock = *(int *)fd;
	char buf[100];
	ssize_t n;

	if (ptj_job_on_cancel(shut_down, fd) != 0)
		return ptj_job_fail(ENOMEM, NULL);
	while ((n = recv(sock, buf, sizeof(buf), 0)) > 0)
		if (send(sock, buf, (size_t)n, MSG_NOSIGNAL) < 0)
			return ptj_job_fail(errno, "send");
	if (ptj_job_cancelled())
		return ptj_job_fail(ECANCELED, NULL); /* It obeys: no failure. */
	puts("echo: the peer hung up");
	return NULL;
}

int main(void)
{
	ptj_scheduler *s = NULL;
	ptj_attr *attr = NULL;
	ptj_job *job = NULL;
	char buf[100];
	ssize_t n;
	int socks[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks) != 0)
		return 1;
	if (ptj_attr_create(&attr) != 0 ||
	    ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE) != 0 ||
	    ptj_scheduler_create(&s, attr) != 0 || ptj_spawn(s, echo, &socks[0], &job) != 0)
		return 1;
	ptj_attr_free(attr);

	if (send(socks[1], "hello", 5, MSG_NOSIGNAL) < 0)
		return 1;
	n = recv(socks[1], buf, sizeof(buf), 0);
	printf("main: echo said %.*s\n", n < 0 ? 0 : (int)n, buf);

	/* The job is in recv() now, or about to be. */
	rc = ptj_job_close(job, PTJ_INFINITE);
	printf("main: close returned %d\n", rc);
	rc = ptj_job_wait(job, PTJ_INFINITE, NULL);
	printf("main: wait returned %s\n", rc == ECANCELED ? "ECANCELED" : ptj_strerror(rc));

	ptj_job_unref(job);
	ptj_scheduler_free(s);
	close(socks[0]);
	close(socks[1]);
	return 0;
}
