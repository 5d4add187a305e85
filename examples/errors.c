/* errors: who hears of a failed job.

   A failure goes to whoever waits for the job.  Where nobody does, the scheduler's exception
   handler hears of it; this one logs the job's name, the message and the error.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <ptjobs.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

/* Passed when the jobs may go on. */
static sem_t go_on;

/* A message is dropped where memory is short. */
static const char *text_of(const char *message)
{
	return message ? message : "no message";
}

static void log_error(ptj_scheduler *s, const ptj_context *context, void *user)
{
	char name[32] = "?";

	(void)s;
	ptj_job_get_name(context->job, name, sizeof(name));
	fprintf(user, "log: %s: %s: %s (%s)\n", context->message, name,
	        text_of(context->error_message), ptj_strerror(context->error));
}

static void *open_config(void *path)
{
	int fd;

	while (sem_wait(&go_on) != 0)
		continue;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ptj_job_fail(errno, path);
	close(fd);
	return NULL;
}

static int spawn_named(ptj_scheduler *s, const char *name, char *path, ptj_job **job)
{
	ptj_job_attr *attr = NULL;
	int rc;

	if ((rc = ptj_job_attr_create(&attr)) == 0 && (rc = ptj_job_attr_set_name(attr, name)) == 0)
		rc = ptj_spawn_attr(s, attr, open_config, path, PTJ_INFINITE, job);
	ptj_job_attr_free(attr);
	return rc;
}

/* What main() does with the two jobs.  Returns 0 or the error that kept it from doing so. */
static int look_on(ptj_scheduler *s, ptj_job *writer)
{
	int rc;

	/* A poll is enough to say that this thread is the one who hears of the failure. */
	rc = ptj_job_poll(writer, 0, NULL);
	if (rc != ETIMEDOUT)
		return rc;
	sem_post(&go_on);
	sem_post(&go_on);

	rc = ptj_scheduler_wait(s, PTJ_INFINITE);
	printf("main: wait for the scheduler returned %d\n", rc);
	rc = ptj_job_wait(writer, PTJ_INFINITE, NULL);
	printf("main: wait for the writer returned %s: %s (%s)\n",
	       rc == PTJ_EFAILED ? "PTJ_EFAILED" : "something else",
	       text_of(ptj_job_error_message(writer)), ptj_strerror(ptj_job_error(writer)));
	return fflush(stdout) != 0 || ferror(stdout) ? EIO : 0;
}

int main(void)
{
	char reader_conf[] = "/nonexistent/reader.conf";
	char writer_conf[] = "/nonexistent/writer.conf";
	ptj_scheduler *s = NULL;
	ptj_job *reader = NULL, *writer = NULL;
	int rc;

	if (sem_init(&go_on, 0, 0) != 0) {
		perror("errors: sem_init");
		return 1;
	}
	if ((rc = ptj_scheduler_create(&s, NULL)) == 0 &&
	    (rc = ptj_scheduler_set_exception_handler(s, log_error, stdout)) == 0 &&
	    (rc = spawn_named(s, "reader", reader_conf, &reader)) == 0 &&
	    (rc = spawn_named(s, "writer", writer_conf, &writer)) == 0)
		rc = look_on(s, writer);
	if (rc != 0)
		fprintf(stderr, "errors: %s\n", ptj_strerror(rc));

	ptj_job_unref(reader);
	ptj_job_unref(writer);
	ptj_scheduler_free(s);
	return rc != 0;
}
