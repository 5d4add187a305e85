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

static void log_error(ptj_scheduler *s, const ptj_context *context, void *user)
{
	char name[32] = "?";

	(void)s;
	ptj_job_get_name(context->job, name, sizeof(name));
	fprintf(user, "log: %s: %s: %s (%s)\n", context->message, name, context->error_message,
	        ptj_strerror(context->error));
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

static ptj_job *spawn_named(ptj_scheduler *s, const char *name, char *path)
{
	ptj_job_attr *attr = NULL;
	ptj_job *job = NULL;

	if (ptj_job_attr_create(&attr) == 0 && ptj_job_attr_set_name(attr, name) == 0)
		ptj_spawn_attr(s, attr, open_config, path, PTJ_INFINITE, &job);
	ptj_job_attr_free(attr);
	return job;
}

int main(void)
{
	char reader_conf[] = "/nonexistent/reader.conf";
	char writer_conf[] = "/nonexistent/writer.conf";
	ptj_scheduler *s = NULL;
	ptj_job *reader, *writer;
	int rc;

	sem_init(&go_on, 0, 0);
	if (ptj_scheduler_create(&s, NULL) != 0 ||
	    ptj_scheduler_set_exception_handler(s, log_error, stdout) != 0)
		return 1;
	reader = spawn_named(s, "reader", reader_conf);
	writer = spawn_named(s, "writer", writer_conf);

	/* A poll is enough to say that this thread is the one who hears of the failure. */
	ptj_job_poll(writer, 0, NULL);
	sem_post(&go_on);
	sem_post(&go_on);

	rc = ptj_scheduler_wait(s, PTJ_INFINITE);
	printf("main: wait for the scheduler returned %d\n", rc);
	rc = ptj_job_wait(writer, PTJ_INFINITE, NULL);
	printf("main: wait for the writer returned %s: %s (%s)\n",
	       rc == PTJ_EFAILED ? "PTJ_EFAILED" : "something else", ptj_job_error_message(writer),
	       ptj_strerror(ptj_job_error(writer)));

	ptj_job_unref(reader);
	ptj_job_unref(writer);
	ptj_scheduler_free(s);
	return 0;
}
