#include <ptjobs.h>
#include <stdio.h>

static void *greet(void *name)
{
	ptj_sleep(100); /* Any call that blocks. */
	return printf("Hello, %s.\n", (char *)name) < 0 ? ptj_job_fail(0, "printf") : NULL;
}

int main(int argc, char **argv)
{
	ptj_scheduler *s = NULL;
	int rc = ptj_scheduler_create(&s, NULL);

	for (int i = 1; i < argc && rc == 0; i++)
		rc = ptj_spawn(s, greet, argv[i], NULL);
	rc = rc ? rc : ptj_scheduler_wait(s, PTJ_INFINITE);
	ptj_scheduler_free(s);
	return rc && fprintf(stderr, "readme: %s\n", ptj_strerror(rc));
}
