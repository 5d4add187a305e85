#include <ptjobs.h>
#include <stdio.h>

static void *greet(void *name)
{
	ptj_sleep(100); /* Any call that blocks. */
	printf("Hello, %s.\n", (char *)name);
	return NULL;
}

int main(int argc, char **argv)
{
	ptj_scheduler *s = NULL;
	int rc = ptj_scheduler_create(&s, NULL);

	for (int i = 1; i < argc && rc == 0; i++)
		rc = ptj_spawn(s, greet, argv[i], NULL);
	ptj_scheduler_cleanup(&s); /* Waits for the jobs. */
	return rc != 0;
}
