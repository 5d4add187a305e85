/* shield: a write that survives the cancellation of its caller.

   The job must store a record, and a record must never be stored by half.  It hands the writing
   to ptj_shield() and waits.  When the job is closed in the middle, only its wait is cancelled:
   the shielded function goes on, and ptj_scheduler_wait() waits for it.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <ptjobs.h>
#include <semaphore.h>
#include <stdio.h>

/* Far more than the program needs, even on a busy machine. */
#define PATIENCE_MS 10000

/* Passed when half of the record is written; passed when the rest may be. */
static sem_t half_written, go_on;

static FILE *file;

static void *write_record(void *arg)
{
	(void)arg;
	fputs("10 crowns from A", file);
	sem_post(&half_written);
	while (sem_wait(&go_on) != 0)
		continue;
	fputs(" to B\n", file);
	return NULL;
}

static void *pay(void *scheduler)
{
	int rc = ptj_shield(scheduler, write_record, NULL, PTJ_INFINITE, NULL);

	/* The job is cancelled before the record is written: this is reached if it never will
	   be. */
	ptj_job_fail(rc != 0 ? rc : EPROTO, "pay");
	sem_post(&half_written);
	return NULL;
}

/* Closes the job in the midst of the writing.  Returns 0 or an error. */
static int interrupt(ptj_scheduler *s, ptj_job *job)
{
	int rc;

	while (sem_wait(&half_written) != 0)
		continue;
	rc = ptj_job_close(job, PATIENCE_MS);
	if (rc == 0)
		rc = ptj_job_error(job) == ECANCELED ? 0 : ptj_job_error(job);
	if (rc == 0) {
		printf("main: close returned %d\n", rc);
		printf("main: %zu jobs, %zu shielded functions\n", ptj_scheduler_len(s),
		       ptj_scheduler_shield_count(s));
	}
	sem_post(&go_on);
	return rc != 0 ? rc : ptj_scheduler_wait(s, PATIENCE_MS);
}

/* Prints the record, which is whole.  Returns 0 or an error. */
static int print_record(void)
{
	char record[100];

	if (fflush(file) != 0 || ferror(file))
		return EIO;
	rewind(file);
	if (fgets(record, sizeof(record), file) == NULL)
		return EIO;
	printf("file: %s", record);
	return fflush(stdout) != 0 || ferror(stdout) ? EIO : 0;
}

int main(void)
{
	ptj_scheduler *s = NULL;
	ptj_job *job = NULL;
	int rc;

	file = tmpfile();
	if (file == NULL || sem_init(&half_written, 0, 0) != 0 || sem_init(&go_on, 0, 0) != 0) {
		perror("shield");
		return 1;
	}
	if ((rc = ptj_scheduler_create(&s, NULL)) == 0 && (rc = ptj_spawn(s, pay, s, &job)) == 0 &&
	    (rc = interrupt(s, job)) == 0)
		rc = print_record();
	if (rc == PTJ_EFAILED)
		rc = ptj_job_error(job);
	if (rc != 0)
		fprintf(stderr, "shield: %s\n", ptj_strerror(rc));

	ptj_job_unref(job);
	ptj_scheduler_free(s);
	fclose(file);
	return rc != 0;
}
