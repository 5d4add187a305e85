/* The clock of the wall is set while the library waits: no timeout is shorter or longer for that.

   The library within this program is told another time of day whenever it asks, and which clock it
   waits by is noted; so the machine's own clock need not be touched.  With ThreadSanitizer, which
   knows no waits by another clock, the library has to wait by that of the wall.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "../lib/mutex.h"

#include <semaphore.h>
#include <time.h>

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __real_sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until);
int __real_sem_timedwait(sem_t *sem, const struct timespec *until);
int __real_pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
                                const struct timespec *until);
int __real_pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *until);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until);
int __wrap_sem_timedwait(sem_t *sem, const struct timespec *until);
int __wrap_pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
                                const struct timespec *until);
int __wrap_pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *until);

enum { DAY = 86400 };

static atomic_long step;        /* in seconds */
static atomic_int reads, waits; /* by the wall's clock */
static atomic_int steady_waits;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = __real_clock_gettime(clock, now);

	if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
		return rc;
	atomic_fetch_add(&reads, 1);
	now->tv_sec += atomic_load(&step);
	return rc;
}

int __wrap_sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until)
{
	atomic_fetch_add(clock == CLOCK_MONOTONIC ? &steady_waits : &waits, 1);
	return __real_sem_clockwait(sem, clock, until);
}

int __wrap_sem_timedwait(sem_t *sem, const struct timespec *until)
{
	atomic_fetch_add(&waits, 1);
	return __real_sem_timedwait(sem, until);
}

int __wrap_pthread_clockjoin_np(pthread_t thread, void **value, clockid_t clock,
                                const struct timespec *until)
{
	atomic_fetch_add(clock == CLOCK_MONOTONIC ? &steady_waits : &waits, 1);
	return __real_pthread_clockjoin_np(thread, value, clock, until);
}

int __wrap_pthread_timedjoin_np(pthread_t thread, void **value, const struct timespec *until)
{
	atomic_fetch_add(&waits, 1);
	return __real_pthread_timedjoin_np(thread, value, until);
}

/* ---- A clock that jumps ---------------------------------------------------------------------- */

static atomic_int over;

static int jump_about(struct caller *c)
{
	(void)c;
	for (long n = 1; !atomic_load(&over); n++) {
		atomic_store(&step, n % 2 ? n * DAY : -n * DAY);
		pause_briefly();
	}
	return 0;
}

static struct gate gate;
static struct caller clock_setter;

static ptj_scheduler *begin(const struct setup *u)
{
	atomic_store(&reads, 0);
	atomic_store(&waits, 0);
	atomic_store(&steady_waits, 0);
	atomic_store(&over, 0);
	gate_init(&gate);
	caller_start(&clock_setter, jump_about);
	return make(u);
}

static void end(ptj_scheduler *s)
{
	gate_open(&gate);
	ptj_scheduler_free(s);
	atomic_store(&over, 1);
	ok(caller_join(&clock_setter));
	atomic_store(&step, 0);
	/* Stragglers, too. */
	await(gate_passed(&gate) == gate_arrived(&gate));
	gate_destroy(&gate);
	ck_assert_int_eq(atomic_load(&reads), 0);
	ck_assert_int_eq(atomic_load(&waits), 0);
}

/* ---- All that has a timeout ------------------------------------------------------------------ */

static void in_a_job_wait(ptj_scheduler *s, ptj_job *job)
{
	(void)s;
	expect(ETIMEDOUT, ptj_job_poll(job, SHORT_MS, NULL));
}

static void in_a_scheduler_wait(ptj_scheduler *s, ptj_job *job)
{
	(void)job;
	expect(ETIMEDOUT, ptj_scheduler_wait(s, SHORT_MS));
}

static void in_a_job_close(ptj_scheduler *s, ptj_job *job)
{
	(void)s;
	expect(ETIMEDOUT, ptj_job_close(job, SHORT_MS));
}

static void in_a_spawn(ptj_scheduler *s, ptj_job *job)
{
	(void)job;
	ok(ptj_spawn(s, job_identity, NULL, NULL));
	expect(ETIMEDOUT, ptj_spawn_attr(s, NULL, job_identity, NULL, SHORT_MS, NULL));
}

static void in_a_shield(ptj_scheduler *s, ptj_job *job)
{
	(void)job;
	expect(ETIMEDOUT, ptj_shield(s, job_stubborn, &gate, SHORT_MS, NULL));
}

static void in_a_take(ptj_scheduler *s, ptj_job *job)
{
	ptj_completions *c;
	ptj_job *taken;
	size_t n;

	(void)s;
	(void)job;
	ok(ptj_completions_create(&c, -1));
	expect(ETIMEDOUT, ptj_completions_take(c, &taken, 1, SHORT_MS, &n));
	ptj_completions_free(c);
}

static void in_a_request_for_external_jobs(ptj_scheduler *s, ptj_job *job)
{
	ptj_job *external;

	(void)job;
	expect(ETIMEDOUT, ptj_external_next(s, SHORT_MS, &external));
}

static void in_a_sleep(ptj_scheduler *s, ptj_job *job)
{
	(void)s;
	(void)job;
	ok(ptj_sleep(SHORT_MS));
}

static void in_a_wait_and_close(ptj_scheduler *s, ptj_job *job)
{
	(void)job;
	ok(ptj_scheduler_wait_and_close(s, SHORT_MS));
}

static void in_a_scheduler_close(ptj_scheduler *s, ptj_job *job)
{
	(void)job;
	ok(ptj_scheduler_close(s));
}

static void (*const calls[])(ptj_scheduler *s, ptj_job *job) = {
	in_a_job_wait, in_a_scheduler_wait, in_a_job_close,
	in_a_spawn,    in_a_shield,         in_a_take,
	in_a_sleep,    in_a_wait_and_close, in_a_request_for_external_jobs,
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static void take_its_time(void (*call)(ptj_scheduler *s, ptj_job *job), int64_t close_timeout)
{
	static struct reports reports;
	struct setup u = setup_of(1, 1);
	ptj_scheduler *s;
	ptj_job *job;
	int64_t start;

	reports_init(&reports);
	u.close_timeout = close_timeout;
	u.reports = &reports;
	s = begin(&u);
	job = spawn(s, job_stubborn, &gate);
	gate_await(&gate, 1);
	start = now_ms();
	call(s, job);
	expect_took(start, SHORT_MS);
	ck_assert_int_gt(atomic_load(&steady_waits), 0);
	ptj_job_unref(job);
	end(s);
}

START_TEST(a_timeout_is_what_it_is)
{
	take_its_time(calls[_i], 0);
}
END_TEST

START_TEST(so_is_that_of_a_close)
{
	take_its_time(in_a_scheduler_close, SHORT_MS);
}
END_TEST

static void *job_record_tid(void *tid)
{
	*(int *)tid = gettid_here();
	return tid;
}

START_TEST(an_idle_thread_stays_as_long)
{
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s;
	int64_t start;
	int tid;

	u.idle_timeout = SHORT_MS;
	s = begin(&u);
	start = now_ms();
	ok(ptj_spawn(s, job_record_tid, &tid, NULL));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	await(thread_is_gone(tid));
	expect_took(start, SHORT_MS);
	end(s);
}
END_TEST

/* Its thread is joined by who waits for it, for no longer than he waits. */
START_TEST(a_cancelled_job_is_waited_for_as_long)
{
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s = begin(&u);
	ptj_job *job = spawn(s, job_sleep_forever, NULL);

	while (!ptj_job_active(job))
		pause_briefly();
	ok(ptj_job_close(job, PATIENCE_MS));
	ptj_job_unref(job);
	end(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_timeout_is_what_it_is, 0, CALLS);
	tcase_add_test(tc, so_is_that_of_a_close);
	tcase_add_test(tc, an_idle_thread_stays_as_long);
	tcase_add_test(tc, a_cancelled_job_is_waited_for_as_long);
}

int main(void)
{
#ifdef WITH_TSAN
	return 77; /* skipped */
#endif
	return run_tests("clock", add);
}
