/* Threads: how many there are, when they come and go, their stacks and their signals.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <signal.h>
#include <sys/syscall.h>

static struct gate gate;
static struct recorder seen;
static int threads_before;

static int call_nothing(struct caller *c)
{
	(void)c;
	return 0;
}

/* Threads of others, such as a sanitizer's, that come with the first one are not counted. */
static ptj_scheduler *make_here(struct setup u)
{
	struct caller c;

	gate_init(&gate);
	recorder_init(&seen);
	caller_start(&c, call_nothing);
	ok(caller_join(&c));
	/* A thread that was joined may be in /proc for a moment more. */
	await(thread_is_gone(atomic_load(&c.tid)));
	threads_before = threads_here();
	return make(&u);
}

static void free_here(ptj_scheduler *s)
{
	ptj_scheduler_free(s);
	await(threads_here() <= threads_before);
	gate_destroy(&gate);
}

static int threads_more(void)
{
	return threads_here() - threads_before;
}

START_TEST(a_scheduler_without_work_has_no_thread)
{
	ptj_scheduler *s = make_here(setup_number(_i));

	ck_assert_int_le(threads_more(), 0);
	free_here(s);
}
END_TEST

START_TEST(there_are_no_more_threads_than_the_limit)
{
	struct setup u = setup_number(_i);
	ptj_scheduler *s;
	int limit;

	u.limit = u.limit ? u.limit : 3;
	u.pending_limit = 0;
	limit = (int)u.limit;
	s = make_here(u);
	spawn_n(s, 10 * u.limit, job_at_gate, &gate);
	gate_await(&gate, limit);
	ck_assert_int_eq(threads_more(), limit);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_le(threads_more(), limit);
	free_here(s);
}
END_TEST

static void *job_record_thread(void *arg)
{
	record(&seen, gettid_here());
	return arg;
}

START_TEST(threads_are_used_again)
{
	enum { N = 500 };
	ptj_scheduler *s = make_here(setup_of(4, 0));
	intptr_t first;

	for (int i = 0; i < N; i++) {
		ptj_job *job = spawn(s, job_record_thread, NULL);

		ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
		ptj_job_unref(job);
	}
	ck_assert_int_le(threads_more(), 4);
	first = recorded_at(&seen, 0);
	ck_assert_uint_gt(recorded_times(&seen, first), 1);
	free_here(s);
}
END_TEST

START_TEST(an_idle_thread_leaves_after_its_time)
{
	struct setup u = setup_of(4, 0);
	ptj_scheduler *s;

	u.idle_timeout = _i ? SHORT_MS : 0;
	s = make_here(u);
	for (int round = 0; round < 3; round++) {
		spawn_n(s, 4, job_at_gate, &gate);
		gate_await(&gate, 4 * (round + 1));
		gate_open(&gate);
		ok(ptj_scheduler_wait(s, PTJ_INFINITE));
		await(threads_more() <= 0);
	}
	ck_assert_int_eq(gate_passed(&gate), 12);
	free_here(s);
}
END_TEST

START_TEST(an_idle_thread_stays_while_its_time_is_not_over)
{
	struct setup u = setup_of(2, 0);
	ptj_scheduler *s;

	u.idle_timeout = _i ? PATIENCE_MS : PTJ_INFINITE;
	s = make_here(u);
	spawn_n(s, 2, job_at_gate, &gate);
	gate_await(&gate, 2);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(threads_more(), 2);
	ok(ptj_scheduler_close(s));
	await(threads_more() <= 0);
	free_here(s);
}
END_TEST

START_TEST(after_a_close_no_thread_is_left)
{
	struct setup u = setup_number(_i);
	size_t n = u.limit ? u.limit : 6;
	ptj_scheduler *s = make_here(u);

	spawn_n(s, n, job_obedient, &gate);
	gate_await(&gate, (int)n);
	expect(ETIMEDOUT, ptj_shield(s, job_obedient, &gate, 0, NULL));
	gate_await(&gate, (int)n + 1);
	ck_assert_int_eq(threads_more(), (int)n + 1);
	ok(ptj_scheduler_close(s));
	await(threads_more() <= 0);
	free_here(s);
}
END_TEST

START_TEST(a_stragglers_thread_leaves_when_it_ends)
{
	static struct reports reports;
	struct setup u = setup_of(2, 0);
	ptj_scheduler *s;
	ptj_job *jobs[2];

	reports_init(&reports);
	u.close_timeout = 0;
	u.reports = &reports;
	s = make_here(u);
	for (int i = 0; i < 2; i++)
		jobs[i] = spawn(s, job_stubborn, &gate);
	gate_await(&gate, 2);
	ptj_scheduler_free(s);
	ck_assert_int_eq(threads_more(), 2);
	gate_open(&gate);
	for (int i = 0; i < 2; i++) {
		ok(ptj_job_wait(jobs[i], PTJ_INFINITE, NULL));
		ptj_job_unref(jobs[i]);
	}
	await(threads_more() <= 0);
	gate_destroy(&gate);
}
END_TEST

START_TEST(cancelled_threads_are_replaced_and_leave)
{
	enum { ROUNDS = 60 };
	struct setup u = setup_of(2, 0);
	ptj_scheduler *s;

	u.mode = _i;
	s = make_here(u);
	for (int i = 0; i < ROUNDS; i++) {
		ptj_job *job = spawn(s, job_obedient, &gate);

		gate_await(&gate, i + 1);
		ok(ptj_job_close(job, PTJ_INFINITE));
		ptj_job_unref(job);
	}
	await(threads_more() <= 2);
	free_here(s);
}
END_TEST

/* ---- Stacks --------------------------------------------------------------------------------- */

static void *job_measure_stack(void *arg)
{
	pthread_attr_t attr;

	if (pthread_getattr_np(pthread_self(), &attr))
		return NULL;
	pthread_attr_getstacksize(&attr, arg);
	pthread_attr_destroy(&attr);
	return arg;
}

START_TEST(stack_size_is_as_set)
{
	enum { STACK = 1 << 20, MARGIN = 1 << 16 };
	size_t size = 0;
	ptj_scheduler *s;
	ptj_attr *attr;

	ok(ptj_attr_create(&attr));
	ok(ptj_attr_set_stack_size(attr, STACK));
	ok(ptj_scheduler_create(&s, attr));
	ptj_attr_free(attr);
	spawn_n(s, 1, job_measure_stack, &size);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_ge(size, STACK);
	ck_assert_uint_le(size, STACK + MARGIN);
	ptj_scheduler_free(s);
}
END_TEST

/* ---- Signals -------------------------------------------------------------------------------- */

static int is_synchronous(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL ||
	       sig == SIGTRAP || sig == SIGSYS || sig == SIGABRT;
}

/* Records each signal whose blocking is not what it should be. */
static void *job_look_at_the_mask(void *arg)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	for (int sig = 1; sig < NSIG; sig++) {
		int special = sig == SIGKILL || sig == SIGSTOP || (sig >= 32 && sig < SIGRTMIN);

		if (!special && sigismember(&mask, sig) == is_synchronous(sig))
			record(&seen, sig);
	}
	record(&seen, 0);
	return arg;
}

/* Whatever the spawner's own mask is, which stays as it is. */
START_TEST(workers_block_all_but_the_synchronous_signals)
{
	sigset_t mine, after;
	ptj_scheduler *s;

	if (_i)
		sigfillset(&mine);
	else
		sigemptyset(&mine);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &mine);
	s = make_here(setup_of(1, 0));
	spawn_n(s, 1, job_look_at_the_mask, NULL);
	ok(ptj_shield(s, job_look_at_the_mask, NULL, PTJ_INFINITE, NULL));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_uint_eq(recorded_times(&seen, 0), 2);
	free_here(s);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (int sig = 1; sig < NSIG; sig++)
		ck_assert_int_eq(sigismember(&after, sig), sigismember(&mine, sig));
	sigemptyset(&mine);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
}
END_TEST

static void *job_leave_a_mess(void *arg)
{
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	pthread_setname_np(pthread_self(), "a mess");
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return arg;
}

static void *job_look_for_the_mess(void *name)
{
	char id_name[32];
	int state, type;

	job_look_at_the_mask(NULL);
	pthread_getname_np(pthread_self(), name, 16);
	ptj_job_get_name(ptj_job_self(), id_name, sizeof(id_name));
	record(&seen, strcmp(name, id_name) == 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	record(&seen, state == PTHREAD_CANCEL_ENABLE && type == PTHREAD_CANCEL_DEFERRED);
	return name;
}

/* The three are run by one thread, without a pause. */
START_TEST(what_a_job_does_to_its_thread_ends_with_it)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));
	ptj_job *jobs[3];
	char name[16];

	jobs[0] = spawn(s, job_at_gate, &gate);
	jobs[1] = spawn(s, job_leave_a_mess, NULL);
	jobs[2] = spawn(s, job_look_for_the_mess, name);
	gate_open(&gate);
	for (int i = 0; i < 3; i++) {
		ok(ptj_job_wait(jobs[i], PTJ_INFINITE, NULL));
		ptj_job_unref(jobs[i]);
	}
	ck_assert_uint_eq(recorded(&seen), 3);
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	ck_assert_int_eq(recorded_at(&seen, 1), 1);
	ck_assert_int_eq(recorded_at(&seen, 2), 1);
	ck_assert_str_eq(name, "job-3");
	free_here(s);
}
END_TEST

static atomic_int handled_by, handled;

static void note_signal(int sig)
{
	(void)sig;
	atomic_store(&handled_by, (int)syscall(SYS_gettid));
	atomic_fetch_add(&handled, 1);
}

START_TEST(signals_of_the_process_go_to_the_programs_own_threads)
{
	struct sigaction action = {.sa_handler = note_signal}, before;
	ptj_scheduler *s = make_here(setup_of(4, 0));

	sigaction(SIGUSR1, &action, &before);
	spawn_n(s, 4, job_at_gate, &gate);
	gate_await(&gate, 4);
	for (int i = 0; i < 20; i++) {
		atomic_store(&handled_by, 0);
		ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
		await(atomic_load(&handled) == i + 1);
		ck_assert_int_eq(atomic_load(&handled_by), gettid_here());
	}
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	free_here(s);
	sigaction(SIGUSR1, &before, NULL);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_scheduler_without_work_has_no_thread, 0, SETUPS);
	tcase_add_loop_test(tc, there_are_no_more_threads_than_the_limit, 0, SETUPS);
	tcase_add_test(tc, threads_are_used_again);
	tcase_add_loop_test(tc, an_idle_thread_leaves_after_its_time, 0, 2);
	tcase_add_loop_test(tc, an_idle_thread_stays_while_its_time_is_not_over, 0, 2);
	tcase_add_loop_test(tc, after_a_close_no_thread_is_left, 0, SETUPS);
	tcase_add_test(tc, a_stragglers_thread_leaves_when_it_ends);
	tcase_add_loop_test(tc, cancelled_threads_are_replaced_and_leave, 0, MODES);
	tcase_add_test(tc, stack_size_is_as_set);
	tcase_add_loop_test(tc, workers_block_all_but_the_synchronous_signals, 0, 2);
	tcase_add_test(tc, what_a_job_does_to_its_thread_ends_with_it);
	tcase_add_test(tc, signals_of_the_process_go_to_the_programs_own_threads);
}

int main(void)
{
	return run_tests("threads", add);
}
