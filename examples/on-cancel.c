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

/* Sends each message back until the peer hangs up or the job is closed.  Returns 0 or an error. */
static int serve(int sock)
{
	char buf[100];
	ssize_t n;

	while ((n = recv(sock, buf, sizeof(buf), 0)) > 0)
		if (send(sock, buf, (size_t)n, MSG_NOSIGNAL) < 0)
			return errno;
	return n < 0 ? errno : 0;
}

/* Whatever becomes of it, the peer does not wait for an answer that does not come. */
static void *echo(void *fd)
{
	int rc = ptj_job_on_cancel(shut_down, fd);

	if (rc == 0)
		rc = serve(*(int *)fd);
	shut_down(fd);
	if (ptj_job_cancelled())
		return ptj_job_fail(ECANCELED, NULL); /* It obeys: no failure. */
	if (rc != 0)
		return ptj_job_fail(rc, "echo");
	puts("echo: the peer hung up");
	return NULL;
}

/* What the peer does.  Returns 0 or an error. */
static int talk(int sock, ptj_job *job)
{
	char buf[100];
	ssize_t n;
	int rc;

	if (send(sock, "hello", 5, MSG_NOSIGNAL) < 0)
		return errno;
	n = recv(sock, buf, sizeof(buf), 0);
	if (n < 0)
		return errno;
	if (n == 0)
		return ptj_job_wait(job, PTJ_INFINITE, NULL);
	printf("main: echo said %.*s\n", (int)n, buf);

	/* The job is in recv() now, or about to be. */
	rc = ptj_job_close(job, PTJ_INFINITE);
	if (rc != 0)
		return rc;
	printf("main: close returned %d\n", rc);
	rc = ptj_job_wait(job, PTJ_INFINITE, NULL);
	if (rc != ECANCELED)
		return rc != 0 ? rc : EPROTO;
	puts("main: wait returned ECANCELED");
	return fflush(stdout) != 0 || ferror(stdout) ? EIO : 0;
}

int main(void)
{
	ptj_scheduler *s = NULL;
	ptj_attr *attr = NULL;
	ptj_job *job = NULL;
	int socks[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks) != 0) {
		perror("on-cancel: socketpair");
		return 1;
	}
	if ((rc = ptj_attr_create(&attr)) == 0 &&
	    (rc = ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE)) == 0 &&
	    (rc = ptj_scheduler_create(&s, attr)) == 0 &&
	    (rc = ptj_spawn(s, echo, &socks[0], &job)) == 0)
		rc = talk(socks[1], job);
	ptj_attr_free(attr);
	if (rc == PTJ_EFAILED)
		rc = ptj_job_error(job);
	if (rc != 0)
		fprintf(stderr, "on-cancel: %s\n", ptj_strerror(rc));

	/* If something failed the job may still be there; it ends when it finds its peer gone. */
	shutdown(socks[1], SHUT_RDWR);
	ptj_scheduler_wait(s, PTJ_INFINITE);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	close(socks[0]);
	close(socks[1]);
	return rc != 0;
}
