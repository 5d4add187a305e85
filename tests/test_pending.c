/* The line of pending jobs: it is bounded, first come first served, and loses no slot.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct recorder ran;
static struct recorder released;

static void *job_record(void *what)
{
	record(&ran, (intptr_t)what);
	return NULL;
}

static void release_record(void *what)
{
	record(&released, (intptr_t)what);
}

/* A scheduler with limit 1 whose one active job is at the gate, and n pending ones. */
static ptj_scheduler *make_busy(size_t pending_limit, size_t n)
{
	ptj_scheduler *s = make_simple(1, pending_limit);

	gate_init(&gate);
	recorder_init(&ran);
	recorder_init(&released);
	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	spawn_n(s, n, job_record, (void *)-1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), n);
	return s;
}

/* Opens the gate, waits for all jobs, and shows that all slots and permits came back. */
static void finish(ptj_scheduler *s, size_t pending_limit)
{
	struct gate again;

	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	gate_init(&again);
	for (size_t i = 0; i < 1 + pending_limit; i++)
		ok(ptj_spawn_attr(s, NULL, job_at_gate, &again, 0, NULL));
	expect(EAGAIN, ptj_spawn_attr(s, NULL, job_at_gate, &again, 0, NULL));
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), pending_limit);
	gate_open(&again);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(gate_passed(&again), (int)(1 + pending_limit));
	ptj_scheduler_free(s);
	gate_destroy(&again);
	gate_destroy(&gate);
}

START_TEST(try_on_a_full_line_is_eagain)
{
	ptj_scheduler *s = make_busy(2, 2);
	ptj_job_attr *ja = job_attr(release_record, -1);
	ptj_job *job = NULL;

	expect(EAGAIN, ptj_spawn_attr(s, ja, job_record, NULL, 0, &job));
	ck_assert_ptr_null(job);
	ck_assert_uint_eq(ptj_scheduler_len(s), 3);
	ptj_job_attr_free(ja);
	finish(s, 2);
	ck_assert_uint_eq(recorded(&ran), 2);
	ck_assert_uint_eq(recorded(&released), 0);
}
END_TEST

START_TEST(timed_spawn_on_a_full_line_is_etimedout)
{
	ptj_scheduler *s = make_busy(1, 1);
	ptj_job_attr *ja = job_attr(release_record, -1);
	int64_t start = now_ms();
	ptj_job *job = NULL;

	expect(ETIMEDOUT, ptj_spawn_attr(s, ja, job_record, NULL, SHORT_MS, &job));
	expect_took(start, SHORT_MS);
	ck_assert_ptr_null(job);
	ck_assert_uint_eq(ptj_scheduler_len(s), 2);
	ptj_job_attr_free(ja);
	finish(s, 1);
	ck_assert_uint_eq(recorded(&ran), 1);
	ck_assert_uint_eq(recorded(&released), 0);
}
END_TEST

START_TEST(spawn_blocks_on_a_full_line_until_a_slot_is_free)
{
	ptj_scheduler *s = make_busy(1, 1);
	struct caller c = {.s = s, .fn = job_record, .arg = (void *)7, .timeout = PTJ_DEFAULT};

	caller_start(&c, _i ? call_spawn_attr : call_spawn);
	caller_await_blocked(&c);
	ck_assert_uint_eq(ptj_scheduler_len(s), 2);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 1);
	gate_open(&gate);
	ok(caller_join(&c));
	ok(ptj_job_wait(c.spawned, PTJ_INFINITE, NULL));
	ptj_job_unref(c.spawned);
	ck_assert_uint_eq(recorded_times(&ran, 7), 1);
	finish(s, 1);
}
END_TEST

START_TEST(blocked_spawners_are_served_in_turn)
{
	enum { N = 5 };
	ptj_scheduler *s = make_busy(1, 1);
	struct caller c[N];

	for (intptr_t i = 0; i < N; i++) {
		c[i] = (struct caller){.s = s, .fn = job_record, .arg = (void *)i};
		caller_start(&c[i], call_spawn);
		caller_await_blocked(&c[i]);
	}
	gate_open(&gate);
	for (int i = 0; i < N; i++)
		ok(caller_join(&c[i]));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&ran), N + 1);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(recorded_at(&ran, i + 1), i);
		ptj_job_unref(c[i].spawned);
	}
	finish(s, 1);
}
END_TEST

START_TEST(no_pending_limit_means_no_blocking)
{
	enum { N = 20000 };
	ptj_scheduler *s = make_busy(0, N);

	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&ran), N);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* As many as the library keeps no array for. */
START_TEST(a_high_pending_limit_is_exact_too)
{
	enum { HIGH = 20000 };
	ptj_scheduler *s = make_simple(1, HIGH);

	gate_init(&gate);
	spawn_n(s, 1, job_at_gate, &gate);
	for (int i = 0; i < HIGH; i++)
		ok(ptj_spawn_attr(s, NULL, job_identity, NULL, 0, NULL));
	expect(EAGAIN, ptj_spawn_attr(s, NULL, job_identity, NULL, 0, NULL));
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), HIGH);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(cancelled_spawner_leaves_nothing_behind)
{
	ptj_scheduler *s = make_busy(1, 1);
	ptj_job_attr *ja = job_attr(release_record, -1);
	struct caller c = {.s = s, .fn = job_record, .attr = ja, .timeout = PTJ_INFINITE};

	caller_start(&c, call_spawn_attr);
	caller_await_blocked(&c);
	ck_assert_int_eq(pthread_cancel(c.thread), 0);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_ptr_null(c.spawned);
	ck_assert_uint_eq(ptj_scheduler_len(s), 2);
	ptj_job_attr_free(ja);
	finish(s, 1);
	ck_assert_uint_eq(recorded(&ran), 1);
	ck_assert_uint_eq(recorded(&released), 0);
}
END_TEST

/* The cancellation and the free slot arrive together: the spawner takes both or neither.  What it
   does not take, the spawner behind it gets. */
START_TEST(cancellation_racing_a_free_slot_loses_nothing)
{
	enum { ROUNDS = 100 };

	for (int i = 0; i < ROUNDS; i++) {
		ptj_scheduler *s = make_busy(1, 0);
		struct caller first = {.s = s, .fn = job_record, .arg = (void *)1};
		struct caller second = {.s = s, .fn = job_record, .arg = (void *)2};
		ptj_job *pending = spawn(s, job_record, NULL);
		int result;

		caller_start(&first, call_spawn);
		await(atomic_load(&first.tid));
		if (i % 4 == 0)
			caller_await_blocked(&first);
		caller_start(&second, call_spawn);
		if (i % 2)
			gate_open(&gate);
		else
			ok(ptj_job_close(pending, PTJ_INFINITE));
		pthread_cancel(first.thread);
		if (i % 2 == 0)
			gate_open(&gate);
		result = caller_join(&first);
		ck_assert(result == 0 || result == CALLER_CANCELLED);
		ok(caller_join(&second));
		ok(ptj_scheduler_wait(s, PTJ_INFINITE));
		ck_assert_uint_eq(recorded_times(&ran, 1), result == 0);
		ck_assert_uint_eq(recorded_times(&ran, 2), 1);
		ptj_job_unref(first.spawned);
		ptj_job_unref(second.spawned);
		ptj_job_unref(pending);
		ptj_scheduler_free(s);
		gate_destroy(&gate);
	}
}
END_TEST

/* Here aiojobs starts another job above its limit. */
START_TEST(closing_a_pending_job_frees_its_slot_and_no_permit)
{
	ptj_scheduler *s = make_busy(3, 0);
	ptj_job *pending[3];

	for (intptr_t i = 0; i < 3; i++)
		pending[i] = spawn(s, job_record, (void *)i);
	expect(EAGAIN, ptj_spawn_attr(s, NULL, job_record, NULL, 0, NULL));
	ok(ptj_job_close(pending[1], PTJ_INFINITE));
	ck_assert_int_eq(ptj_job_closed(pending[1]), 1);
	ck_assert_int_eq(ptj_job_pending(pending[0]), 1);
	ck_assert_int_eq(ptj_job_pending(pending[2]), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 2);
	ck_assert_uint_eq(ptj_scheduler_len(s), 3);
	ck_assert_uint_eq(recorded(&ran), 0);
	ok(ptj_spawn_attr(s, NULL, job_record, (void *)3, 0, NULL));
	finish(s, 3);
	ck_assert_uint_eq(recorded(&ran), 3);
	ck_assert_uint_eq(recorded_times(&ran, 1), 0);
	for (int i = 0; i < 3; i++)
		ptj_job_unref(pending[i]);
}
END_TEST

START_TEST(closing_a_pending_job_lets_a_blocked_spawner_in)
{
	ptj_scheduler *s = make_busy(1, 0);
	ptj_job *pending = spawn(s, job_record, NULL);
	struct caller c = {.s = s, .fn = job_record, .arg = (void *)5};

	caller_start(&c, call_spawn);
	caller_await_blocked(&c);
	ok(ptj_job_close(pending, PTJ_INFINITE));
	ok(caller_join(&c));
	ck_assert_int_eq(ptj_job_pending(c.spawned), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 1);
	ck_assert_uint_eq(recorded(&ran), 0);
	ptj_job_unref(pending);
	ptj_job_unref(c.spawned);
	finish(s, 1);
	ck_assert_uint_eq(recorded(&ran), 1);
}
END_TEST

/* Here aiojobs starts the spawner's job after the close. */
START_TEST(blocked_spawners_wake_when_the_scheduler_closes)
{
	enum { N = 4 };
	ptj_scheduler *s = make_busy(1, 1);
	ptj_job_attr *ja = job_attr(release_record, -1);
	struct caller c[N];

	for (int i = 0; i < N; i++) {
		c[i] = (struct caller){.s = s,
		                       .fn = job_record,
		                       .attr = ja,
		                       .timeout = i % 2 ? PATIENCE_MS : PTJ_INFINITE};
		caller_start(&c[i], call_spawn_attr);
		caller_await_blocked(&c[i]);
	}
	ok(ptj_scheduler_close(s));
	for (int i = 0; i < N; i++) {
		expect(ESHUTDOWN, caller_join(&c[i]));
		ck_assert_ptr_null(c[i].spawned);
	}
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_uint_eq(recorded(&ran), 0);
	ck_assert_uint_eq(recorded(&released), 0);
	ptj_job_attr_free(ja);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(recorded(&ran), 0);
	gate_destroy(&gate);
}
END_TEST

START_TEST(timed_spawner_gets_a_slot_that_comes_in_time)
{
	ptj_scheduler *s = make_busy(1, 1);
	struct caller c = {.s = s, .fn = job_record, .timeout = PATIENCE_MS};

	caller_start(&c, call_spawn_attr);
	caller_await_blocked(&c);
	gate_open(&gate);
	ok(caller_join(&c));
	ptj_job_unref(c.spawned);
	finish(s, 1);
	ck_assert_uint_eq(recorded(&ran), 2);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, try_on_a_full_line_is_eagain);
	tcase_add_test(tc, timed_spawn_on_a_full_line_is_etimedout);
	tcase_add_loop_test(tc, spawn_blocks_on_a_full_line_until_a_slot_is_free, 0, 2);
	tcase_add_test(tc, blocked_spawners_are_served_in_turn);
	tcase_add_test(tc, no_pending_limit_means_no_blocking);
	tcase_add_test(tc, a_high_pending_limit_is_exact_too);
	tcase_add_test(tc, cancelled_spawner_leaves_nothing_behind);
	tcase_add_test(tc, cancellation_racing_a_free_slot_loses_nothing);
	tcase_add_test(tc, closing_a_pending_job_frees_its_slot_and_no_permit);
	tcase_add_test(tc, closing_a_pending_job_lets_a_blocked_spawner_in);
	tcase_add_test(tc, blocked_spawners_wake_when_the_scheduler_closes);
	tcase_add_test(tc, timed_spawner_gets_a_slot_that_comes_in_time);
}

int main(void)
{
	return run_tests("pending", add);
}
