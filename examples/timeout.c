/* timeout: gives up on a read that takes too long.

   The job blocks in read() on a pipe that nobody writes to.  The timeout of ptj_job_wait() does
   not only end the wait: it closes the job, and in the default mode that cancels its thread.
   read() is a cancellation point, so the thread unwinds from there through the job's cleanup
   handler, and ptj_job_wait() returns when that is done.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <pthread.h>
#include <ptjobs.h>
#include <stdio.h>
#include <unistd.h>

/* Far more than the thread needs to unwind, even on a busy machine. */
#define CLOSE_TIMEOUT_MS 10000

static void close_fd(void *fd)
{
	close(*(int *)fd);
	puts("job: unwound, the pipe is closed");
}

static void *read_reply(void *fd)
{
	char buf[100];
	ssize_t n;

	pthread_cleanup_push(close_fd, fd);
	puts("job: reading");
	n = read(*(int *)fd, buf, sizeof(buf));
	if (n < 0)
		ptj_job_fail(errno, "read");
	else
		printf("job: read %zd bytes\n", n);
	pthread_cleanup_pop(1);
	return NULL;
}

/* Returns 0 if the job was cancelled as it must be, or an error. */
static int wait_in_vain(ptj_job *job)
{
	int rc = ptj_job_wait(job, 200, NULL);

	if (rc == PTJ_EFAILED)
		return ptj_job_error(job);
	printf("main: wait returned %s\n", rc == ETIMEDOUT ? "ETIMEDOUT" : ptj_strerror(rc));
	if (ptj_job_error(job) != ECANCELED)
		return ETIMEDOUT;
	puts("main: the job is cancelled");
	return fflush(stdout) != 0 || ferror(stdout) ? EIO : 0;
}

int main(void)
{
	ptj_scheduler *s = NULL;
	ptj_attr *attr = NULL;
	ptj_job *job = NULL;
	int pipe_fds[2];
	int rc;

	if (pipe(pipe_fds) != 0) {
		perror("timeout: pipe");
		return 1;
	}
	if ((rc = ptj_attr_create(&attr)) == 0 &&
	    (rc = ptj_attr_set_close_timeout(attr, CLOSE_TIMEOUT_MS)) == 0 &&
	    (rc = ptj_scheduler_create(&s, attr)) == 0 &&
	    (rc = ptj_spawn(s, read_reply, &pipe_fds[0], &job)) == 0)
		rc = wait_in_vain(job);
	ptj_attr_free(attr);
	if (rc != 0)
		fprintf(stderr, "timeout: %s\n", ptj_strerror(rc));

	ptj_job_unref(job);
	ptj_scheduler_free(s);
	close(pipe_fds[1]);
	return rc != 0;
}
