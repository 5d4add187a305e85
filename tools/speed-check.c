/* How fast empty jobs go through ptjobs, and through GLib's GThreadPool, in one run: one producer,
   limit 2.  tools/speed-check compiles and runs it.

   SPDX-License-Identifier: Apache-2.0 */

#include <glib.h>
#include <ptjobs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { JOBS = 2000000, LIMIT = 2, RUNS = 7 };

struct figures {
	double rate[RUNS]; /* millions of jobs a second */
	double cpu[RUNS];  /* nanoseconds of CPU time a job */
};

static double wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void *nothing(void *arg)
{
	return arg;
}

static void run_ptjobs(void)
{
	ptj_attr *attr;
	ptj_scheduler *s;
	int i;

	if (ptj_attr_create(&attr) || ptj_attr_set_limit(attr, LIMIT) ||
	    ptj_scheduler_create(&s, attr))
		abort();
	ptj_attr_free(attr);
	for (i = 0; i < JOBS; i++)
		if (ptj_spawn(s, nothing, NULL, NULL))
			abort();
	ptj_scheduler_wait(s, PTJ_INFINITE);
	ptj_scheduler_free(s);
}

static void nothing_glib(gpointer data, gpointer user)
{
	(void)data;
	(void)user;
}

static void run_glib(void)
{
	GThreadPool *pool = g_thread_pool_new(nothing_glib, NULL, LIMIT, TRUE, NULL);
	int i;

	for (i = 0; i < JOBS; i++)
		g_thread_pool_push(pool, GINT_TO_POINTER(1), NULL);
	g_thread_pool_free(pool, FALSE, TRUE);
}

static void measure(struct figures *f, int run, void (*work)(void))
{
	double wall = wall_s(), cpu = cpu_s();

	work();
	f->rate[run] = JOBS / (wall_s() - wall) / 1e6;
	f->cpu[run] = (cpu_s() - cpu) / JOBS * 1e9;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *figures)
{
	qsort(figures, RUNS, sizeof(*figures), ascending);
	return figures[RUNS / 2];
}

int main(void)
{
	struct figures ours, glib;
	double rate, rate_glib, cpu, cpu_glib;
	int run;

	for (run = 0; run < RUNS; run++) {
		measure(&ours, run, run_ptjobs);
		measure(&glib, run, run_glib);
	}
	rate = median(ours.rate);
	rate_glib = median(glib.rate);
	cpu = median(ours.cpu);
	cpu_glib = median(glib.cpu);
	printf("%d empty jobs, one producer, limit %d; medians of %d interleaved runs (least to "
	       "most)\n",
	       JOBS, LIMIT, RUNS);
	printf("ptjobs       %6.2f M jobs/s (%.2f to %.2f), %4.0f ns of CPU a job\n", rate,
	       ours.rate[0], ours.rate[RUNS - 1], cpu);
	printf("GThreadPool  %6.2f M jobs/s (%.2f to %.2f), %4.0f ns of CPU a job\n", rate_glib,
	       glib.rate[0], glib.rate[RUNS - 1], cpu_glib);
	printf("ratio        %6.2f in rate, %.2f in CPU\n", rate / rate_glib, cpu / cpu_glib);
	return 0;
}
