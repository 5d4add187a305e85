/* Waiting inside a job: it lends its permit while it blocks, and gets one back first.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

static struct gate gate;
static struct recorder seen;
static ptj_scheduler *pool;
static ptj_scheduler *elsewhere;
static ptj_completions *queue;
static ptj_job *others_job;

static void make_here(struct setup u)
{
	gate_init(&gate);
	recorder_init(&seen);
	pool = make(&u);
}

static void free_here(void)
{
	ptj_scheduler_free(pool);
	gate_destroy(&gate);
}

/* ---- Depth ---------------------------------------------------------------------------------- */

enum { DEPTH = 10 };

static void *job_ten_deep(void *level)
{
	intptr_t deeper = (intptr_t)level + 1;
	void *result = NULL;
	ptj_job *child;

	if (deeper > DEPTH)
		return level;
	if (ptj_spawn(pool, job_ten_deep, (void *)deeper, &child))
		return NULL;
	if (ptj_job_wait(child, PTJ_INFINITE, &result))
		result = NULL;
	ptj_job_unref(child);
	return result;
}

/* In aiojobs the first wait at limit 1 hangs. */
START_TEST(ten_deep_spawn_and_wait_works)
{
	void *result = NULL;
	ptj_job *job;

	make_here(setup_number(_i));
	job = spawn(pool, job_ten_deep, (void *)1);
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_int_eq((intptr_t)result, DEPTH);
	ptj_job_unref(job);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 0);
	ck_assert_uint_eq(ptj_scheduler_len(pool), 0);
	free_here();
}
END_TEST

START_TEST(many_families_at_once_work)
{
	enum { FAMILIES = 8 };
	ptj_job *jobs[FAMILIES];

	make_here(setup_number(_i));
	for (int i = 0; i < FAMILIES; i++)
		jobs[i] = spawn(pool, job_ten_deep, (void *)1);
	for (int i = 0; i < FAMILIES; i++) {
		void *result = NULL;

		ok(ptj_job_wait(jobs[i], PTJ_INFINITE, &result));
		ck_assert_int_eq((intptr_t)result, DEPTH);
		ptj_job_unref(jobs[i]);
	}
	ok(ptj_scheduler_wait(pool, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 0);
	free_here();
}
END_TEST

/* Running jobs, blocked ones left out: as many as there are permits. */
static atomic_int running, most_running;

static void begin_running(void)
{
	int now = atomic_fetch_add(&running, 1) + 1;
	int most = atomic_load(&most_running);

	while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
		;
}

static void end_running(void)
{
	atomic_fetch_sub(&running, 1);
}

static void *job_counted_family(void *level)
{
	intptr_t deeper = (intptr_t)level + 1;
	ptj_job *children[2] = {NULL, NULL};
	void *result = level;

	begin_running();
	for (int i = 0; i < 2 && deeper <= 4; i++) {
		end_running();
		if (ptj_spawn(pool, job_counted_family, (void *)deeper, &children[i]))
			result = NULL;
		begin_running();
	}
	for (int i = 0; i < 2; i++) {
		if (!children[i])
			continue;
		end_running();
		if (ptj_job_wait(children[i], PTJ_INFINITE, NULL))
			result = NULL;
		begin_running();
		ptj_job_unref(children[i]);
	}
	end_running();
	return result;
}

START_TEST(lending_does_not_exceed_the_limit)
{
	enum { FAMILIES = 6 };
	struct setup u = setup_number(_i);
	ptj_job *jobs[FAMILIES];

	u.limit = u.limit ? u.limit : 3;
	make_here(u);
	atomic_store(&running, 0);
	atomic_store(&most_running, 0);
	for (int i = 0; i < FAMILIES; i++)
		jobs[i] = spawn(pool, job_counted_family, (void *)1);
	for (int i = 0; i < FAMILIES; i++) {
		void *result = NULL;

		ok(ptj_job_wait(jobs[i], PTJ_INFINITE, &result));
		ck_assert_int_eq((intptr_t)result, 1);
		ptj_job_unref(jobs[i]);
	}
	ck_assert_int_eq(atomic_load(&running), 0);
	ck_assert_int_ge(atomic_load(&most_running), 1);
	ck_assert_int_le(atomic_load(&most_running), (int)u.limit);
	free_here();
}
END_TEST

/* ---- Lending -------------------------------------------------------------------------------- */

/* A parent that spawns a child, which stays at the gate, blocks for it in some way, and stays at
   the gate `after`. */
enum how { WAITS, POLLS, SHIELDS };

struct parent {
	enum how how;
	int64_t timeout;
	struct gate after;
	ptj_job *child;
};

static struct parent parent;

UNWOUND static void *job_parent(void *at)
{
	ptj_job *child = NULL;
	int code;

	if (parent.how == SHIELDS) {
		code = ptj_shield(pool, job_stubborn, at, parent.timeout, NULL);
	} else {
		if (ptj_spawn(pool, job_stubborn, at, &child))
			return NULL;
		parent.child = child;
		code = parent.how == WAITS ? ptj_job_wait(child, parent.timeout, NULL)
		                           : ptj_job_poll(child, parent.timeout, NULL);
	}
	record(&seen, code);
	gate_pass_stubborn(&parent.after);
	return at;
}

static ptj_job *spawn_parent(enum how how, int64_t timeout)
{
	ptj_job *job;

	gate_init(&parent.after);
	parent.how = how;
	parent.timeout = timeout;
	parent.child = NULL;
	job = spawn(pool, job_parent, &gate);
	/* The child at its gate shows that the parent has lent, or shielded it. */
	gate_await(&gate, 1);
	return job;
}

static void free_parent(ptj_job *job)
{
	ok(ptj_scheduler_wait(pool, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 0);
	ck_assert_uint_eq(ptj_scheduler_len(pool), 0);
	ptj_job_unref(job);
	ptj_job_unref(parent.child);
	free_here();
	gate_destroy(&parent.after);
}

START_TEST(a_lender_is_active_and_in_len_and_in_neither_count)
{
	struct setup u = setup_of(1, 0);
	ptj_job *job;

	u.mode = _i;
	make_here(u);
	job = spawn_parent(WAITS, PTJ_INFINITE);
	ck_assert_int_eq(ptj_job_active(job), 1);
	ck_assert_int_eq(ptj_job_pending(job), 0);
	ck_assert_int_eq(ptj_scheduler_contains(pool, job), 1);
	ck_assert_uint_eq(ptj_scheduler_len(pool), 2);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(pool), 0);
	gate_open(&gate);
	gate_await(&parent.after, 1);
	ck_assert_uint_eq(ptj_scheduler_len(pool), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 1);
	gate_open(&parent.after);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(recorded_times(&seen, 0), 1);
	free_parent(job);
}
END_TEST

static void *job_arrive(void *at)
{
	gate_pass(at);
	return at;
}

/* The child's permit goes back to the parent, and not to the jobs in line. */
START_TEST(a_lender_goes_on_before_any_pending_job)
{
	enum { IN_LINE = 5 };
	struct gate in_line;
	ptj_job *job;

	make_here(setup_of(1, 0));
	gate_init(&in_line);
	job = spawn_parent(_i ? POLLS : WAITS, PTJ_INFINITE);
	spawn_n(pool, IN_LINE, job_arrive, &in_line);
	ck_assert_uint_eq(ptj_scheduler_pending_count(pool), IN_LINE);
	gate_open(&gate);
	gate_await(&parent.after, 1);
	ck_assert_int_eq(gate_arrived(&in_line), 0);
	ck_assert_uint_eq(ptj_scheduler_pending_count(pool), IN_LINE);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 1);
	gate_open(&parent.after);
	gate_open(&in_line);
	free_parent(job);
	ck_assert_int_eq(gate_passed(&in_line), IN_LINE);
	gate_destroy(&in_line);
}
END_TEST

START_TEST(a_shield_in_a_job_lends_to_a_pending_one)
{
	struct gate in_line;
	ptj_job *job;

	make_here(setup_of(1, 0));
	gate_init(&in_line);
	job = spawn_parent(SHIELDS, PTJ_INFINITE);
	spawn_n(pool, 1, job_arrive, &in_line);
	gate_await(&in_line, 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 1);
	ck_assert_uint_eq(ptj_scheduler_len(pool), 2);
	gate_open(&gate);
	gate_open(&in_line);
	gate_open(&parent.after);
	free_parent(job);
	gate_destroy(&in_line);
}
END_TEST

/* Whose timeout passed goes on at once, above the limit, and has the next permit. */
START_TEST(a_timeout_bounds_the_return_too)
{
	struct gate in_line;
	ptj_job *job;

	make_here(setup_of(1, 0));
	gate_init(&in_line);
	job = spawn_parent(POLLS, SHORT_MS);
	spawn_n(pool, 1, job_arrive, &in_line);
	gate_await(&parent.after, 1);
	ck_assert_int_eq(recorded_at(&seen, 0), ETIMEDOUT);
	ck_assert_int_eq(gate_passed(&gate), 0);
	ck_assert_int_eq(gate_arrived(&in_line), 0);
	gate_open(&gate);
	ok(ptj_job_wait(parent.child, PTJ_INFINITE, NULL));
	/* The child's permit was due to the parent. */
	ck_assert_int_eq(gate_arrived(&in_line), 0);
	ck_assert_uint_eq(ptj_scheduler_pending_count(pool), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 1);
	gate_open(&parent.after);
	gate_open(&in_line);
	free_parent(job);
	ck_assert_int_eq(gate_passed(&in_line), 1);
	gate_destroy(&in_line);
}
END_TEST

START_TEST(a_closed_lender_goes_on_at_once)
{
	struct setup u = setup_of(1, 0);
	ptj_job *job;

	u.mode = PTJ_CANCEL_COOPERATIVE;
	make_here(u);
	job = spawn_parent(_i ? POLLS : WAITS, PTJ_INFINITE);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	gate_await(&parent.after, 1);
	ck_assert_int_eq(recorded_at(&seen, 0), EINTR);
	ck_assert_int_eq(gate_passed(&gate), 0);
	gate_open(&parent.after);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(ptj_scheduler_len(pool), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 1);
	gate_open(&gate);
	free_parent(job);
}
END_TEST

START_TEST(a_cancelled_lender_leaves_the_permits_right)
{
	ptj_job *job;

	make_here(setup_of(1, 0));
	job = spawn_parent(_i ? POLLS : WAITS, PTJ_INFINITE);
	spawn_n(pool, 1, job_stubborn, &gate);
	ok(ptj_job_close(job, PTJ_INFINITE));
	expect(ECANCELED, ptj_job_wait(job, 0, NULL));
	ck_assert_uint_eq(ptj_scheduler_len(pool), 2);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 1);
	ck_assert_uint_eq(ptj_scheduler_pending_count(pool), 1);
	ck_assert_int_eq(gate_arrived(&gate), 1);
	gate_open(&gate);
	ok(ptj_scheduler_wait(pool, PTJ_INFINITE));
	ck_assert_int_eq(gate_passed(&gate), 2);
	free_parent(job);
}
END_TEST

static void *job_wait_for(void *other)
{
	record(&seen, ptj_job_wait(other, PTJ_INFINITE, NULL) ? -1 : 1);
	return other;
}

static void *job_record_two(void *arg)
{
	record(&seen, 2);
	return arg;
}

/* Several lenders that one job's end sets free share its permit in turn. */
START_TEST(all_its_waiters_go_before_the_pending_jobs)
{
	enum { WAITERS = 4, IN_LINE = 3 };
	struct gate in_line;
	ptj_job *child, *waiters[WAITERS];

	make_here(setup_of(2, 0));
	gate_init(&in_line);
	child = spawn(pool, job_at_gate, &in_line);
	gate_await(&in_line, 1);
	/* One permit is left: each waiter lends it to the next, the last to a job at the gate. */
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = spawn(pool, job_wait_for, child);
	spawn_n(pool, 1, job_stubborn, &gate);
	gate_await(&gate, 1);
	spawn_n(pool, IN_LINE, job_record_two, NULL);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 2);
	gate_open(&in_line);
	for (int i = 0; i < WAITERS; i++)
		ok(ptj_job_wait(waiters[i], PTJ_INFINITE, NULL));
	gate_open(&gate);
	ok(ptj_scheduler_wait(pool, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), WAITERS + IN_LINE);
	for (size_t i = 0; i < WAITERS + IN_LINE; i++)
		ck_assert_int_eq(recorded_at(&seen, i), i < WAITERS ? 1 : 2);
	for (int i = 0; i < WAITERS; i++)
		ptj_job_unref(waiters[i]);
	ptj_job_unref(child);
	gate_destroy(&in_line);
	free_here();
}
END_TEST

enum { OFFSPRING = 50 };

static void *job_spawn_many(void *arg)
{
	for (int i = 0; i < OFFSPRING; i++)
		record(&seen, ptj_spawn(pool, job_arrive, &gate, NULL));
	return arg;
}

START_TEST(a_spawn_on_a_full_line_lends)
{
	struct setup u = setup_number(_i);

	make_here(u);
	gate_open(&gate);
	spawn_n(pool, 1, job_spawn_many, NULL);
	ok(ptj_scheduler_wait(pool, PTJ_INFINITE));
	ck_assert_uint_eq(recorded_times(&seen, 0), OFFSPRING);
	ck_assert_int_eq(gate_passed(&gate), OFFSPRING);
	free_here();
}
END_TEST

static void *job_timed_spawn(void *at)
{
	record(&seen, ptj_spawn(pool, job_stubborn, at, NULL));
	record(&seen, ptj_spawn_attr(pool, NULL, job_stubborn, at, 0, NULL));
	record(&seen, ptj_spawn_attr(pool, NULL, job_stubborn, at, SHORT_MS, NULL));
	return at;
}

/* Limit 1, pending limit 1: the first spawn takes the slot, so the try is EAGAIN; the timed one
   lends to the first, which frees the slot, and so it succeeds. */
START_TEST(a_lending_spawn_makes_its_own_slot)
{
	make_here(setup_of(1, 1));
	spawn_n(pool, 1, job_timed_spawn, &gate);
	await(recorded(&seen) == 3);
	ck_assert_int_eq(recorded_at(&seen, 0), 0);
	ck_assert_int_eq(recorded_at(&seen, 1), EAGAIN);
	ck_assert_int_eq(recorded_at(&seen, 2), 0);
	gate_open(&gate);
	ok(ptj_scheduler_wait(pool, PTJ_INFINITE));
	ck_assert_int_eq(gate_passed(&gate), 2);
	free_here();
}
END_TEST

/* ---- Closing -------------------------------------------------------------------------------- */

static void unref(void *job)
{
	ptj_job_unref(job);
}

UNWOUND static void *job_obedient_family(void *level)
{
	intptr_t deeper = (intptr_t)level + 1;
	ptj_job *child;
	int code;

	if (deeper > DEPTH)
		return job_obedient(&gate);
	if (ptj_spawn(pool, job_obedient_family, (void *)deeper, &child))
		return ptj_job_fail(ECANCELED, NULL);
	pthread_cleanup_push(unref, child);
	code = ptj_job_wait(child, PTJ_INFINITE, NULL);
	pthread_cleanup_pop(1);
	return code ? ptj_job_fail(ECANCELED, NULL) : level;
}

START_TEST(close_ends_a_family_of_lenders)
{
	ptj_job *job;
	int code;

	make_here(setup_number(_i));
	job = spawn(pool, job_obedient_family, (void *)1);
	gate_await(&gate, 1);
	ck_assert_uint_eq(ptj_scheduler_len(pool), DEPTH);
	ok(ptj_scheduler_close(pool));
	ck_assert_uint_eq(ptj_scheduler_len(pool), 0);
	ck_assert_uint_eq(ptj_scheduler_active_count(pool), 0);
	code = ptj_job_wait(job, 0, NULL);
	ck_assert_msg(code == ECANCELED || code == 0, "%s", ptj_strerror(code));
	ptj_job_unref(job);
	free_here();
}
END_TEST

static void *job_poll_when_closed(void *job)
{
	gate_pass_stubborn(&gate);
	record(&seen, ptj_job_poll(job, PTJ_INFINITE, NULL));
	return job;
}

/* It is to obey, and keeps its permit for the way back. */
START_TEST(a_cooperative_job_that_is_being_closed_lends_nothing)
{
	struct setup u = setup_of(1, 0);
	ptj_job *job, *pending;
	struct gate never;

	u.mode = PTJ_CANCEL_COOPERATIVE;
	make_here(u);
	gate_init(&never);
	elsewhere = make_simple(1, 0);
	others_job = spawn(elsewhere, job_at_gate, &never);
	job = spawn(pool, job_poll_when_closed, others_job);
	gate_await(&gate, 1);
	pending = spawn(pool, job_identity, NULL);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(recorded_times(&seen, EINTR), 1);
	ok(ptj_job_wait(pending, PTJ_INFINITE, NULL));
	gate_open(&never);
	ptj_job_unref(job);
	ptj_job_unref(pending);
	ptj_job_unref(others_job);
	ptj_scheduler_free(elsewhere);
	gate_destroy(&never);
	free_here();
}
END_TEST

/* ---- Other schedulers ----------------------------------------------------------------------- */

static void make_other(void)
{
	ptj_job_attr *attr = job_attr(NULL, -1);

	elsewhere = make_simple(1, 0);
	ok(ptj_completions_create(&queue, -1));
	ok(ptj_job_attr_set_completions(attr, queue));
	others_job = spawn_with(elsewhere, attr, job_at_gate, &gate);
	ptj_job_attr_free(attr);
}

static void free_other(void)
{
	ptj_job_unref(others_job);
	ptj_scheduler_free(elsewhere);
	ptj_completions_free(queue);
}

static void *job_wait_for_the_others(void *arg)
{
	record(&seen, ptj_job_wait(others_job, PTJ_INFINITE, NULL));
	return arg;
}

static void *job_take_the_others(void *arg)
{
	ptj_job *job;
	size_t n;

	record(&seen, ptj_completions_take(queue, &job, 1, PTJ_INFINITE, &n));
	ptj_job_unref(job);
	return arg;
}

/* The permit that is lent meanwhile is its own scheduler's, and is not asked for where the other
   job ends. */
START_TEST(waiting_for_another_schedulers_job_lends_the_own_permit)
{
	static const ptj_job_fn ways[] = {job_wait_for_the_others, job_take_the_others};
	ptj_job *waiter, *second;

	make_here(setup_of(1, 0));
	make_other();
	waiter = spawn(pool, ways[_i], NULL);
	second = spawn(pool, job_identity, NULL);
	ok(ptj_job_wait(second, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(recorded(&seen), 0);
	gate_open(&gate);
	ok(ptj_job_wait(waiter, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(recorded_times(&seen, 0), 1);
	ptj_job_unref(waiter);
	ptj_job_unref(second);
	free_other();
	free_here();
}
END_TEST

static int visit_and_wait(ptj_job *job, void *arg)
{
	(void)arg;
	record(&seen, ptj_job_wait(job, PTJ_INFINITE, NULL));
	return 1;
}

static void *job_visit(void *arg)
{
	record(&seen, ptj_scheduler_foreach(elsewhere, visit_and_wait, NULL));
	return arg;
}

/* The visitor is called by the job, which lends and obeys for it. */
START_TEST(so_does_waiting_in_a_visitor)
{
	struct setup u = setup_of(1, 0);
	ptj_job *visitor, *second;

	u.mode = PTJ_CANCEL_COOPERATIVE;
	make_here(u);
	make_other();
	visitor = spawn(pool, job_visit, NULL);
	second = spawn(pool, job_identity, NULL);
	ok(ptj_job_wait(second, PTJ_INFINITE, NULL));
	if (_i)
		gate_open(&gate);
	ok(ptj_job_close(visitor, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 2);
	if (!_i)
		ck_assert_int_eq(recorded_at(&seen, 0), EINTR);
	ck_assert_int_eq(recorded_at(&seen, 1), 1);
	gate_open(&gate);
	ptj_job_unref(visitor);
	ptj_job_unref(second);
	free_other();
	free_here();
}
END_TEST

static void *job_wait_and_close_other(void *arg)
{
	record(&seen, 1);
	record(&seen, ptj_scheduler_wait_and_close(elsewhere, PTJ_INFINITE));
	return arg;
}

static void *job_wait_for_an_external_job(void *arg)
{
	ptj_job *job;

	record(&seen, 1);
	record(&seen, ptj_external_next(elsewhere, PTJ_INFINITE, &job));
	return arg;
}

START_TEST(a_cooperative_job_obeys_in_calls_on_another_scheduler)
{
	static const ptj_job_fn ways[] = {job_wait_and_close_other, job_wait_for_an_external_job};
	struct setup u = setup_of(1, 0);
	ptj_job *job, *second;

	u.mode = PTJ_CANCEL_COOPERATIVE;
	make_here(u);
	make_other();
	job = spawn(pool, ways[_i], NULL);
	await(recorded(&seen) == 1);
	second = spawn(pool, job_identity, NULL);
	if (_i)
		ok(ptj_job_wait(second, PTJ_INFINITE, NULL));
	ok(ptj_job_close(job, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_int_eq(recorded_at(&seen, 1), EINTR);
	ck_assert_int_eq(ptj_scheduler_closed(elsewhere), 0);
	gate_open(&gate);
	ptj_job_unref(job);
	ptj_job_unref(second);
	free_other();
	free_here();
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, ten_deep_spawn_and_wait_works, 0, SETUPS);
	tcase_add_loop_test(tc, many_families_at_once_work, 0, SETUPS);
	tcase_add_loop_test(tc, lending_does_not_exceed_the_limit, 0, SETUPS);
	tcase_add_loop_test(tc, a_lender_is_active_and_in_len_and_in_neither_count, 0, MODES);
	tcase_add_loop_test(tc, a_lender_goes_on_before_any_pending_job, 0, 2);
	tcase_add_test(tc, a_shield_in_a_job_lends_to_a_pending_one);
	tcase_add_test(tc, a_timeout_bounds_the_return_too);
	tcase_add_loop_test(tc, a_closed_lender_goes_on_at_once, 0, 2);
	tcase_add_loop_test(tc, a_cancelled_lender_leaves_the_permits_right, 0, 2);
	tcase_add_test(tc, all_its_waiters_go_before_the_pending_jobs);
	tcase_add_loop_test(tc, a_spawn_on_a_full_line_lends, 0, SETUPS);
	tcase_add_test(tc, a_lending_spawn_makes_its_own_slot);
	tcase_add_loop_test(tc, close_ends_a_family_of_lenders, 0, SETUPS);
	tcase_add_test(tc, a_cooperative_job_that_is_being_closed_lends_nothing);
	tcase_add_loop_test(tc, waiting_for_another_schedulers_job_lends_the_own_permit, 0, 2);
	tcase_add_loop_test(tc, so_does_waiting_in_a_visitor, 0, 2);
	tcase_add_loop_test(tc, a_cooperative_job_obeys_in_calls_on_another_scheduler, 0, 2);
}

int main(void)
{
	return run_tests("nested", add);
}
