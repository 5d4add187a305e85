/* shield: a write that survives the cancellation of its caller.

   The job must store a record, and a record must never be stored by half.  It hands the writing
   to ptj_shield() and waits.  When the job is closed in the middle, only its wait is cancelled:
   the shielded function goes on, and ptj_scheduler_wait_and_close() waits for it.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

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
	ptj_shield(scheduler, write_record, NULL, PTJ_INFINITE, NULL);
	puts("job: this line is not reached");
	return NULL;
}

int main(void)
{
	ptj_scheduler *s = NULL;
	ptj_job *job = NULL;
	char record[100] = "";
	int rc;

	sem_init(&half_written, 0, 0);
	sem_init(&go_on, 0, 0);
	file = tmpfile();
	if (file == NULL || ptj_scheduler_create(&s, NULL) != 0 || ptj_spawn(s, pay, s, &job) != 0)
		return 1;

	while (sem_wait(&half_written) != 0)
		continue;
	rc = ptj_job_close(job, PATIENCE_MS);
	printf("main: close returned %d\n", rc);
	printf("main: %zu jobs, %zu shielded functions\n", ptj_scheduler_len(s),
	       ptj_scheduler_shield_count(s));
	sem_post(&go_on);
	ptj_scheduler_wait_and_close(s, PATIENCE_MS);

	rewind(file);
	if (fgets(record, sizeof(record), file) != NULL)
		printf("file: %s", record);
	fclose(file);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	return 0;
}
