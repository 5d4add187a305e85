/* The on-cancel callback: when it runs, on whose thread, and how it is unregistered.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct gate in_callback;
static struct recorder seen;

static ptj_scheduler *make_here(int mode)
{
	struct setup u = setup_of(2, 0);

	gate_init(&gate);
	gate_init(&in_callback);
	recorder_init(&seen);
	u.mode = mode;
	return make(&u);
}

static void free_here(ptj_scheduler *s, ptj_job *job)
{
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
	gate_destroy(&in_callback);
}

static void callback_record(void *what)
{
	record(&seen, (intptr_t)what);
}

static void callback_record_thread(void *arg)
{
	(void)arg;
	record(&seen, gettid_here());
}

static void callback_at_gate(void *arg)
{
	(void)arg;
	record(&seen, 1);
	gate_pass_stubborn(&in_callback);
	record(&seen, 2);
}

/* ---- When it runs --------------------------------------------------------------------------- */

static void *job_register_and_stay(void *arg)
{
	if (ptj_job_on_cancel(callback_record_thread, NULL))
		record(&seen, -1);
	return job_obedient(arg);
}

START_TEST(it_runs_once_on_the_closers_thread)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_register_and_stay, &gate);

	gate_await(&gate, 1);
	ck_assert_uint_eq(recorded(&seen), 0);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 1);
	ck_assert_int_eq(recorded_at(&seen, 0), gettid_here());
	free_here(s, job);
}
END_TEST

START_TEST(it_runs_on_the_thread_that_closes_the_scheduler)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_register_and_stay, &gate);

	gate_await(&gate, 1);
	ok(ptj_scheduler_close(s));
	ck_assert_uint_eq(recorded(&seen), 1);
	ck_assert_int_eq(recorded_at(&seen, 0), gettid_here());
	free_here(s, job);
}
END_TEST

static void callback_look(void *job)
{
	record(&seen, ptj_job_closed(job));
	record(&seen, gate_passed(&gate));
	record(&seen, ptj_job_error(job));
}

static void *job_deaf_until_the_callback(void *arg)
{
	ptj_job_on_cancel(callback_look, ptj_job_self());
	gate_pass(arg);
	return arg;
}

/* The thread is cancelled only when the callback has returned. */
START_TEST(it_runs_before_the_thread_is_cancelled)
{
	ptj_scheduler *s = make_here(PTJ_CANCEL_DEFERRED);
	ptj_job *job = spawn(s, job_deaf_until_the_callback, &gate);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 3);
	ck_assert_int_eq(recorded_at(&seen, 0), 1);
	ck_assert_int_eq(recorded_at(&seen, 1), 0);
	ck_assert_int_eq(recorded_at(&seen, 2), 0);
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	free_here(s, job);
}
END_TEST

static void callback_shut(void *fds)
{
	close(((int *)fds)[1]);
}

static void *job_read_a_pipe(void *fds)
{
	char c;

	ptj_job_on_cancel(callback_shut, fds);
	gate_pass(&gate);
	record(&seen, read(((int *)fds)[0], &c, 1));
	return fds;
}

/* What it is for: to end a blocking call that nothing else ends. */
START_TEST(it_ends_a_blocking_call)
{
	ptj_scheduler *s = make_here(PTJ_CANCEL_COOPERATIVE);
	ptj_job *job;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	gate_open(&gate);
	job = spawn(s, job_read_a_pipe, fds);
	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_job_wait(job, 0, NULL));
	ck_assert_uint_eq(recorded_times(&seen, 0), 1);
	close(fds[0]);
	free_here(s, job);
}
END_TEST

static void *job_register_two(void *arg)
{
	ptj_job_on_cancel(callback_record, (void *)1);
	ptj_job_on_cancel(callback_record, (void *)2);
	return job_obedient(arg);
}

START_TEST(a_second_one_replaces_the_first)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_register_two, &gate);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 1);
	ck_assert_int_eq(recorded_at(&seen, 0), 2);
	free_here(s, job);
}
END_TEST

static void *job_register_late(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	gate_pass(arg);
	record(&seen, gettid_here());
	ptj_job_on_cancel(callback_record_thread, NULL);
	record(&seen, 0);
	return arg;
}

START_TEST(registered_after_the_request_it_runs_at_once)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_register_late, &gate);

	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	gate_open(&gate);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 3);
	ck_assert_int_eq(recorded_at(&seen, 1), recorded_at(&seen, 0));
	ck_assert_int_eq(recorded_at(&seen, 2), 0);
	free_here(s, job);
}
END_TEST

START_TEST(it_does_not_run_where_nobody_closes)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_register_and_stay, &gate);

	gate_await(&gate, 1);
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ok(ptj_job_close(job, PTJ_INFINITE));
	/* The thread serves the next job, which registered nothing. */
	ptj_job_unref(job);
	job = spawn(s, job_sleep_forever, NULL);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 0);
	free_here(s, job);
}
END_TEST

/* ---- Unregistering -------------------------------------------------------------------------- */

static void *job_unregister(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	record(&seen, ptj_job_on_cancel(callback_record, (void *)99));
	record(&seen, ptj_job_on_cancel(NULL, NULL));
	return job_obedient(arg);
}

START_TEST(unregistered_it_does_not_run)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_unregister, &gate);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_uint_eq(recorded_times(&seen, 0), 2);
	free_here(s, job);
}
END_TEST

static atomic_int unregistering_tid;

static void *job_unregister_while_it_runs(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	ptj_job_on_cancel(callback_at_gate, NULL);
	gate_pass(arg);
	atomic_store(&unregistering_tid, gettid_here());
	ptj_job_on_cancel(NULL, NULL);
	record(&seen, 3);
	return arg;
}

START_TEST(unregistering_waits_for_a_running_callback)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_unregister_while_it_runs, &gate);
	struct caller c = {.job = job, .timeout = PTJ_INFINITE};

	atomic_store(&unregistering_tid, 0);
	gate_await(&gate, 1);
	caller_start(&c, call_close);
	gate_await(&in_callback, 1);
	gate_open(&gate);
	await(atomic_load(&unregistering_tid));
	await(thread_is_blocked(atomic_load(&unregistering_tid)));
	ck_assert_uint_eq(recorded(&seen), 1);
	gate_open(&in_callback);
	ok(caller_join(&c));
	ck_assert_uint_eq(recorded(&seen), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(recorded_at(&seen, i), (intptr_t)i + 1);
	free_here(s, job);
}
END_TEST

static void release_record(void *arg)
{
	(void)arg;
	record(&seen, 3);
}

static void *job_end_while_it_runs(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	ptj_job_on_cancel(callback_at_gate, NULL);
	gate_pass(arg);
	return arg;
}

/* Callbacks use what the release function releases. */
START_TEST(the_end_of_the_job_waits_for_a_running_callback)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job_attr *ja = job_attr(release_record, -1);
	ptj_job *job = spawn_with(s, ja, job_end_while_it_runs, &gate);
	struct caller c = {.job = job, .timeout = PTJ_INFINITE};

	ptj_job_attr_free(ja);
	gate_await(&gate, 1);
	caller_start(&c, call_close);
	gate_await(&in_callback, 1);
	gate_open(&gate);
	await(gate_passed(&gate) == 1);
	expect(ETIMEDOUT, ptj_job_poll(job, SHORT_MS, NULL));
	ck_assert_uint_eq(recorded(&seen), 1);
	ck_assert_uint_eq(ptj_scheduler_len(s), 1);
	gate_open(&in_callback);
	ok(caller_join(&c));
	ck_assert_uint_eq(recorded(&seen), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(recorded_at(&seen, i), (intptr_t)i + 1);
	free_here(s, job);
}
END_TEST

static void callback_unregister(void *arg)
{
	(void)arg;
	record(&seen, ptj_job_on_cancel(NULL, NULL));
	record(&seen, 1);
}

static void *job_unregister_within(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	gate_pass(arg);
	ptj_job_on_cancel(callback_unregister, NULL);
	record(&seen, 2);
	return arg;
}

/* Registered after the request it runs on the job's own thread, where unregistering works. */
START_TEST(unregistering_within_the_callback_does_not_wait)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_unregister_within, &gate);

	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	gate_open(&gate);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 3);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(recorded_at(&seen, i), (intptr_t)i);
	free_here(s, job);
}
END_TEST

static void callback_close_again(void *job)
{
	record(&seen, ptj_job_close(job, 0));
	record(&seen, ptj_job_closed(job));
}

static void *job_with_closing_callback(void *arg)
{
	ptj_job_on_cancel(callback_close_again, ptj_job_self());
	return job_obedient(arg);
}

/* A close within a close's callback neither hangs nor calls the callback again. */
START_TEST(the_callback_may_close_its_job)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_with_closing_callback, &gate);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_int_eq(recorded_at(&seen, 1), 1);
	free_here(s, job);
}
END_TEST

static void callback_spawn(void *s)
{
	record(&seen, ptj_spawn(s, job_identity, NULL, NULL));
}

static void *job_with_spawning_callback(void *s)
{
	ptj_job_on_cancel(callback_spawn, s);
	return job_obedient(&gate);
}

/* No lock of the library is held. */
START_TEST(the_callback_may_call_the_library)
{
	ptj_scheduler *s = make_here(_i);
	ptj_job *job = spawn(s, job_with_spawning_callback, s);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&seen, 0), 1);
	free_here(s, job);
}
END_TEST

static void callback_register(void *arg)
{
	record(&seen, ptj_job_on_cancel(callback_record, arg));
	record(&seen, ptj_job_on_cancel(NULL, NULL));
}

static void *job_with_registering_callback(void *arg)
{
	record(&seen, ptj_job_on_cancel(NULL, NULL)); /* there is none */
	ptj_job_on_cancel(callback_register, arg);
	return job_obedient(arg);
}

START_TEST(the_callback_registers_none)
{
	ptj_scheduler *s = make_here(PTJ_CANCEL_COOPERATIVE);
	ptj_job *job = spawn(s, job_with_registering_callback, &gate);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 3);
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	ck_assert_int_eq(recorded_at(&seen, 1), EINVAL);
	ck_assert_int_eq(recorded_at(&seen, 2), 0);
	free_here(s, job);
}
END_TEST

static int visit_and_register(ptj_job *job, void *arg)
{
	(void)job;
	record(&seen, ptj_job_on_cancel(callback_record, arg));
	record(&seen, ptj_job_on_cancel(NULL, NULL));
	return 1;
}

START_TEST(a_visitor_is_in_no_job)
{
	ptj_scheduler *s = make_here(PTJ_CANCEL_COOPERATIVE);
	ptj_job *job = spawn(s, job_obedient, &gate);

	expect(1, ptj_scheduler_foreach(s, visit_and_register, NULL));
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_uint_eq(recorded_times(&seen, EINVAL), 2);
	ok(ptj_job_close(job, PTJ_INFINITE));
	free_here(s, job);
}
END_TEST

static void callback_wait_for(void *job)
{
	record(&seen, ptj_job_poll(job, PTJ_INFINITE, NULL));
}

/* Its callback runs on another job's thread, which may have been asked to close itself: that is
   none of the callback's business. */
static void *job_close_another(void *other)
{
	gate_pass_stubborn(&gate);
	record(&seen, ptj_job_close(other, PTJ_INFINITE));
	return NULL;
}

static ptj_job *waited_for;

static void *job_with_waiting_callback(void *arg)
{
	ptj_job_on_cancel(callback_wait_for, waited_for);
	return job_obedient(arg);
}

START_TEST(a_callback_that_blocks_is_not_interrupted_for_the_closers_sake)
{
	struct setup u = setup_of(3, 0);
	ptj_scheduler *s;
	ptj_job *job, *closer;
	struct gate end;

	u.mode = PTJ_CANCEL_COOPERATIVE;
	gate_init(&gate);
	gate_init(&in_callback);
	gate_init(&end);
	recorder_init(&seen);
	s = make(&u);
	waited_for = spawn(s, job_stubborn, &end);
	job = spawn(s, job_with_waiting_callback, &in_callback);
	gate_await(&in_callback, 1);
	closer = spawn(s, job_close_another, job);
	gate_await(&gate, 1);
	expect(ETIMEDOUT, ptj_job_close(closer, 0));
	gate_open(&gate);
	await(ptj_job_closed(job));
	gate_open(&end);
	ok(ptj_job_close(closer, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_uint_eq(recorded_times(&seen, 0), 2);
	ptj_job_unref(waited_for);
	ptj_job_unref(closer);
	free_here(s, job);
	gate_destroy(&end);
}
END_TEST

static atomic_int sleeper;

static void *job_sleep_and_tell(void *arg)
{
	ptj_job_on_cancel(callback_at_gate, arg);
	atomic_store(&sleeper, gettid_here());
	record(&seen, ptj_sleep(PTJ_INFINITE));
	return NULL;
}

/* Between the request and the cancellation it has nowhere to go: it must not return from its sleep
   as if it had got away. */
START_TEST(who_sleeps_stays_until_the_callback_has_returned)
{
	ptj_scheduler *s = make_here(PTJ_CANCEL_DEFERRED);
	struct caller closer = {.timeout = PTJ_INFINITE};

	closer.job = spawn(s, job_sleep_and_tell, NULL);
	await(atomic_load(&sleeper) && thread_is_blocked(atomic_load(&sleeper)));
	caller_start(&closer, call_close);
	gate_await(&in_callback, 1);
	await(thread_is_blocked(atomic_load(&sleeper)));
	gate_open(&in_callback);
	ok(caller_join(&closer));
	expect(ECANCELED, ptj_job_wait(closer.job, 0, NULL));
	ck_assert_uint_eq(recorded_times(&seen, ECANCELED), 0);
	free_here(s, closer.job);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, it_runs_once_on_the_closers_thread, 0, MODES);
	tcase_add_loop_test(tc, it_runs_on_the_thread_that_closes_the_scheduler, 0, MODES);
	tcase_add_test(tc, it_runs_before_the_thread_is_cancelled);
	tcase_add_test(tc, it_ends_a_blocking_call);
	tcase_add_loop_test(tc, a_second_one_replaces_the_first, 0, MODES);
	tcase_add_loop_test(tc, registered_after_the_request_it_runs_at_once, 0, MODES);
	tcase_add_loop_test(tc, it_does_not_run_where_nobody_closes, 0, MODES);
	tcase_add_loop_test(tc, unregistered_it_does_not_run, 0, MODES);
	tcase_add_loop_test(tc, unregistering_waits_for_a_running_callback, 0, MODES);
	tcase_add_loop_test(tc, the_end_of_the_job_waits_for_a_running_callback, 0, MODES);
	tcase_add_loop_test(tc, unregistering_within_the_callback_does_not_wait, 0, MODES);
	tcase_add_loop_test(tc, the_callback_may_close_its_job, 0, MODES);
	tcase_add_loop_test(tc, the_callback_may_call_the_library, 0, MODES);
	tcase_add_test(tc, the_callback_registers_none);
	tcase_add_test(tc, a_visitor_is_in_no_job);
	tcase_add_test(tc, a_callback_that_blocks_is_not_interrupted_for_the_closers_sake);
	tcase_add_test(tc, who_sleeps_stays_until_the_callback_has_returned);
}

int main(void)
{
	return run_tests("on_cancel", add);
}
