/* sigterm: a server that answers every request it has accepted before it stops.

   A request is a line on standard input.  A listener job reads the lines and spawns a job for
   each, which takes a while.  The main thread does nothing but wait for a signal: SIGTERM and
   SIGINT are blocked before the first thread is made, so sigwait() gets them and no signal
   handler is needed.  Then the server drains: the listener is closed, and the scheduler waits
   for the requests under way and in line.  A listener that fails stops the server in the same way.

   The jobs run in masked mode.  The listener may be cancelled while it waits for a line, and not
   between a line and its job, where a request would be lost.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <pthread.h>
#include <ptjobs.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT 3        /* the listener and two requests */
#define ANSWER_MS 200  /* how long a request takes */
#define GRACE_MS 10000 /* how long a drain may take */

static ptj_scheduler *scheduler;
static ptj_job_attr *request_attr; /* The line is released when its job is over. */

static void *answer(void *request)
{
	int rc = ptj_sleep(ANSWER_MS);

	if (rc == 0 && printf("answered %s\n", (char *)request) < 0)
		rc = EIO;
	return rc == 0 ? NULL : ptj_job_fail(rc, "a request is not answered");
}

static void free_line(void *line)
{
	free(*(char **)line);
}

/* Returns the next line, or NULL at the end of the input, and if it cannot be read: *error is 0 or
   says why. */
static char *read_line(int *error)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	pthread_cleanup_push(free_line, &line);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	n = getline(&line, &size, stdin);
	*error = n < 0 && !feof(stdin) ? errno : 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_pop(n < 0);
	if (n < 0)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static void *listen_for_requests(void *arg)
{
	char *line;
	int rc;

	(void)arg;
	while ((line = read_line(&rc)) != NULL) {
		rc = printf("accepted %s\n", line) < 0 ? EIO : 0;
		if (rc == 0)
			rc = ptj_spawn_attr(scheduler, request_attr, answer, line, PTJ_INFINITE,
			                    NULL);
		if (rc == 0)
			continue;
		free(line);
		break;
	}
	if (rc != 0) {
		ptj_job_fail(rc, "the listener failed");
		kill(getpid(), SIGTERM);
	}
	return NULL;
}

/* The exception handler: a request was not answered. */
static void complain(ptj_scheduler *s, const ptj_context *context, void *failed)
{
	(void)s;
	fprintf(stderr, "sigterm: %s: %s\n", context->message, ptj_strerror(context->error));
	atomic_store((atomic_int *)failed, 1);
}

/* Serves until a signal comes.  Returns 0 or an error. */
static int serve(const sigset_t *stop, ptj_job *listener)
{
	int rc, signo;

	rc = sigwait(stop, &signo);
	if (rc == 0)
		puts(signo == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
	if (rc == 0)
		rc = ptj_job_close(listener, GRACE_MS);
	if (rc == 0 && ptj_job_error(listener) != ECANCELED)
		rc = ptj_job_error(listener);
	if (rc == 0)
		rc = ptj_scheduler_wait(scheduler, GRACE_MS);
	if (rc == 0 && (puts("drained") < 0 || fflush(stdout) != 0 || ferror(stdout)))
		rc = EIO;
	return rc;
}

int main(void)
{
	atomic_int failed = 0;
	ptj_attr *attr = NULL;
	ptj_job *listener = NULL;
	sigset_t stop;
	int rc;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	if ((rc = pthread_sigmask(SIG_BLOCK, &stop, NULL)) == 0 &&
	    (rc = setvbuf(stdout, NULL, _IOLBF, 0) == 0 ? 0 : EIO) == 0 &&
	    (rc = ptj_attr_create(&attr)) == 0 && (rc = ptj_attr_set_limit(attr, LIMIT)) == 0 &&
	    (rc = ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_MASKED)) == 0 &&
	    (rc = ptj_attr_set_exception_handler(attr, complain, &failed)) == 0 &&
	    (rc = ptj_job_attr_create(&request_attr)) == 0 &&
	    (rc = ptj_job_attr_set_release(request_attr, free)) == 0 &&
	    (rc = ptj_scheduler_create(&scheduler, attr)) == 0 &&
	    (rc = ptj_spawn(scheduler, listen_for_requests, NULL, &listener)) == 0)
		rc = serve(&stop, listener);
	if (rc == PTJ_EFAILED)
		rc = ptj_job_error(listener);
	if (rc != 0)
		fprintf(stderr, "sigterm: %s\n", ptj_strerror(rc));

	ptj_job_unref(listener);
	ptj_scheduler_free(scheduler);
	ptj_job_attr_free(request_attr);
	ptj_attr_free(attr);
	return rc != 0 || atomic_load(&failed);
}
