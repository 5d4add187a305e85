/* sigterm: a server that answers every request it has accepted before it stops.

   A request is a line on standard input.  A listener job reads the lines and spawns a job for
   each, which takes a while.  The main thread does nothing but wait for a signal: SIGTERM and
   SIGINT are blocked before the first thread is made, so sigwait() gets them and no signal
   handler is needed.  Then the server drains: the listener is closed, and the scheduler waits
   for the requests under way and in line.

   The jobs run in masked mode.  The listener may be cancelled while it waits for a line, and not
   between a line and its job, where a request would be lost.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <ptjobs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 3        /* the listener and two requests */
#define ANSWER_MS 200  /* how long a request takes */
#define GRACE_MS 10000 /* how long a drain may take */

static ptj_scheduler *scheduler;
static ptj_job_attr *request_attr; /* The line is released when its job is over. */

static void *answer(void *request)
{
	ptj_sleep(ANSWER_MS);
	printf("answered %s\n", (char *)request);
	return NULL;
}

static void free_line(void *line)
{
	free(*(char **)line);
}

/* Returns the next line, or NULL at the end of the input. */
static char *read_line(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	pthread_cleanup_push(free_line, &line);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	n = getline(&line, &size, stdin);
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

	(void)arg;
	while ((line = read_line()) != NULL) {
		printf("accepted %s\n", line);
		if (ptj_spawn_attr(scheduler, request_attr, answer, line, PTJ_INFINITE, NULL) != 0)
			free(line);
	}
	return NULL;
}

int main(void)
{
	ptj_attr *attr = NULL;
	ptj_job *listener = NULL;
	sigset_t stop;
	int signo;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);

	if (ptj_attr_create(&attr) != 0 || ptj_attr_set_limit(attr, LIMIT) != 0 ||
	    ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_MASKED) != 0 ||
	    ptj_job_attr_create(&request_attr) != 0 ||
	    ptj_job_attr_set_release(request_attr, free) != 0 ||
	    ptj_scheduler_create(&scheduler, attr) != 0 ||
	    ptj_spawn(scheduler, listen_for_requests, NULL, &listener) != 0)
		return 1;

	sigwait(&stop, &signo);
	puts(signo == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
	ptj_job_close(listener, PTJ_DEFAULT);
	ptj_scheduler_wait_and_close(scheduler, GRACE_MS);
	puts("drained");

	ptj_job_unref(listener);
	ptj_scheduler_free(scheduler);
	ptj_job_attr_free(request_attr);
	ptj_attr_free(attr);
	return 0;
}
