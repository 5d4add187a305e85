/* Cancellation as a job sees it: the flag, the descriptor, the sleep, and the three modes.  What
   a callback sees is in test_on_cancel.c, what a closer sees in test_job_close.c.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <poll.h>
#include <sched.h>

static struct gate gate;
static struct recorder seen;

static ptj_scheduler *make_here(size_t limit, int mode)
{
	struct setup u = setup_of(limit, 0);

	gate_init(&gate);
	recorder_init(&seen);
	u.mode = mode;
	return make(&u);
}

static void free_here(ptj_scheduler *s)
{
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

static void close_begins(ptj_job *job)
{
	int code = ptj_job_close(job, 0);

	ck_assert_msg(code == 0 || code == ETIMEDOUT, "%s", ptj_strerror(code));
}

/* ---- The flag, the descriptor, the sleep ---------------------------------------------------- */

static int readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static void *job_watch_the_flag(void *arg)
{
	int fd = ptj_job_cancel_fd();

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	record(&seen, ptj_job_cancelled());
	record(&seen, fd >= 0 && !readable(fd));
	gate_pass(arg);
	record(&seen, ptj_job_cancelled());
	record(&seen, readable(fd));
	record(&seen, fd == ptj_job_cancel_fd());
	record(&seen, ptj_sleep(PTJ_INFINITE));
	return NULL;
}

START_TEST(flag_descriptor_and_sleep_tell_of_the_close)
{
	static const int want[] = {0, 1, 1, 1, 1, ECANCELED};
	ptj_scheduler *s = make_here(1, _i);
	ptj_job *job = spawn(s, job_watch_the_flag, &gate);

	gate_await(&gate, 1);
	close_begins(job);
	gate_open(&gate);
	ok(ptj_job_close(job, PTJ_INFINITE));
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		ck_assert_int_eq(recorded_at(&seen, i), want[i]);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

/* The descriptor may be asked for when the close has begun already. */
static void *job_ask_late(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	gate_pass(arg);
	record(&seen, readable(ptj_job_cancel_fd()));
	return NULL;
}

START_TEST(descriptor_made_after_the_close_is_readable)
{
	ptj_scheduler *s = make_here(1, _i);
	ptj_job *job = spawn(s, job_ask_late, &gate);

	gate_await(&gate, 1);
	close_begins(job);
	gate_open(&gate);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&seen, 1), 1);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void *job_spin(void *arg)
{
	record(&seen, 1);
	while (!ptj_job_cancelled())
		sched_yield();
	return arg;
}

START_TEST(a_loop_that_looks_at_the_flag_ends)
{
	ptj_scheduler *s = make_here(1, _i);
	ptj_job *job = spawn(s, job_spin, &gate);
	void *result = NULL;

	await(recorded(&seen) == 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_job_wait(job, 0, &result));
	ck_assert_ptr_eq(result, &gate);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void *job_sleep_a_while(void *arg)
{
	record(&seen, ptj_sleep(SHORT_MS));
	record(&seen, ptj_sleep(0));
	return arg;
}

START_TEST(sleep_in_a_job_nobody_closes_only_sleeps)
{
	ptj_scheduler *s = make_here(1, _i);
	int64_t start = now_ms();
	ptj_job *job = spawn(s, job_sleep_a_while, NULL);

	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	expect_took(start, SHORT_MS);
	ck_assert_uint_eq(recorded_times(&seen, 0), 2);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void *job_gate_then_sleep(void *arg)
{
	gate_pass_stubborn(arg);
	return job_sleep_forever(NULL);
}

/* Asleep already, or falling asleep afterwards. */
START_TEST(sleep_wakes_when_a_close_begins)
{
	ptj_scheduler *s = make_here(1, _i % MODES);
	ptj_job *job = spawn(s, job_gate_then_sleep, &gate);

	gate_await(&gate, 1);
	if (_i < MODES) {
		gate_open(&gate);
	} else {
		close_begins(job);
		gate_open(&gate);
	}
	ok(ptj_job_close(job, PTJ_INFINITE));
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

/* The descriptors are the library's, and come back. */
START_TEST(descriptors_are_given_back)
{
	enum { ROUNDS = 50 };
	ptj_scheduler *s = make_here(1, _i);
	int before = descriptors_here();

	for (int i = 0; i < ROUNDS; i++) {
		ptj_job *job = spawn(s, job_obedient, &gate);

		gate_await(&gate, i + 1);
		ok(ptj_job_close(job, PTJ_INFINITE));
		ptj_job_unref(job);
	}
	/* One for each thread may be kept for the next job. */
	ck_assert_int_le(descriptors_here(), before + 4);
	free_here(s);
}
END_TEST

/* ---- Deferred ------------------------------------------------------------------------------- */

static void cleanup_record(void *what)
{
	record(&seen, (intptr_t)what);
}

static void *job_with_cleanups(void *arg)
{
	pthread_cleanup_push(cleanup_record, (void *)2);
	pthread_cleanup_push(cleanup_record, (void *)1);
	gate_pass(arg);
	record(&seen, 99);
	pthread_cleanup_pop(1);
	pthread_cleanup_pop(1);
	return arg;
}

static void release_record(void *arg)
{
	(void)arg;
	record(&seen, 3);
}

START_TEST(cleanup_handlers_run_then_the_release_function)
{
	ptj_scheduler *s = make_here(1, PTJ_CANCEL_DEFERRED);
	ptj_job_attr *ja = job_attr(release_record, -1);
	ptj_job *job = spawn_with(s, ja, job_with_cleanups, &gate);

	ptj_job_attr_free(ja);
	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(recorded_at(&seen, i), (intptr_t)i + 1);
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static pthread_key_t key;

static void destroy_record(void *arg)
{
	(void)arg;
	record(&seen, 7);
}

static void *job_with_specific(void *arg)
{
	pthread_setspecific(key, arg);
	gate_pass(arg);
	return arg;
}

START_TEST(thread_specific_data_of_a_cancelled_thread_is_destroyed)
{
	ptj_scheduler *s = make_here(1, PTJ_CANCEL_DEFERRED);
	ptj_job *job;

	ck_assert_int_eq(pthread_key_create(&key, destroy_record), 0);
	job = spawn(s, job_with_specific, &gate);
	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ptj_job_unref(job);
	free_here(s);
	ck_assert_uint_eq(recorded(&seen), 1);
	pthread_key_delete(key);
}
END_TEST

static struct gate leaving;

static void stand_at_gate(void *arg)
{
	gate_pass_stubborn(arg);
}

static void *job_slow_to_leave(void *arg)
{
	pthread_setspecific(key, &leaving);
	gate_pass(arg);
	return arg;
}

/* Who waits helps to join threads that end.  One that takes its time holds nobody up. */
START_TEST(a_thread_that_is_slow_to_end_holds_up_no_waiter)
{
	ptj_scheduler *s = make_here(1, PTJ_CANCEL_DEFERRED);
	struct caller c = {.s = s, .timeout = PTJ_INFINITE};
	ptj_job *job;

	gate_init(&leaving);
	ck_assert_int_eq(pthread_key_create(&key, stand_at_gate), 0);
	job = spawn(s, job_slow_to_leave, &gate);
	gate_await(&gate, 1);
	caller_start(&c, call_scheduler_wait);
	caller_await_blocked(&c);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	gate_await(&leaving, 1);
	caller_await_blocked(&c);
	ck_assert_int_eq(pthread_cancel(c.thread), 0);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_int_eq(gate_passed(&leaving), 0);
	gate_open(&leaving);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ptj_job_unref(job);
	free_here(s);
	pthread_key_delete(key);
	gate_destroy(&leaving);
}
END_TEST

/* ---- Masked --------------------------------------------------------------------------------- */

UNWOUND static void *job_with_a_window(void *arg)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	record(&seen, state == PTHREAD_CANCEL_DISABLE);
	gate_pass(arg);
	pthread_testcancel();
	record(&seen, 1);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	record(&seen, 99);
	return arg;
}

START_TEST(masked_job_is_cancelled_in_its_window_only)
{
	ptj_scheduler *s = make_here(1, PTJ_CANCEL_MASKED);
	ptj_job *job = spawn(s, job_with_a_window, &gate);

	gate_await(&gate, 1);
	close_begins(job);
	gate_open(&gate);
	ok(ptj_job_close(job, PTJ_INFINITE));
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_uint_eq(recorded_times(&seen, 1), 2);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

/* ---- Cooperative ---------------------------------------------------------------------------- */

static void *job_with_open_windows(void *arg)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	gate_pass(arg);
	pthread_testcancel();
	record(&seen, ptj_job_cancelled());
	return arg;
}

START_TEST(cooperative_job_is_never_cancelled)
{
	ptj_scheduler *s = make_here(1, PTJ_CANCEL_COOPERATIVE);
	ptj_job *job = spawn(s, job_with_open_windows, &gate);
	void *result = NULL;

	gate_await(&gate, 1);
	close_begins(job);
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ck_assert_uint_eq(recorded_times(&seen, 1), 1);
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

/* A job that blocks in each of the library's calls when it is closed. */
struct blocking {
	ptj_scheduler *s;
	ptj_job *other;
	struct gate arrived;
	atomic_int tid;
};

static struct blocking blocking;

static void *job_block_in_wait(void *arg)
{
	(void)arg;
	record(&seen, ptj_job_wait(blocking.other, PTJ_INFINITE, NULL));
	return NULL;
}

static void *job_block_in_poll(void *arg)
{
	(void)arg;
	record(&seen, ptj_job_poll(blocking.other, PATIENCE_MS, NULL));
	return NULL;
}

static void *job_block_in_shield(void *arg)
{
	record(&seen, ptj_shield(blocking.s, job_at_gate, arg, PTJ_INFINITE, NULL));
	return NULL;
}

static void *job_block_in_spawn(void *arg)
{
	(void)arg;
	record(&seen, ptj_spawn(blocking.s, job_identity, NULL, NULL));
	return NULL;
}

static void *job_block_in_wait_of_another_scheduler(void *arg)
{
	record(&seen, ptj_scheduler_wait(arg, PTJ_INFINITE));
	record(&seen, ptj_scheduler_wait_and_close(arg, PTJ_INFINITE));
	record(&seen, ptj_scheduler_closed(arg));
	return NULL;
}

static void *job_note_tid_and(void *fn)
{
	union {
		void *data;
		ptj_job_fn fn;
	} u = {.data = fn};

	atomic_store(&blocking.tid, gettid_here());
	return u.fn(&gate);
}

static ptj_job *spawn_blocking(ptj_scheduler *s, ptj_job_fn fn)
{
	union {
		ptj_job_fn fn;
		void *data;
	} u = {.fn = fn};

	atomic_store(&blocking.tid, 0);
	return spawn(s, job_note_tid_and, u.data);
}

static const ptj_job_fn blocking_fns[] = {job_block_in_wait, job_block_in_poll, job_block_in_shield,
                                          job_block_in_spawn};

enum { BLOCKING_FNS = 4 };

/* In a cooperative job the call returns EINTR, in the others it is a cancellation point.  The
   line of `busy` is full: one job at the gate, one pending. */
START_TEST(blocking_calls_end_when_their_job_is_closed)
{
	int mode = _i / BLOCKING_FNS ? PTJ_CANCEL_COOPERATIVE : PTJ_CANCEL_DEFERRED;
	ptj_scheduler *s = make_here(1, mode), *busy = make_simple(1, 1);
	ptj_job *job;

	blocking.s = busy;
	blocking.other = spawn(busy, job_at_gate, &gate);
	gate_await(&gate, 1);
	spawn_n(busy, 1, job_at_gate, &gate);
	job = spawn_blocking(s, blocking_fns[_i % BLOCKING_FNS]);
	await(atomic_load(&blocking.tid));
	await(thread_is_blocked(atomic_load(&blocking.tid)));
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), mode == PTJ_CANCEL_COOPERATIVE);
	if (mode == PTJ_CANCEL_COOPERATIVE)
		ck_assert_int_eq(recorded_at(&seen, 0), EINTR);
	else
		expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ck_assert_int_eq(ptj_job_active(blocking.other), 1);
	ck_assert_uint_eq(ptj_scheduler_len(busy), 2);
	gate_open(&gate);
	ok(ptj_scheduler_wait(busy, PTJ_INFINITE));
	ptj_job_unref(blocking.other);
	ptj_job_unref(job);
	ptj_scheduler_free(busy);
	free_here(s);
}
END_TEST

START_TEST(waiting_for_another_scheduler_is_eintr_and_leaves_it_open)
{
	ptj_scheduler *s = make_here(1, PTJ_CANCEL_COOPERATIVE), *busy = make_simple(1, 1);
	ptj_job *job;

	spawn_n(busy, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	job = spawn(s, job_block_in_wait_of_another_scheduler, busy);
	ck_assert_int_ne(ptj_job_close(job, 0), PTJ_EFAILED);
	expect(0, ptj_job_close(job, PTJ_INFINITE));
	if (recorded(&seen)) { /* the job had begun */
		ck_assert_uint_eq(recorded_times(&seen, EINTR), 2);
		ck_assert_uint_eq(recorded_times(&seen, 0), 1);
	}
	ck_assert_int_eq(ptj_scheduler_closed(busy), 0);
	gate_open(&gate);
	ok(ptj_scheduler_wait(busy, PTJ_INFINITE));
	ptj_job_unref(job);
	ptj_scheduler_free(busy);
	free_here(s);
}
END_TEST

/* ---- The next job on the thread ------------------------------------------------------------- */

static void *job_leave_a_mess(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	record(&seen, gettid_here());
	return arg;
}

static void *job_look_around(void *arg)
{
	int state, type;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	record(&seen, gettid_here());
	record(&seen, state);
	record(&seen, type);
	return arg;
}

START_TEST(what_a_job_changed_in_its_thread_is_put_back)
{
	ptj_scheduler *s = make_here(1, _i);
	int state = _i == PTJ_CANCEL_DEFERRED ? PTHREAD_CANCEL_ENABLE : PTHREAD_CANCEL_DISABLE;

	spawn_n(s, 1, job_leave_a_mess, NULL);
	spawn_n(s, 1, job_look_around, NULL);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 4);
	/* One thread is enough for both, so they must have had the same. */
	ck_assert_int_eq(recorded_at(&seen, 0), recorded_at(&seen, 1));
	if (_i != PTJ_CANCEL_COOPERATIVE)
		ck_assert_int_eq(recorded_at(&seen, 2), state);
	ck_assert_int_eq(recorded_at(&seen, 3), PTHREAD_CANCEL_DEFERRED);
	free_here(s);
}
END_TEST

/* The mode of the job comes before that of its scheduler. */
START_TEST(mode_of_the_job_overrules_that_of_the_scheduler)
{
	ptj_scheduler *s = make_here(1, _i);
	ptj_job_attr *ja = job_attr(NULL, PTJ_CANCEL_DEFERRED);
	ptj_job *job = spawn_with(s, ja, job_at_gate, &gate);

	ptj_job_attr_free(ja);
	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ptj_job_unref(job);
	free_here(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, flag_descriptor_and_sleep_tell_of_the_close, 0, MODES);
	tcase_add_loop_test(tc, descriptor_made_after_the_close_is_readable, 0, MODES);
	tcase_add_loop_test(tc, a_loop_that_looks_at_the_flag_ends, 0, MODES);
	tcase_add_loop_test(tc, sleep_in_a_job_nobody_closes_only_sleeps, 0, MODES);
	tcase_add_loop_test(tc, sleep_wakes_when_a_close_begins, 0, 2 * MODES);
	tcase_add_loop_test(tc, descriptors_are_given_back, 0, MODES);
	tcase_add_test(tc, cleanup_handlers_run_then_the_release_function);
	tcase_add_test(tc, thread_specific_data_of_a_cancelled_thread_is_destroyed);
	tcase_add_test(tc, a_thread_that_is_slow_to_end_holds_up_no_waiter);
	tcase_add_test(tc, masked_job_is_cancelled_in_its_window_only);
	tcase_add_test(tc, cooperative_job_is_never_cancelled);
	tcase_add_loop_test(tc, blocking_calls_end_when_their_job_is_closed, 0, 2 * BLOCKING_FNS);
	tcase_add_test(tc, waiting_for_another_scheduler_is_eintr_and_leaves_it_open);
	tcase_add_loop_test(tc, what_a_job_changed_in_its_thread_is_put_back, 0, MODES);
	tcase_add_loop_test(tc, mode_of_the_job_overrules_that_of_the_scheduler, 0, MODES);
}

int main(void)
{
	return run_tests("cancel", add);
}
