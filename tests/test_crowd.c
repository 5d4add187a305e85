/* A crowd: thousands of threads that use one scheduler, and a scheduler that runs thousands of jobs
   at once, each on a tiny stack.  As many as the system lets us have, ten thousand where it does.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "sanitizers.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>

enum {
	CROWD = SANITIZED ? 300 : 10000,
	LEAST = 10,
	SPARE = 200 /* threads that are left to others */
};

static size_t stack_size(void)
{
	return SANITIZED ? 1 << 18 : (size_t)PTHREAD_STACK_MIN + (1 << 14);
}

/* The number in a file, or CROWD where there is none. */
static long number_in(const char *path)
{
	long n = 2 * CROWD;
	FILE *f = fopen(path, "re");

	if (!f)
		return n;
	if (fscanf(f, "%ld", &n) != 1)
		n = 2 * CROWD;
	fclose(f);
	return n;
}

static long least(long a, long b)
{
	return a < b ? a : b;
}

/* A thread takes two mappings, and numbers are given to all processes of the machine. */
static int crowd_here(void)
{
	struct rlimit limit;
	long n = CROWD;

	if (getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		n = least(n, (long)limit.rlim_cur / 2);
	n = least(n, number_in("/proc/sys/kernel/threads-max") / 2);
	n = least(n, number_in("/proc/sys/kernel/pid_max") / 2);
	n = least(n, number_in("/proc/sys/vm/max_map_count") / 3);
	n = least(n, number_in("/sys/fs/cgroup/pids.max") - SPARE);
	return n < 5 * LEAST ? 5 * LEAST : (int)n;
}

/* ---- A crowd of jobs ------------------------------------------------------------------------- */

static struct gate gate;

static ptj_scheduler *make_crowded(size_t limit, int64_t close_timeout)
{
	ptj_scheduler *s = NULL;
	ptj_attr *attr;

	gate_init(&gate);
	ok(ptj_attr_create(&attr));
	ok(ptj_attr_set_limit(attr, limit));
	ok(ptj_attr_set_pending_limit(attr, 0));
	ok(ptj_attr_set_close_timeout(attr, close_timeout));
	ok(ptj_attr_set_stack_size(attr, stack_size()));
	ok(ptj_scheduler_create(&s, attr));
	ptj_attr_free(attr);
	return s;
}

/* Spawns jobs until n are at the gate, or no more threads are to be had: then the last ones are
   active and have no thread yet.  Returns how many are at the gate. */
static int gather(ptj_scheduler *s, int n, ptj_job **jobs, ptj_job_fn fn)
{
	int before = -1, here = 0;

	for (int i = 0; i < n; i++)
		jobs[i] = spawn(s, fn, &gate);
	while (here < n && here != before) {
		int64_t end = now_ms() + 2 * SHORT_MS;

		before = here;
		while ((here = gate_arrived(&gate)) == before && now_ms() < end)
			pause_briefly();
	}
	ck_assert_int_ge(here, LEAST);
	return here;
}

START_TEST(thousands_of_jobs_run_at_once)
{
	int n = crowd_here();
	ptj_job **jobs = malloc((size_t)n * sizeof(jobs[0]));
	ptj_scheduler *s = make_crowded((size_t)n, PTJ_INFINITE);
	void *result = NULL;

	ck_assert_ptr_nonnull(jobs);
	gather(s, n, jobs, job_at_gate);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), (size_t)n);
	ck_assert_uint_eq(ptj_scheduler_len(s), (size_t)n);
	gate_open(&gate);
	for (int i = 0; i < n; i++) {
		ok(ptj_job_wait(jobs[i], PTJ_INFINITE, &result));
		ck_assert_ptr_eq(result, &gate);
		ptj_job_unref(jobs[i]);
	}
	ck_assert_int_eq(gate_passed(&gate), n);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
	free(jobs);
}
END_TEST

/* All are asked together, and each thread is joined. */
START_TEST(thousands_of_jobs_are_cancelled_at_once)
{
	int n = crowd_here() / 5;
	ptj_job **jobs = malloc((size_t)n * sizeof(jobs[0]));
	ptj_scheduler *s = make_crowded((size_t)n, PTJ_INFINITE);

	ck_assert_ptr_nonnull(jobs);
	gather(s, n, jobs, job_at_gate);
	ok(ptj_scheduler_close(s));
	for (int i = 0; i < n; i++) {
		expect(ECANCELED, ptj_job_poll(jobs[i], 0, NULL));
		ptj_job_unref(jobs[i]);
	}
	ck_assert_int_eq(gate_passed(&gate), 0);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
	free(jobs);
}
END_TEST

/* ---- A crowd of callers ---------------------------------------------------------------------- */

static struct crowd {
	ptj_scheduler *s;
	ptj_job *awaited;
	atomic_int ended; /* of the callers' jobs */
	atomic_int right, wrong;
} crowd;

static void *call(void *arg)
{
	void *result = NULL;
	ptj_job *job;
	int code;

	gate_pass(&gate);
	code = ptj_spawn(crowd.s, job_identity, arg, &job);
	if (code == 0) {
		code = ptj_job_wait(job, PTJ_INFINITE, &result);
		ptj_job_unref(job);
		atomic_fetch_add(&crowd.ended, 1);
	}
	if (code == 0 && result == arg && ptj_job_wait(crowd.awaited, PTJ_INFINITE, &result) == 0)
		atomic_fetch_add(&crowd.right, 1);
	else
		atomic_fetch_add(&crowd.wrong, 1);
	return arg;
}

static struct gate awaited;

/* Each of n has spawned his job, and it has ended. */
static int all_but_one_have_ended(int n)
{
	return gate_passed(&gate) == n && atomic_load(&crowd.ended) == n;
}

/* They spawn all at once into a short line, wait each for his own job, and all for one job. */
START_TEST(thousands_of_threads_spawn_and_wait)
{
	int most = crowd_here(), n = 0;
	pthread_t *threads = malloc((size_t)most * sizeof(threads[0]));
	pthread_attr_t attr;

	ck_assert_ptr_nonnull(threads);
	gate_init(&gate);
	gate_init(&awaited);
	crowd.s = make_simple(3, 10);
	crowd.awaited = spawn(crowd.s, job_at_gate, &awaited);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack_size());
	while (n < most && pthread_create(&threads[n], &attr, call, (void *)(intptr_t)n) == 0)
		n++;
	pthread_attr_destroy(&attr);
	ck_assert_int_ge(n, LEAST);
	gate_await(&gate, n);
	gate_open(&gate);
	await(all_but_one_have_ended(n));
	gate_open(&awaited);
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(atomic_load(&crowd.wrong), 0);
	ck_assert_int_eq(atomic_load(&crowd.right), n);
	ptj_job_unref(crowd.awaited);
	ptj_scheduler_free(crowd.s);
	gate_destroy(&gate);
	gate_destroy(&awaited);
	free(threads);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, thousands_of_jobs_run_at_once);
	tcase_add_test(tc, thousands_of_jobs_are_cancelled_at_once);
	tcase_add_test(tc, thousands_of_threads_spawn_and_wait);
}

int main(void)
{
	return run_tests("crowd", add);
}
