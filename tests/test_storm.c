/* A storm of signals: every call of the library is interrupted again and again, in the program's
   own threads and in jobs that have opened their mask, and neither fails nor returns early for
   that.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "sanitizers.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	ROUNDS = SANITIZED ? 20 : 150,
	JOBS = 20 * ROUNDS, /* for queues, and half of them external */
	CALLERS = 3,
	LONG_US = 3000, /* of calls that are to take their time */
	BREAK_US = 50,  /* between two bolts */
	THREADS = 64    /* that are struck, of those that ever asked for it */
};

static atomic_int caught, over;
static atomic_int struck[THREADS];
static atomic_uint asked;

/* It changes errno, as careless handlers do; ThreadSanitizer takes that for a mistake. */
static void catch_signal(int sig)
{
	(void)sig;
	atomic_fetch_add_explicit(&caught, 1, memory_order_relaxed);
	if (!SANITIZED)
		errno = EINTR;
}

static void ask_for_it(void)
{
	unsigned place = atomic_fetch_add(&asked, 1) % THREADS;

	atomic_store(&struck[place], gettid_here());
}

/* Strikes the process, and each thread that has asked for it and is still there. */
static int strike(struct caller *c)
{
	const struct timespec pause = {.tv_nsec = BREAK_US * 1000};
	sigset_t all;

	(void)c;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (!atomic_load(&over)) {
		kill(getpid(), SIGUSR2);
		for (int i = 0; i < THREADS; i++)
			if (atomic_load(&struck[i]))
				syscall(SYS_tgkill, getpid(), atomic_load(&struck[i]), SIGUSR1);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* ---- What goes on meanwhile ------------------------------------------------------------------ */

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void open_the_mask(void)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	ask_for_it();
}

static void *job_sleep_in_the_rain(void *arg)
{
	int64_t start = now_us();
	int code;

	open_the_mask();
	code = ptj_sleep(LONG_US / 1000);
	if (code || now_us() - start < LONG_US)
		return ptj_job_fail(code ? code : ETIME, NULL);
	return arg;
}

static void *job_wait_in_the_rain(void *scheduler)
{
	void *result = NULL;
	ptj_job *job;
	int code;

	open_the_mask();
	code = ptj_spawn(scheduler, job_sleep_in_the_rain, scheduler, &job);
	if (code)
		return ptj_job_fail(code, NULL);
	code = ptj_job_wait(job, PTJ_INFINITE, &result);
	ptj_job_unref(job);
	return code ? ptj_job_fail(code, NULL) : result;
}

static void *job_until_closed(void *arg)
{
	open_the_mask();
	return ptj_job_fail(ptj_sleep(PTJ_INFINITE), arg);
}

static int finish_with(ptj_job *job, int code, int wanted)
{
	ptj_job_unref(job);
	return code == wanted ? 0 : code ? code : EPROTO;
}

static int wait_for_one(ptj_scheduler *s)
{
	void *result = NULL;
	ptj_job *job;
	int code = ptj_spawn(s, job_wait_in_the_rain, s, &job);

	if (code)
		return code;
	code = ptj_job_wait(job, PTJ_INFINITE, &result);
	return finish_with(job, code ? code : result == s ? 0 : EPROTO, 0);
}

static int close_one(ptj_scheduler *s)
{
	ptj_job *job;
	int code = ptj_spawn(s, job_until_closed, NULL, &job);

	return code ? code : finish_with(job, ptj_job_close(job, PTJ_INFINITE), 0);
}

static int time_out(ptj_scheduler *s)
{
	ptj_job *job;
	int code = ptj_spawn(s, job_until_closed, NULL, &job);
	int64_t start = now_us();

	if (code)
		return code;
	code = ptj_job_poll(job, LONG_US / 1000, NULL);
	if (now_us() - start < LONG_US)
		code = ETIME;
	ptj_job_close(job, PTJ_INFINITE);
	return finish_with(job, code, ETIMEDOUT);
}

static int shield_one(ptj_scheduler *s)
{
	void *result = NULL;
	int code = ptj_shield(s, job_sleep_in_the_rain, s, PTJ_INFINITE, &result);

	return code ? code : result == s ? 0 : EPROTO;
}

static int (*const calls[])(ptj_scheduler *s) = {wait_for_one, close_one, time_out, shield_one};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static int go_about(struct caller *c)
{
	int code = 0;

	open_the_mask();
	for (int i = 0; i < ROUNDS && code == 0; i++)
		code = calls[i % CALLS](c->s);
	return code;
}

/* ---- Queues and external jobs ---------------------------------------------------------------- */

static ptj_completions *queue;
static ptj_job_attr *bound;

static int take_all(struct caller *c)
{
	ptj_job *job;
	size_t n;
	int code = 0;

	(void)c;
	open_the_mask();
	for (int i = 0; i < JOBS && code == 0; i++) {
		code = ptj_completions_take(queue, &job, 1, PTJ_INFINITE, &n);
		if (code == 0)
			code = finish_with(job, ptj_job_wait(job, 0, NULL), 0);
	}
	return code;
}

static int do_external_jobs(struct caller *c)
{
	ptj_job *job;
	int code = 0;

	open_the_mask();
	for (int i = 0; i < JOBS / 2 && code == 0; i++) {
		code = ptj_external_next(c->s, PTJ_INFINITE, &job);
		if (code == 0)
			code = finish_with(job, ptj_job_finish(job, 0, NULL, NULL), 0);
	}
	return code;
}

static int spawn_all(struct caller *c)
{
	int code = 0;

	open_the_mask();
	for (int i = 0; i < JOBS / 2 && code == 0; i++) {
		code = ptj_spawn_attr(c->s, bound, job_identity, NULL, PTJ_INFINITE, NULL);
		if (code == 0)
			code = ptj_spawn_external(c->s, bound, NULL, PTJ_INFINITE, NULL);
	}
	return code;
}

/* ---- The tests ------------------------------------------------------------------------------- */

static struct sigaction before[2];
static struct caller thunder;

static ptj_scheduler *begin(int restart, size_t limit, size_t pending_limit)
{
	struct sigaction action = {.sa_handler = catch_signal,
	                           .sa_flags = restart ? SA_RESTART : 0};

	sigaction(SIGUSR1, &action, &before[0]);
	sigaction(SIGUSR2, &action, &before[1]);
	atomic_store(&over, 0);
	caller_start(&thunder, strike);
	ask_for_it();
	return make_simple(limit, pending_limit);
}

static void end(ptj_scheduler *s)
{
	ok(ptj_scheduler_wait_and_close(s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(s);
	await(atomic_load(&caught) > ROUNDS);
	atomic_store(&over, 1);
	ok(caller_join(&thunder));
	sigaction(SIGUSR1, &before[0], NULL);
	sigaction(SIGUSR2, &before[1], NULL);
}

START_TEST(no_call_fails_or_is_early)
{
	ptj_scheduler *s = begin(_i, CALLERS, 1);
	struct caller c[CALLERS];

	for (int i = 0; i < CALLERS; i++) {
		c[i] = (struct caller){.s = s};
		caller_start(&c[i], go_about);
	}
	for (int i = 0; i < CALLERS; i++)
		ok(caller_join(&c[i]));
	end(s);
}
END_TEST

START_TEST(no_notification_is_lost)
{
	ptj_scheduler *s = begin(_i, 2, 1);
	struct caller taker = {.s = s}, host = {.s = s}, spawner = {.s = s};

	ok(ptj_completions_create(&queue, -1));
	bound = job_attr(NULL, -1);
	ok(ptj_job_attr_set_completions(bound, queue));
	caller_start(&taker, take_all);
	caller_start(&host, do_external_jobs);
	caller_start(&spawner, spawn_all);
	ok(caller_join(&spawner));
	ok(caller_join(&host));
	ok(caller_join(&taker));
	end(s);
	ptj_job_attr_free(bound);
	ptj_completions_free(queue);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, no_call_fails_or_is_early, 0, 2);
	tcase_add_loop_test(tc, no_notification_is_lost, 0, 2);
}

int main(void)
{
	return run_tests("storm", add);
}
