/* wait_and_close, free and cleanup; and who is told EDEADLK when it closes what it runs in.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct reports reports;
static struct recorder ran;

static ptj_scheduler *make_here(struct setup u)
{
	gate_init(&gate);
	recorder_init(&ran);
	reports_init(&reports);
	u.reports = &reports;
	return make(&u);
}

static void free_here(ptj_scheduler *s)
{
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

/* ---- wait_and_close ------------------------------------------------------------------------- */

struct generation {
	ptj_scheduler *s;
	int left;
};

static struct generation generation;

/* Each job spawns the next one while somebody waits in wait_and_close. */
static void *job_spawn_next(void *arg)
{
	(void)arg;
	gate_pass_stubborn(&gate);
	if (generation.left-- > 0)
		record(&ran, ptj_spawn(generation.s, job_spawn_next, NULL, NULL));
	return NULL;
}

START_TEST(jobs_spawned_meanwhile_have_their_grace)
{
	enum { N = 20 };
	struct setup u = setup_number(_i);
	struct caller c = {.timeout = PTJ_DEFAULT};

	c.s = generation.s = make_here(u);
	generation.left = N;
	spawn_n(c.s, 1, job_spawn_next, NULL);
	gate_await(&gate, 1);
	caller_start(&c, call_wait_and_close);
	caller_await_blocked(&c);
	ck_assert_int_eq(ptj_scheduler_closed(c.s), 0);
	gate_open(&gate);
	ok(caller_join(&c));
	ck_assert_int_eq(ptj_scheduler_closed(c.s), 1);
	ck_assert_uint_eq(ptj_scheduler_len(c.s), 0);
	ck_assert_uint_eq(recorded_times(&ran, 0), N);
	ck_assert_int_eq(gate_passed(&gate), N + 1);
	free_here(c.s);
}
END_TEST

START_TEST(when_the_grace_is_over_jobs_are_closed)
{
	struct setup u = setup_of(2, 0);
	ptj_scheduler *s;
	int64_t start;

	u.mode = _i % MODES;
	u.wait_timeout = SHORT_MS;
	s = make_here(u);
	spawn_n(s, 5, job_obedient, &gate);
	gate_await(&gate, 2);
	start = now_ms();
	ok(ptj_scheduler_wait_and_close(s, _i < MODES ? SHORT_MS : PTJ_DEFAULT));
	expect_took(start, SHORT_MS);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_int_eq(gate_arrived(&gate), 2);
	ck_assert_int_eq(gate_passed(&gate), 0);
	free_here(s);
}
END_TEST

START_TEST(a_failed_job_does_not_cut_the_grace_short)
{
	ptj_scheduler *s = make_here(setup_of(4, 0));
	struct caller c = {.s = s, .timeout = PTJ_INFINITE};

	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	caller_start(&c, call_wait_and_close);
	caller_await_blocked(&c);
	spawn_n(s, 1, job_fail_eio, NULL);
	await(reports_count(&reports) == 1);
	caller_await_blocked(&c);
	ck_assert_int_eq(ptj_scheduler_closed(s), 0);
	gate_open(&gate);
	ok(caller_join(&c));
	ck_assert_int_eq(gate_passed(&gate), 1);
	free_here(s);
}
END_TEST

START_TEST(shielded_functions_have_their_grace)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));
	struct caller c = {.s = s, .timeout = PTJ_DEFAULT};

	expect(ETIMEDOUT, ptj_shield(s, job_at_gate, &gate, 0, NULL));
	gate_await(&gate, 1);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 1);
	expect(ETIMEDOUT, ptj_scheduler_wait(s, 0));
	caller_start(&c, call_wait_and_close);
	caller_await_blocked(&c);
	gate_open(&gate);
	ok(caller_join(&c));
	ck_assert_int_eq(gate_passed(&gate), 1);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
	free_here(s);
}
END_TEST

START_TEST(cancelled_in_the_wait_it_leaves_the_scheduler_open)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));
	struct caller c = {.s = s, .timeout = _i ? PTJ_DEFAULT : PTJ_INFINITE};

	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	caller_start(&c, call_wait_and_close);
	caller_await_blocked(&c);
	pthread_cancel(c.thread);
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	ck_assert_int_eq(ptj_scheduler_closed(s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 1);
	spawn_n(s, 1, job_at_gate, &gate);
	gate_open(&gate);
	ok(ptj_scheduler_wait_and_close(s, PTJ_DEFAULT));
	ck_assert_int_eq(gate_passed(&gate), 2);
	free_here(s);
}
END_TEST

START_TEST(a_close_ends_the_wait_of_others)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));
	struct caller graceful = {.s = s, .timeout = PTJ_INFINITE};
	struct caller waiting = {.s = s, .timeout = PTJ_INFINITE};

	spawn_n(s, 3, job_obedient, &gate);
	gate_await(&gate, 1);
	caller_start(&graceful, call_wait_and_close);
	caller_start(&waiting, call_scheduler_wait);
	caller_await_blocked(&graceful);
	caller_await_blocked(&waiting);
	ok(ptj_scheduler_close(s));
	ok(caller_join(&graceful));
	ok(caller_join(&waiting));
	free_here(s);
}
END_TEST

/* ---- free and cleanup ----------------------------------------------------------------------- */

START_TEST(free_closes_first)
{
	ptj_scheduler *s = make_here(setup_number(_i));
	ptj_job *job = spawn(s, job_obedient, &gate);

	gate_await(&gate, 1);
	free_here(s);
	ck_assert_int_eq(ptj_job_closed(job), 1);
	expect(ECANCELED, ptj_job_wait(job, PTJ_INFINITE, NULL));
	expect(ECANCELED, ptj_job_poll(job, 0, NULL));
	ok(ptj_job_close(job, PTJ_DEFAULT));
	ptj_job_unref(job);
}
END_TEST

START_TEST(cleanup_waits_and_sets_the_pointer_to_null)
{
	enum { N = 30 };
	ptj_scheduler *s = make_here(setup_number(_i));

	gate_open(&gate);
	spawn_n(s, N, job_at_gate, &gate);
	ptj_scheduler_cleanup(&s);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(gate_passed(&gate), N);
	ptj_scheduler_cleanup(&s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(handles_outlive_the_scheduler)
{
	ptj_scheduler *s = make_here(setup_of(1, 0));
	ptj_job *done = spawn(s, job_identity, &gate), *failed = spawn(s, job_fail_eio, NULL);
	void *result = NULL;
	char text[64];

	ptj_scheduler_cleanup(&s);
	ok(ptj_job_wait(done, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &gate);
	ck_assert_int_eq(ptj_job_error(failed), EIO);
	ck_assert_str_eq(ptj_job_error_message(failed), "disk on fire");
	ck_assert_int_gt(ptj_job_describe(done, text, sizeof text), 0);
	ck_assert_int_gt(ptj_job_get_name(failed, text, sizeof text), 0);
	ck_assert_uint_ne(ptj_job_id(done), ptj_job_id(failed));
	ck_assert_ptr_eq(ptj_job_ref(done), done);
	ptj_job_unref(done);
	ptj_job_unref(done);
	ptj_job_unref(failed);
	gate_destroy(&gate);
}
END_TEST

/* ---- EDEADLK -------------------------------------------------------------------------------- */

struct codes {
	atomic_int close, wait_and_close, wait, times;
};

static ptj_scheduler *inside;
static struct codes codes;

static void close_from_inside(void)
{
	atomic_store(&codes.close, ptj_scheduler_close(inside));
	atomic_store(&codes.wait_and_close, ptj_scheduler_wait_and_close(inside, 0));
	atomic_store(&codes.wait, ptj_scheduler_wait(inside, 0));
	atomic_fetch_add(&codes.times, 1);
}

static void expect_refused(void)
{
	ck_assert_int_eq(atomic_load(&codes.times), 1);
	expect(EDEADLK, atomic_load(&codes.close));
	expect(EDEADLK, atomic_load(&codes.wait_and_close));
	expect(EDEADLK, atomic_load(&codes.wait));
	ck_assert_int_eq(ptj_scheduler_closed(inside), 0);
	free_here(inside);
}

static void make_inside(int i)
{
	memset(&codes, 0, sizeof codes);
	inside = make_here(setup_number(i));
}

static void *job_close_from_inside(void *arg)
{
	close_from_inside();
	return arg;
}

START_TEST(a_job_cannot_close_its_scheduler)
{
	make_inside(_i);
	spawn_n(inside, 1, job_close_from_inside, NULL);
	ok(ptj_scheduler_wait(inside, PTJ_INFINITE));
	expect_refused();
}
END_TEST

START_TEST(a_shielded_function_cannot_close_its_scheduler)
{
	make_inside(_i);
	ok(ptj_shield(inside, job_close_from_inside, NULL, PTJ_INFINITE, NULL));
	expect_refused();
}
END_TEST

static void release_close(void *arg)
{
	(void)arg;
	close_from_inside();
}

/* At the end of a job, and on the closer's thread where the job was pending. */
START_TEST(a_release_function_cannot_close_its_scheduler)
{
	ptj_job_attr *ja = job_attr(release_close, -1);
	ptj_job *job;

	make_inside(1);
	if (_i)
		spawn_n(inside, 1, job_at_gate, &gate);
	job = spawn_with(inside, ja, job_identity, NULL);
	ptj_job_attr_free(ja);
	ok(_i ? ptj_job_close(job, 0) : ptj_job_wait(job, PTJ_INFINITE, NULL));
	gate_open(&gate);
	ok(ptj_scheduler_wait(inside, PTJ_INFINITE));
	ptj_job_unref(job);
	expect_refused();
}
END_TEST

static void handler_close(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s;
	(void)context;
	(void)user;
	close_from_inside();
}

START_TEST(an_exception_handler_cannot_close_its_scheduler)
{
	make_inside(_i);
	ok(ptj_scheduler_set_exception_handler(inside, handler_close, NULL));
	spawn_n(inside, 1, job_fail_eio, NULL);
	ok(ptj_scheduler_wait(inside, PTJ_INFINITE));
	expect_refused();
}
END_TEST

static void *job_with_callback(void *arg)
{
	ptj_job_on_cancel(release_close, arg);
	return job_obedient(&gate);
}

START_TEST(an_on_cancel_callback_cannot_close_its_scheduler)
{
	ptj_job *job;

	make_inside(_i);
	job = spawn(inside, job_with_callback, NULL);
	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ptj_job_unref(job);
	expect_refused();
}
END_TEST

static int visit_close(ptj_job *job, void *arg)
{
	(void)job;
	(void)arg;
	close_from_inside();
	return 0;
}

START_TEST(a_visitor_cannot_close_the_scheduler)
{
	make_inside(_i);
	spawn_n(inside, 1, job_at_gate, &gate);
	ok(ptj_scheduler_foreach(inside, visit_close, NULL));
	gate_open(&gate);
	ok(ptj_scheduler_wait(inside, PTJ_INFINITE));
	expect_refused();
}
END_TEST

static void *job_free_from_inside(void *arg)
{
	ptj_scheduler_free(inside);
	return arg;
}

START_TEST(free_from_inside_only_reports)
{
	make_inside(_i);
	spawn_n(inside, 1, job_free_from_inside, NULL);
	ok(ptj_scheduler_wait(inside, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_int_eq(report_at(&reports, 0).error, EDEADLK);
	ck_assert_int_eq(ptj_scheduler_closed(inside), 0);
	free_here(inside);
}
END_TEST

static void *job_close_another(void *other)
{
	return (void *)(intptr_t)ptj_scheduler_close(other);
}

START_TEST(a_job_may_close_another_scheduler)
{
	ptj_scheduler *s = make_simple(1, 1), *other = make_here(setup_number(_i));
	void *result = &result;
	ptj_job *job;

	spawn_n(other, 1, job_obedient, &gate);
	gate_await(&gate, 1);
	job = spawn(s, job_close_another, other);
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_null(result);
	ck_assert_int_eq(ptj_scheduler_closed(other), 1);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	free_here(other);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, jobs_spawned_meanwhile_have_their_grace, 0, SETUPS);
	tcase_add_loop_test(tc, when_the_grace_is_over_jobs_are_closed, 0, 2 * MODES);
	tcase_add_test(tc, a_failed_job_does_not_cut_the_grace_short);
	tcase_add_test(tc, shielded_functions_have_their_grace);
	tcase_add_loop_test(tc, cancelled_in_the_wait_it_leaves_the_scheduler_open, 0, 2);
	tcase_add_test(tc, a_close_ends_the_wait_of_others);
	tcase_add_loop_test(tc, free_closes_first, 0, SETUPS);
	tcase_add_loop_test(tc, cleanup_waits_and_sets_the_pointer_to_null, 0, SETUPS);
	tcase_add_test(tc, handles_outlive_the_scheduler);
	tcase_add_loop_test(tc, a_job_cannot_close_its_scheduler, 0, SETUPS);
	tcase_add_loop_test(tc, a_shielded_function_cannot_close_its_scheduler, 0, SETUPS);
	tcase_add_loop_test(tc, a_release_function_cannot_close_its_scheduler, 0, 2);
	tcase_add_loop_test(tc, an_exception_handler_cannot_close_its_scheduler, 0, SETUPS);
	tcase_add_loop_test(tc, an_on_cancel_callback_cannot_close_its_scheduler, 0, SETUPS);
	tcase_add_loop_test(tc, a_visitor_cannot_close_the_scheduler, 0, SETUPS);
	tcase_add_loop_test(tc, free_from_inside_only_reports, 0, SETUPS);
	tcase_add_loop_test(tc, a_job_may_close_another_scheduler, 0, SETUPS);
}

int main(void)
{
	return run_tests("grace", add);
}
