/* The functions of the program that each thread calls when it starts and before it ends.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* What is recorded: one of these, and the thread. */
enum { START, STOP, JOB, CLEANUP, DATA_GONE, RELEASED, KINDS };

static ptj_scheduler *s;
static struct recorder seen, told;
static struct gate gate, hook_gate;
static int user;

static intptr_t event(int kind, int tid)
{
	return kind + (intptr_t)tid * KINDS;
}

static void note(int kind)
{
	record(&seen, event(kind, gettid_here()));
}

static int kind_at(size_t i)
{
	return (int)(recorded_at(&seen, i) % KINDS);
}

static int tid_at(size_t i)
{
	return (int)(recorded_at(&seen, i) / KINDS);
}

static size_t times(int kind)
{
	size_t n = 0;

	for (size_t i = 0; i < recorded(&seen); i++)
		n += kind_at(i) == kind;
	return n;
}

static void note_start(void *arg)
{
	note(arg == &user ? START : KINDS - 1);
}

static void note_stop(void *arg)
{
	note(arg == &user ? STOP : KINDS - 1);
}

static struct setup hooked(struct setup u, ptj_thread_hook start, ptj_thread_hook stop)
{
	recorder_init(&seen);
	recorder_init(&told);
	gate_init(&gate);
	gate_init(&hook_gate);
	u.thread_start = start;
	u.thread_stop = stop;
	u.thread_user = &user;
	return u;
}

static void make_hooked(struct setup u, ptj_thread_hook start, ptj_thread_hook stop)
{
	u = hooked(u, start, stop);
	s = make(&u);
}

static void free_hooked(void)
{
	ptj_scheduler_free(s);
	s = NULL;
	gate_destroy(&gate);
	gate_destroy(&hook_gate);
}

static void *job_note(void *arg)
{
	note(JOB);
	return job_obedient(arg);
}

START_TEST(they_are_attributes)
{
	ptj_thread_hook fn = note_stop;
	void *got = &fn;
	ptj_attr *attr;

	ok(ptj_attr_create(&attr));
	ok(ptj_attr_get_thread_start(attr, &fn, &got));
	ck_assert(fn == NULL && got == NULL);
	ok(ptj_attr_set_thread_start(attr, note_start, &user));
	ok(ptj_attr_set_thread_stop(attr, note_stop, NULL));
	ok(ptj_attr_get_thread_start(attr, &fn, &got));
	ck_assert(fn == note_start && got == &user);
	ok(ptj_attr_get_thread_stop(attr, &fn, &got));
	ck_assert(fn == note_stop && got == NULL);
	ok(ptj_attr_get_thread_start(attr, NULL, NULL));
	ok(ptj_attr_set_thread_start(attr, NULL, NULL));
	ok(ptj_attr_get_thread_start(attr, &fn, NULL));
	ck_assert(fn == NULL);
	expect(EINVAL, ptj_attr_set_thread_start(NULL, note_start, NULL));
	expect(EINVAL, ptj_attr_set_thread_stop(NULL, note_stop, NULL));
	expect(EINVAL, ptj_attr_get_thread_start(NULL, &fn, NULL));
	expect(EINVAL, ptj_attr_get_thread_stop(NULL, &fn, NULL));
	ptj_attr_free(attr);
}
END_TEST

/* On each thread: start, jobs, stop. */
static void expect_pairs(void)
{
	for (size_t i = 0; i < recorded(&seen); i++) {
		int tid = tid_at(i), open = 0;

		ck_assert_uint_eq(recorded_times(&seen, event(START, tid)), 1);
		ck_assert_uint_eq(recorded_times(&seen, event(STOP, tid)), 1);
		for (size_t k = 0; k <= i; k++)
			if (tid_at(k) == tid)
				open += (kind_at(k) == START) - (kind_at(k) == STOP);
		ck_assert_int_eq(open, kind_at(i) != STOP);
	}
}

START_TEST(each_thread_calls_both_once_and_its_jobs_are_between_them)
{
	struct setup u = setup_number(_i);
	size_t n = u.limit ? u.limit : 6;

	make_hooked(u, note_start, note_stop);
	spawn_n(s, n, job_note, &gate);
	expect(ETIMEDOUT, ptj_shield(s, job_note, &gate, 0, NULL));
	gate_await(&gate, (int)n + 1);
	ck_assert_uint_eq(times(START), n + 1);
	ck_assert_uint_eq(times(STOP), 0);
	/* Half of them return, half are closed, where the mode allows it by a cancellation. */
	if (_i % 2)
		gate_open(&gate);
	ok(ptj_scheduler_close(s));
	ck_assert_uint_eq(times(START), times(STOP));
	expect_pairs();
	free_hooked();
}
END_TEST

START_TEST(a_thread_that_was_idle_too_long_calls_stop)
{
	struct setup u = setup_of(2, 0);

	u.idle_timeout = 0;
	make_hooked(u, note_start, note_stop);
	gate_open(&gate);
	for (int i = 0; i < 3; i++) {
		spawn_n(s, 1, job_note, &gate);
		await(times(JOB) == (size_t)i + 1 && times(STOP) == times(START));
	}
	expect_pairs();
	free_hooked();
}
END_TEST

/* ---- Unwound threads ------------------------------------------------------------------------ */

static pthread_key_t key;

static void note_data_gone(void *value)
{
	(void)value;
	note(DATA_GONE);
}

static void note_cleanup(void *arg)
{
	(void)arg;
	note(CLEANUP);
}

static void note_release(void *arg)
{
	(void)arg;
	record(&seen, event(RELEASED, 0));
}

UNWOUND static void *job_be_unwound(void *by_exit)
{
	pthread_setspecific(key, &key);
	note(JOB);
	pthread_cleanup_push(note_cleanup, NULL);
	if (*(int *)by_exit)
		pthread_exit(by_exit);
	gate_pass(&gate);
	pthread_cleanup_pop(0);
	return NULL;
}

START_TEST(a_thread_whose_job_is_unwound_calls_stop_between_cleanup_and_release)
{
	static const int order[] = {START, JOB, CLEANUP, STOP, DATA_GONE, RELEASED};
	ptj_job_attr *attr = job_attr(note_release, -1);
	int by_exit = _i;
	ptj_job *job;
	void *result = NULL;

	ck_assert_int_eq(pthread_key_create(&key, note_data_gone), 0);
	make_hooked(setup_of(1, 0), note_start, note_stop);
	job = spawn_with(s, attr, job_be_unwound, &by_exit);
	if (by_exit) {
		ok(ptj_job_wait(job, PTJ_INFINITE, &result));
		ck_assert_ptr_eq(result, &by_exit);
	} else {
		gate_await(&gate, 1);
		ok(ptj_job_close(job, PTJ_INFINITE));
		expect(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	}
	/* Where another worker has joined the thread, that has started meanwhile. */
	for (size_t i = 0, k = 0; k < 6; i++) {
		ck_assert_uint_lt(i, recorded(&seen));
		if (tid_at(i) != tid_at(0) && kind_at(i) != RELEASED)
			continue;
		ck_assert_int_eq(kind_at(i), order[k]);
		k++;
	}
	ptj_job_unref(job);
	ptj_job_attr_free(attr);
	free_hooked();
	ck_assert_uint_eq(times(START), times(STOP));
	pthread_key_delete(key);
}
END_TEST

/* ---- What a hook may do --------------------------------------------------------------------- */

/* A lock that was held would be waited for here. */
static void tell(void *arg)
{
	int state;

	(void)arg;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	record(&told, state == PTHREAD_CANCEL_DISABLE && !ptj_job_self());
	record(&told, ptj_scheduler_len(s) <= 1);
	record(&told, ptj_scheduler_wait(s, 0) == EDEADLK);
	record(&told, ptj_scheduler_close(s) == EDEADLK);
	record(&told, ptj_scheduler_wait_and_close(s, 0) == EDEADLK);
	record(&told, ptj_shield(s, NULL, NULL, 0, NULL) == EINVAL);
	note(STOP);
}

START_TEST(a_hook_may_call_the_library)
{
	ptj_job *job;

	make_hooked(setup_of(1, 0), tell, tell);
	job = spawn(s, job_obedient, &gate);
	gate_await(&gate, 1);
	if (_i)
		gate_open(&gate);
	else
		ok(ptj_job_close(job, PTJ_INFINITE));
	ptj_job_poll(job, PTJ_INFINITE, NULL);
	ok(ptj_scheduler_close(s));
	ck_assert_uint_ge(recorded(&told), 12);
	ck_assert_uint_eq(recorded_times(&told, 1), recorded(&told));
	ptj_job_unref(job);
	free_hooked();
}
END_TEST

static void spawn_the_last(void *arg)
{
	(void)arg;
	if (recorded(&told) == 0) {
		record(&told, 0);
		record(&told, ptj_spawn(s, job_identity, NULL, NULL));
	}
}

/* The thread itself takes no job any more. */
START_TEST(a_hook_may_spawn)
{
	struct setup u = setup_of(1, 0);

	u.idle_timeout = 0;
	make_hooked(u, _i ? spawn_the_last : NULL, _i ? NULL : spawn_the_last);
	spawn_n(s, 1, job_identity, NULL);
	await(recorded(&told) == 2);
	ck_assert_int_eq(recorded_at(&told, 1), 0);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	free_hooked();
}
END_TEST

static void make_a_mess(void *arg)
{
	sigset_t none;

	(void)arg;
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	pthread_setname_np(pthread_self(), "a mess");
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
}

static int usr1_is_blocked(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	return sigismember(&mask, SIGUSR1);
}

static int is_called(const char *name)
{
	char now[16];

	pthread_getname_np(pthread_self(), now, sizeof now);
	return strcmp(now, name) == 0;
}

static void look_for_a_mess(void *arg)
{
	int state;

	(void)arg;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	record(&told, state == PTHREAD_CANCEL_DISABLE);
	record(&told, usr1_is_blocked());
	record(&told, is_called("ptjobs"));
}

static void look_and_make_a_mess(void *arg)
{
	look_for_a_mess(arg);
	make_a_mess(arg);
}

static void *job_look_for_a_mess(void *arg)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	record(&told, state == PTHREAD_CANCEL_DISABLE);
	record(&told, usr1_is_blocked());
	record(&told, is_called("job-1"));
	make_a_mess(arg);
	gate_pass(&gate);
	return arg;
}

/* Neither of what the hook did before the job, nor of what the job did before the hook. */
START_TEST(mask_name_and_cancellation_are_as_they_should_be)
{
	struct setup u = setup_of(1, 0);
	ptj_job *job;

	u.mode = PTJ_CANCEL_MASKED;
	make_hooked(u, look_and_make_a_mess, look_for_a_mess);
	job = spawn(s, job_look_for_a_mess, NULL);
	gate_await(&gate, 1);
	if (_i)
		gate_open(&gate);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_scheduler_close(s));
	ck_assert_uint_ge(recorded(&told), 9);
	ck_assert_uint_eq(recorded_times(&told, 1), recorded(&told));
	ptj_job_unref(job);
	free_hooked();
}
END_TEST

/* ---- Hooks that take long ------------------------------------------------------------------- */

static atomic_int hold;

static void stay_if_held(void *arg)
{
	note_start(arg);
	if (atomic_load(&hold))
		gate_pass_stubborn(&hook_gate);
}

static void *job_tell_tid(void *tid)
{
	atomic_store((atomic_int *)tid, gettid_here());
	return NULL;
}

/* Two threads: one is through with its jobs while the other is in the hook. */
START_TEST(no_job_waits_for_a_hook_while_a_thread_is_idle)
{
	atomic_int tid;
	ptj_job *job;

	make_hooked(setup_of(2, 0), stay_if_held, note_stop);
	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	atomic_store(&hold, 1);
	job = spawn(s, job_tell_tid, &tid);
	gate_await(&hook_gate, 1);
	gate_open(&gate);
	ok(ptj_job_poll(job, PATIENCE_MS, NULL));
	ptj_job_unref(job);
	ck_assert_int_eq(atomic_load(&tid), tid_at(0));
	for (int i = 0; i < 10; i++) {
		await(thread_is_blocked(tid_at(0)));
		job = spawn(s, job_tell_tid, &tid);
		ok(ptj_job_poll(job, PATIENCE_MS, NULL));
		ptj_job_unref(job);
		ck_assert_int_eq(atomic_load(&tid), tid_at(0));
	}
	gate_open(&hook_gate);
	ok(ptj_scheduler_close(s));
	ck_assert_uint_eq(times(START), 2);
	expect_pairs();
	free_hooked();
}
END_TEST

/* And the job that the thread was started for is dropped at once. */
START_TEST(a_close_waits_for_a_thread_in_its_hook)
{
	struct caller closer = {0};
	ptj_job *job;

	make_hooked(setup_of(1, 0), stay_if_held, note_stop);
	atomic_store(&hold, 1);
	job = spawn(s, job_identity, NULL);
	gate_await(&hook_gate, 1);
	closer.s = s;
	caller_start(&closer, call_scheduler_close);
	expect(ECANCELED, ptj_job_poll(job, PATIENCE_MS, NULL));
	caller_await_blocked(&closer);
	ck_assert_uint_eq(times(STOP), 0);
	gate_open(&hook_gate);
	ok(caller_join(&closer));
	ck_assert_uint_eq(times(STOP), 1);
	ptj_job_unref(job);
	free_hooked();
}
END_TEST

static void expect_close_to_wait_for_the_hook(struct caller *closer)
{
	caller_await_blocked(closer);
	ck_assert_uint_eq(times(STOP), 0);
	gate_open(&hook_gate);
	ok(caller_join(closer));
	ck_assert_uint_eq(times(START), 1);
	ck_assert_uint_eq(times(STOP), 1);
}

/* The thread has a function to run, and its caller is let go when the close is out of time; but it
   is no straggler's, since it never ran that. */
START_TEST(a_close_waits_for_a_thread_in_its_hook_that_is_to_run_a_shield)
{
	struct caller shield = {.fn = job_note, .arg = &gate, .timeout = PTJ_INFINITE};
	static struct reports reports;
	struct caller closer = {0};
	struct setup u = setup_of(1, 0);

	reports_init(&reports);
	u.close_timeout = 0;
	u.reports = &reports;
	make_hooked(u, stay_if_held, note_stop);
	atomic_store(&hold, 1);
	shield.s = closer.s = s;
	caller_start(&shield, call_shield);
	gate_await(&hook_gate, 1);
	caller_start(&closer, call_scheduler_close);
	expect(ECANCELED, caller_join(&shield));
	expect_close_to_wait_for_the_hook(&closer);
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_uint_eq(reports_with(&reports, CLOSING_TIMED_OUT), 1);
	ck_assert_uint_eq(times(JOB), 0);
	free_hooked();
}
END_TEST

static void release_at_gate(void *arg)
{
	gate_pass_stubborn(arg);
}

/* The straggler is a job whose release function the thread runs that closed it; the one in its hook
   was started for that job, and is not its thread. */
START_TEST(a_close_waits_for_a_thread_in_its_hook_beside_a_straggler)
{
	static struct reports reports;
	struct caller closers[2] = {0};
	struct setup u = setup_of(1, 0);
	ptj_job_attr *attr = job_attr(release_at_gate, -1);

	reports_init(&reports);
	u.close_timeout = 0;
	u.reports = &reports;
	make_hooked(u, stay_if_held, note_stop);
	atomic_store(&hold, 1);
	closers[0].job = spawn_with(s, attr, job_identity, &gate);
	closers[0].timeout = PTJ_INFINITE;
	closers[1].s = s;
	gate_await(&hook_gate, 1);
	caller_start(&closers[0], call_close);
	gate_await(&gate, 1);
	caller_start(&closers[1], call_scheduler_close);
	await(reports_with(&reports, CLOSING_TIMED_OUT) == 1);
	expect_close_to_wait_for_the_hook(&closers[1]);
	ck_assert_int_eq(caller_done(&closers[0]), 0);
	gate_open(&gate);
	ok(caller_join(&closers[0]));
	ptj_job_unref(closers[0].job);
	ptj_job_attr_free(attr);
	free_hooked();
}
END_TEST

static void stay_at_the_end_if_held(void *arg)
{
	if (atomic_exchange(&hold, 0))
		gate_pass_stubborn(&hook_gate);
	note_stop(arg);
}

/* The same with a thread that had nothing to do any more.  The straggler's own is gone: who closed
   it has joined that, and runs its release function. */
START_TEST(a_close_waits_for_a_thread_in_its_last_hook_beside_a_straggler)
{
	static struct reports reports;
	struct caller closers[2] = {0};
	struct setup u = setup_of(1, 0);
	ptj_job_attr *attr = job_attr(release_at_gate, -1);
	int held;

	reports_init(&reports);
	u.close_timeout = 0;
	u.idle_timeout = 0;
	u.reports = &reports;
	make_hooked(u, note_start, stay_at_the_end_if_held);
	atomic_store(&hold, 1);
	spawn_n(s, 1, job_identity, NULL);
	gate_await(&hook_gate, 1);
	held = tid_at(0);
	closers[0].job = spawn_with(s, attr, job_sleep_forever, &gate);
	closers[0].timeout = PTJ_INFINITE;
	closers[1].s = s;
	await(times(START) >= 2);
	caller_start(&closers[0], call_close);
	gate_await(&gate, 1);
	caller_start(&closers[1], call_scheduler_close);
	await(reports_with(&reports, CLOSING_TIMED_OUT) == 1);
	caller_await_blocked(&closers[1]);
	ck_assert_uint_eq(recorded_times(&seen, event(STOP, held)), 0);
	gate_open(&hook_gate);
	ok(caller_join(&closers[1]));
	ck_assert_uint_eq(recorded_times(&seen, event(STOP, held)), 1);
	gate_open(&gate);
	ok(caller_join(&closers[0]));
	ptj_job_unref(closers[0].job);
	ptj_job_attr_free(attr);
	free_hooked();
}
END_TEST

START_TEST(a_stragglers_thread_calls_stop_when_it_ends)
{
	static struct reports reports;
	struct setup u = setup_of(1, 0);

	reports_init(&reports);
	u.close_timeout = 0;
	u.reports = &reports;
	make_hooked(u, note_start, note_stop);
	spawn_n(s, 1, job_stubborn, &gate);
	gate_await(&gate, 1);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(times(STOP), 0);
	gate_open(&gate);
	await(times(STOP) == 1);
	await(thread_is_gone(tid_at(0)));
	expect_pairs();
	gate_destroy(&gate);
	gate_destroy(&hook_gate);
}
END_TEST

/* ---- fork ----------------------------------------------------------------------------------- */

enum { CHILD_SECONDS = 30, CHILD_OVER = 7 };

/* Shared with the child. */
static struct shared {
	atomic_int starts, jobs, stops;
} * shared;

/* Runs in the child when its only thread has come back from the library. */
static void child_is_over(void *value)
{
	(void)value;
	_exit(CHILD_OVER);
}

/* In which of them it forks: in the job, in start, in stop; in the job, which is unwound then. */
enum { IN_JOB, IN_START, IN_STOP, UNWOUND_JOB, PLACES };

static int place, unwind_in_child;

/* Returns twice. */
static void fork_here(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		end_in(CHILD_SECONDS);
		pthread_setspecific(key, &key);
		if (unwind_in_child)
			pthread_exit(NULL);
	} else if (waitpid(pid, &status, 0) == pid) {
		record(&told, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
}

static void *job_fork(void *arg)
{
	atomic_fetch_add(&shared->jobs, 1);
	if (place == IN_JOB || place == UNWOUND_JOB)
		fork_here();
	return arg;
}

static void count_start(void *arg)
{
	(void)arg;
	atomic_fetch_add(&shared->starts, 1);
	if (place == IN_START)
		fork_here();
}

static void count_stop(void *arg)
{
	(void)arg;
	atomic_fetch_add(&shared->stops, 1);
	if (place == IN_STOP)
		fork_here();
}

START_TEST(the_child_of_a_fork_calls_none)
{
	struct setup u = hooked(setup_of(1, 0), count_start, count_stop);

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	              0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	ck_assert_int_eq(pthread_key_create(&key, child_is_over), 0);
	place = _i;
	unwind_in_child = place == UNWOUND_JOB;
	s = make(&u);
	spawn_n(s, 1, job_fork, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	free_hooked();
	ck_assert_uint_eq(recorded(&told), 1);
	ck_assert_int_eq(recorded_at(&told, 0), CHILD_OVER);
	ck_assert_int_eq(atomic_load(&shared->starts), 1);
	ck_assert_int_eq(atomic_load(&shared->jobs), 1);
	ck_assert_int_eq(atomic_load(&shared->stops), 1);
	munmap(shared, sizeof *shared);
	pthread_key_delete(key);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, they_are_attributes);
	tcase_add_loop_test(tc, each_thread_calls_both_once_and_its_jobs_are_between_them, 0,
	                    SETUPS);
	tcase_add_test(tc, a_thread_that_was_idle_too_long_calls_stop);
	tcase_add_loop_test(
		tc, a_thread_whose_job_is_unwound_calls_stop_between_cleanup_and_release, 0, 2);
	tcase_add_loop_test(tc, a_hook_may_call_the_library, 0, 2);
	tcase_add_loop_test(tc, a_hook_may_spawn, 0, 2);
	tcase_add_loop_test(tc, mask_name_and_cancellation_are_as_they_should_be, 0, 2);
	tcase_add_test(tc, no_job_waits_for_a_hook_while_a_thread_is_idle);
	tcase_add_test(tc, a_close_waits_for_a_thread_in_its_hook);
	tcase_add_test(tc, a_close_waits_for_a_thread_in_its_hook_that_is_to_run_a_shield);
	tcase_add_test(tc, a_close_waits_for_a_thread_in_its_hook_beside_a_straggler);
	tcase_add_test(tc, a_close_waits_for_a_thread_in_its_last_hook_beside_a_straggler);
	tcase_add_test(tc, a_stragglers_thread_calls_stop_when_it_ends);
	tcase_add_loop_test(tc, the_child_of_a_fork_calls_none, 0, PLACES);
}

int main(void)
{
	return run_tests("hooks", add);
}
