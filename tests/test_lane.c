/* The lane, step by step: what a worker does there without the scheduler's mutex, with others'
   calls forced in between.  And the queue that it takes jobs from.

   A worker of the library's own waits at a gate within its job's function, and the test takes the
   steps in its place: pass_take(), pass_begin(), and what follows where one of them fails.  When
   the gate opens the worker goes on with the job that the test has left it.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "completions.h"
#include "finish.h"
#include "lane.h"
#include "pass.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <urcu/system.h>
#include <urcu/uatomic.h>

static struct gate gate;

/* What is done, once, where the library gives up a mutex and holds none. */
static void (*between)(void *arg);
static void *between_arg;

int __real_pthread_mutex_destroy(pthread_mutex_t *mu);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *mu);

int __wrap_pthread_mutex_destroy(pthread_mutex_t *mu)
{
	void (*call)(void *arg) = between;

	between = NULL;
	if (call)
		call(between_arg);
	return __real_pthread_mutex_destroy(mu);
}

/* A scheduler whose only permit has a job at the gate, others in line behind it, and that job's
   worker. */
struct stage {
	ptj_scheduler *s;
	ptj_job *first, *second, *third;
	struct worker *w;
};

/* Whether threads that start from now on stay in their hook until the gate opens. */
static atomic_int late;

static void start_late(void *user)
{
	(void)user;
	if (atomic_load(&late))
		gate_pass_stubborn(&gate);
}

static struct stage stage_without_a_line(size_t pending_limit)
{
	struct setup u = setup_of(1, pending_limit);
	struct stage st;

	gate_init(&gate);
	atomic_store(&late, 0);
	u.thread_start = start_late;
	u.mode = PTJ_CANCEL_COOPERATIVE;
	st.s = make(&u);
	st.first = spawn(st.s, job_stubborn, &gate);
	gate_await(&gate, 1);
	st.w = st.first->at.worker;
	return st;
}

static struct stage stage_of(size_t pending_limit)
{
	struct stage st = stage_without_a_line(pending_limit);

	st.second = spawn(st.s, job_identity, NULL);
	st.third = spawn(st.s, job_identity, NULL);
	ck_assert(lane_is_open(st.s));
	return st;
}

static void finish(struct worker *w)
{
	monitor_lock(&w->s->mu);
	pass_finish_locked(w);
	monitor_unlock(&w->s->mu);
}

static void adopt(struct worker *w)
{
	monitor_lock(&w->s->mu);
	pass_adopt_locked(w);
	monitor_unlock(&w->s->mu);
}

/* Has the worker find its ready job as it would have left it. */
static void leave_begun(struct worker *w)
{
	monitor_lock(&w->s->mu);
	w->job->at.worker = w;
	job_set_phase_locked(w->job, JOB_RUNNING);
	monitor_unlock(&w->s->mu);
}

static void end_stage(struct stage *st)
{
	gate_open(&gate);
	ok(ptj_scheduler_wait(st->s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_active_count(st->s), 0);
	ck_assert_uint_eq(ptj_scheduler_pending_count(st->s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(st->s), 0);
	ptj_job_unref(st->first);
	ptj_job_unref(st->second);
	ptj_job_unref(st->third);
	ptj_scheduler_free(st->s);
	gate_destroy(&gate);
}

static void expect_counts(ptj_scheduler *s, size_t active, size_t pending, size_t len)
{
	ck_assert_uint_eq(ptj_scheduler_active_count(s), active);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), pending);
	ck_assert_uint_eq(ptj_scheduler_len(s), len);
}

/* ---- Passing on ----------------------------------------------------------------------------- */

START_TEST(the_oldest_pending_job_gets_the_permit)
{
	struct stage st = stage_of(0);
	void *result = NULL;

	ck_assert(pass_take(st.w, &gate));
	ck_assert_ptr_eq(st.w->next, st.second);
	expect(ETIMEDOUT, ptj_job_poll(st.first, 0, &result));
	ck_assert(pass_begin(st.w));
	ck_assert_ptr_eq(st.w->job, st.second);
	ok(ptj_job_poll(st.first, 0, &result));
	ck_assert_ptr_eq(result, &gate);
	expect_counts(st.s, 1, 1, 2);
	ck_assert(ptj_job_active(st.second));
	ck_assert(ptj_job_pending(st.third));
	end_stage(&st);
}
END_TEST

START_TEST(with_nobody_in_line_the_mutex_is_needed)
{
	struct stage st = stage_of(0);

	ok(ptj_job_close(st.second, PTJ_INFINITE));
	ok(ptj_job_close(st.third, PTJ_INFINITE));
	ck_assert(pass_take(st.w, NULL)); /* a buried job is only found out when it begins */
	ck_assert(!pass_begin(st.w));
	finish(st.w);
	ok(ptj_job_poll(st.first, 0, NULL));
	ck_assert_ptr_null(st.w->job);
	expect_counts(st.s, 0, 0, 0);
	ck_assert_uint_eq(st.s->pending.buried, 0);

	/* Something for the worker to come back to. */
	ptj_job_unref(st.second);
	monitor_lock(&st.s->mu);
	st.second = roster_alloc_locked(&st.s->roster);
	atomic_store(&st.second->state, JOB_RUNNING | JOB_PERMIT);
	st.second->extra = NULL;
	st.second->id = 1000;
	roster_publish(st.second, 2);
	count_add_locked(&st.s->active, 1);
	count_add_locked(&st.s->entered, 1);
	st.w->job = st.second;
	monitor_unlock(&st.s->mu);
	end_stage(&st);
}
END_TEST

/* Each does something to the first job after which its end is not the worker's own affair. */
static void wait_for_it(struct stage *st, struct caller *c)
{
	c->job = st->first;
	c->timeout = PTJ_INFINITE;
	caller_start(c, call_wait);
	caller_await_blocked(c);
}

static void close_it(struct stage *st, struct caller *c)
{
	c->job = st->first;
	c->timeout = PTJ_INFINITE;
	caller_start(c, call_close);
	caller_await_blocked(c);
}

static void name_it(struct stage *st, struct caller *c)
{
	ok(ptj_job_set_name(st->first, "named"));
	wait_for_it(st, c);
}

START_TEST(what_somebody_waits_for_is_ended_with_the_mutex)
{
	static void (*const acts[])(struct stage * st, struct caller * c) = {wait_for_it, close_it,
	                                                                     name_it};
	struct stage st = stage_of(0);
	struct caller c = {.timeout = PTJ_INFINITE};

	acts[_i](&st, &c);
	ck_assert(!pass_take(st.w, NULL));
	ck_assert_ptr_eq(st.w->job, st.first);
	expect_counts(st.s, 1, 2, 3);
	gate_open(&gate);
	ok(caller_join(&c));
	ok(ptj_job_wait(st.third, PTJ_INFINITE, NULL));
	end_stage(&st);
}
END_TEST

/* ---- Between the steps ---------------------------------------------------------------------- */

START_TEST(a_job_closed_by_then_is_left_and_the_next_taken)
{
	struct stage st = stage_of(2);

	ck_assert(pass_take(st.w, NULL));
	ok(ptj_job_close(st.second, PTJ_INFINITE));
	expect(ECANCELED, ptj_job_wait(st.second, PTJ_INFINITE, NULL));
	ck_assert(!pass_begin(st.w));
	finish(st.w);
	ck_assert_ptr_eq(st.w->job, st.third);
	expect_counts(st.s, 1, 0, 1);
	ck_assert_uint_eq(st.s->pending.buried, 0);
	leave_begun(st.w);
	end_stage(&st);
}
END_TEST

START_TEST(a_job_named_by_then_is_begun_with_the_mutex)
{
	struct stage st = stage_of(0);

	ck_assert(pass_take(st.w, NULL));
	ok(ptj_job_set_name(st.second, "late"));
	ck_assert(!pass_begin(st.w));
	finish(st.w);
	ck_assert_ptr_eq(st.w->job, st.second);
	ck_assert(ptj_job_active(st.second));
	expect_counts(st.s, 1, 1, 2);
	leave_begun(st.w);
	end_stage(&st);
}
END_TEST

/* The worker found the lane open just before a spawner that found the queue full shut it. */
START_TEST(a_spawner_that_blocked_meanwhile_gets_the_place)
{
	struct stage st = stage_of(2);
	struct caller c = {.s = st.s, .fn = job_identity, .timeout = PTJ_INFINITE};

	caller_start(&c, call_spawn);
	caller_await_blocked(&c);
	ck_assert(!lane_is_open(st.s));
	atomic_store(&st.s->lane, true);
	ck_assert(pass_take(st.w, NULL));
	atomic_store(&st.s->lane, false);
	ck_assert(pass_begin(st.w));
	ck_assert(!caller_done(&c));
	ck_assert(!lane_is_open(st.s));
	adopt(st.w);
	ck_assert_ptr_eq(st.w->job, st.second);
	ok(caller_join(&c));
	expect_counts(st.s, 1, 2, 3);
	leave_begun(st.w);
	ptj_job_unref(c.spawned);
	end_stage(&st);
}
END_TEST

static void set_guests(ptj_scheduler *s, size_t n)
{
	monitor_lock(&s->mu);
	front_shut_locked(&s->pending.front);
	s->pending.guests = n;
	monitor_unlock(&s->mu);
}

/* As between the moment in which a blocked spawner is offered a place and its return. */
START_TEST(a_newcomer_leaves_a_place_for_a_blocked_spawner)
{
	struct stage st = stage_of(4);

	set_guests(st.s, 2);
	expect(EAGAIN, ptj_spawn_attr(st.s, NULL, job_identity, NULL, 0, NULL));
	set_guests(st.s, 1);
	ok(ptj_spawn_attr(st.s, NULL, job_identity, NULL, 0, NULL));
	expect(EAGAIN, ptj_spawn_attr(st.s, NULL, job_identity, NULL, 0, NULL));
	set_guests(st.s, 0);
	ok(ptj_spawn_attr(st.s, NULL, job_identity, NULL, 0, NULL));
	expect(EAGAIN, ptj_spawn_attr(st.s, NULL, job_identity, NULL, 0, NULL));
	end_stage(&st);
}
END_TEST

START_TEST(a_close_that_did_not_find_the_job_is_found_by_its_worker)
{
	struct stage st = stage_of(0);
	struct caller c = {.s = st.s};

	ck_assert(pass_take(st.w, NULL));
	caller_start(&c, call_scheduler_close);
	caller_await_blocked(&c);
	expect(ECANCELED, ptj_job_poll(st.third, PTJ_INFINITE, NULL));
	ck_assert(pass_begin(st.w));
	expect_counts(st.s, 1, 0, 1);
	ck_assert(!lane_is_open(st.s));
	adopt(st.w);
	ck_assert_ptr_eq(st.w->job, st.second);
	ck_assert(job_has(st.second, JOB_CLOSING));
	leave_begun(st.w);
	gate_open(&gate);
	ok(caller_join(&c));
	end_stage(&st);
}
END_TEST

/* Nobody is to be handed it any more: the worker that has it in hand drops it. */
START_TEST(so_is_an_external_job)
{
	struct stage st = stage_without_a_line(0);
	struct caller c = {.s = st.s};

	ok(ptj_spawn_external(st.s, NULL, NULL, PTJ_INFINITE, &st.second));
	st.third = spawn(st.s, job_identity, NULL);
	ck_assert(pass_take(st.w, NULL));
	caller_start(&c, call_scheduler_close);
	caller_await_blocked(&c);
	ck_assert(!pass_begin(st.w));
	finish(st.w);
	ck_assert_ptr_eq(st.w->job, st.second);
	ck_assert(job_has(st.second, JOB_CLOSING));
	gate_open(&gate);
	ok(caller_join(&c));
	end_stage(&st);
}
END_TEST

START_TEST(a_close_finds_the_job_that_has_begun)
{
	struct stage st = stage_of(0);
	struct caller c = {.s = st.s};

	ck_assert(pass_take(st.w, NULL));
	ck_assert(pass_begin(st.w));
	caller_start(&c, call_scheduler_close);
	caller_await_blocked(&c);
	ck_assert(job_has(st.second, JOB_CLOSING));
	gate_open(&gate);
	ok(caller_join(&c));
	end_stage(&st);
}
END_TEST

START_TEST(a_closed_front_keeps_no_slots)
{
	struct stage st = stage_of(0);
	struct caller c = {.s = st.s};
	ptj_job *slot = NULL;

	caller_start(&c, call_scheduler_close);
	caller_await_blocked(&c);
	ck_assert_uint_eq(front_stash(&st.s->pending.front, &slot, 1), 0);
	ck_assert_uint_eq(st.s->pending.front.stash_len, 0);
	gate_open(&gate);
	ok(caller_join(&c));
	end_stage(&st);
}
END_TEST

/* The permit of a job that goes is not for the one behind the closed one where somebody comes
   first: a lender who wants one back, or one who took one that is not there. */
START_TEST(behind_a_closed_job_others_may_come_first)
{
	struct stage st = stage_of(2);
	struct link lender;

	list_init(&lender);
	ck_assert(pass_take(st.w, NULL));
	ok(ptj_job_close(st.second, PTJ_INFINITE));
	ck_assert(!pass_begin(st.w));
	monitor_lock(&st.s->mu);
	if (_i)
		count_add_locked(&st.s->active, 1);
	else
		list_append(&st.s->reclaim, &lender);
	count_sub_locked(&st.s->active, 1); /* of the job that goes */
	job_clear_locked(st.first, JOB_PERMIT);
	count_add_locked(&st.s->active, 1); /* somebody else's */
	pass_finish_locked(st.w);
	ck_assert_ptr_null(st.w->job);
	list_remove(&lender);
	/* The worker is in its function still, and finds what it would have found. */
	st.w->job = permits_next_locked(st.s, JOB_READY, JOB_PERMIT);
	ck_assert_ptr_eq(st.w->job, st.third);
	count_sub_locked(&st.s->active, _i ? 1 : 0);
	count_add_locked(&st.s->entered, 1);
	monitor_unlock(&st.s->mu);
	leave_begun(st.w);
	end_stage(&st);
}
END_TEST

/* ---- When it is open ------------------------------------------------------------------------ */

static bool opens(ptj_scheduler *s)
{
	lane_shut_locked(s);
	lane_open_locked(s);
	return lane_is_open(s);
}

START_TEST(it_is_open_while_nobody_else_is_concerned)
{
	ptj_scheduler *s = make_simple(2, 0);
	size_t doomed;

	monitor_lock(&s->mu);
	ck_assert(opens(s));
	count_add_locked(&s->active, 3);
	ck_assert(!opens(s));
	count_sub_locked(&s->active, 3);
	doomed = s->roster.doomed_count;
	s->roster.doomed_count = 1000;
	ck_assert(!opens(s));
	s->roster.doomed_count = doomed;
	atomic_store(&s->phase, SCHEDULER_CLOSING);
	ck_assert(!opens(s));
	atomic_store(&s->phase, SCHEDULER_OPEN);
	ck_assert(opens(s));
	lane_shut_locked(s);
	monitor_unlock(&s->mu);
	ptj_scheduler_free(s);
}
END_TEST

/* Who gives slots back has it shut where there is much to unmap: a worker looks for that
   outside. */
START_TEST(much_to_unmap_shuts_it)
{
	ptj_scheduler *s = make_simple(2, 0);
	struct recycle none = {.len = 0};

	monitor_lock(&s->mu);
	ck_assert(opens(s));
	recycle_flush_locked(&none, s);
	ck_assert(lane_is_open(s));
	s->roster.doomed_count = 1000;
	recycle_flush_locked(&none, s);
	ck_assert(!lane_is_open(s));
	s->roster.doomed_count = 0;
	monitor_unlock(&s->mu);
	ptj_scheduler_free(s);
}
END_TEST

/* ---- Completion queues ---------------------------------------------------------------------- */

struct taking {
	ptj_completions *q;
	struct caller c;
};

static int call_take(struct caller *c)
{
	size_t n;

	return ptj_completions_take(c->arg, &c->job, 1, c->timeout, &n);
}

/* The stage, its jobs bound to a queue that tells fd of them. */
static struct stage bound_stage_on(struct taking *t, int fd)
{
	struct setup u = setup_of(1, 0);
	struct stage st;
	ptj_job_attr *attr = job_attr(NULL, PTJ_CANCEL_COOPERATIVE);

	gate_init(&gate);
	st.s = make(&u);
	ok(ptj_completions_create(&t->q, fd));
	ok(ptj_job_attr_set_completions(attr, t->q));
	t->c = (struct caller){.arg = t->q, .timeout = PTJ_INFINITE};
	st.first = spawn_with(st.s, attr, job_stubborn, &gate);
	gate_await(&gate, 1);
	st.second = spawn_with(st.s, attr, job_identity, NULL);
	st.third = spawn_with(st.s, attr, job_identity, NULL);
	st.w = st.first->at.worker;
	ptj_job_attr_free(attr);
	ck_assert(lane_is_open(st.s));
	return st;
}

static struct stage bound_stage(struct taking *t)
{
	return bound_stage_on(t, -1);
}

/* What the worker does besides appending its first job. */
static void end_first(struct stage *st, struct taking *t)
{
	st->w->next->at.worker = st->w;
	ck_assert(job_move(st->w->next, JOB_PENDING, JOB_BEGINS_LOCKED, JOB_RUNNING, JOB_PERMIT));
	st->w->job = st->w->next;
	st->w->next = NULL;
	monitor_lock(&st->s->mu);
	atomic_fetch_xor(&st->first->state, (JOB_PASSING ^ JOB_ENDED) | JOB_PERMIT);
	release_waiters_locked(st->s, st->first);
	monitor_unlock(&st->s->mu);
	ck_assert(completions_try_unref(t->q));
	ck_assert(job_drop_ref(st->first) == false);
}

static void end_bound_stage(struct stage *st, struct taking *t, size_t expected)
{
	ptj_job *jobs[4];
	size_t n;

	gate_open(&gate);
	ok(ptj_scheduler_wait(st->s, PTJ_INFINITE));
	ok(ptj_completions_take(t->q, jobs, 4, 0, &n));
	ck_assert_uint_eq(n, expected);
	while (n > 0)
		ptj_job_unref(jobs[--n]);
	ptj_completions_free(t->q);
	end_stage(st);
}

START_TEST(a_job_in_the_lane_goes_to_its_queue)
{
	struct taking t;
	struct stage st = bound_stage(&t);
	ptj_job *job;
	size_t n;

	ck_assert(pass_take(st.w, &gate));
	expect(ETIMEDOUT, ptj_completions_take(t.q, &job, 1, 0, &n));
	ck_assert(pass_begin(st.w));
	ok(ptj_completions_take(t.q, &job, 1, 0, &n));
	ck_assert_ptr_eq(job, st.first);
	ok(ptj_job_poll(job, 0, NULL));
	ptj_job_unref(job);
	end_bound_stage(&st, &t, 2);
}
END_TEST

/* It is in the queue, and its worker has not ended it. */
START_TEST(who_takes_waits_for_the_end)
{
	struct taking t;
	struct stage st = bound_stage(&t);

	ck_assert(pass_take(st.w, &gate));
	completions_append(t.q, st.first);
	caller_start(&t.c, call_take);
	caller_await_blocked(&t.c);
	ck_assert(job_has(st.first, JOB_WAITED));
	end_first(&st, &t);
	ok(caller_join(&t.c));
	ck_assert_ptr_eq(t.c.job, st.first);
	ptj_job_unref(t.c.job);
	end_bound_stage(&st, &t, 2);
}
END_TEST

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

/* The worker is between the two steps of its append and has not rung the bell; what is appended
   behind its job ends before that, and is told of. */
START_TEST(what_is_appended_behind_another_is_told_of)
{
	int fd = _i ? eventfd(0, EFD_CLOEXEC) : -1;
	struct taking t;
	struct stage st = bound_stage_on(&t, fd);
	struct cds_wfcq_node *first = &st.first->at.ended.node, *before;

	ck_assert(pass_take(st.w, NULL));
	ck_assert(!is_readable(ptj_completions_fd(t.q)));
	cds_wfcq_node_init(first);
	before = uatomic_xchg(&t.q->tail.p, first);
	ok(ptj_job_close(st.third, PTJ_INFINITE));
	ck_assert(is_readable(ptj_completions_fd(t.q)));
	CMM_STORE_SHARED(before->next, first);
	end_first(&st, &t);
	end_bound_stage(&st, &t, 3);
	if (_i)
		close(fd);
}
END_TEST

/* Or one who appends behind what comes next might rely on what was rung for those before. */
START_TEST(the_last_job_leaves_the_queue_not_told_of)
{
	struct taking t;
	struct stage st = bound_stage(&t);

	ck_assert_int_ge(ptj_completions_fd(t.q), 0);
	ck_assert(pass_take(st.w, NULL));
	ck_assert(pass_begin(st.w));
	ok(ptj_job_close(st.third, PTJ_INFINITE));
	monitor_lock(&t.q->mu);
	ck_assert(atomic_load(&t.q->told));
	ck_assert_ptr_eq(completions_pop_locked(t.q), st.first);
	ck_assert(atomic_load(&t.q->told));
	ck_assert_ptr_eq(completions_pop_locked(t.q), st.third);
	ck_assert(!atomic_load(&t.q->told));
	completions_pass_on_locked(t.q);
	monitor_unlock(&t.q->mu);
	ptj_job_unref(st.first);
	ptj_job_unref(st.third);
	end_bound_stage(&st, &t, 1);
}
END_TEST

/* Whoever blocks in its queue may have lent his permit, and is due this one. */
static void close_in_between(void *job)
{
	ok(ptj_job_close(job, PTJ_INFINITE));
}

static atomic_int releases;

static void release_count(void *arg)
{
	(void)arg;
	atomic_fetch_add(&releases, 1);
}

/* The last job of a queue that was freed releases it, and s->mu meanwhile: the job behind it is in
   the worker's hands no longer, or not yet.  The worker is left with the third, for which the close
   has another thread started as well. */
START_TEST(the_next_job_is_closed_while_a_queue_is_released)
{
	struct stage st = stage_without_a_line(0);
	ptj_job_attr *ja = job_attr(release_count, -1);
	ptj_completions *q;

	ok(ptj_completions_create(&q, -1));
	st.first->completions = q;
	completions_ref(q);
	ptj_completions_free(q);
	st.second = spawn_with(st.s, ja, job_identity, NULL);
	st.third = spawn(st.s, job_stubborn, &gate);
	ck_assert(pass_take(st.w, NULL));
	ck_assert(!pass_begin(st.w));
	between_arg = st.second;
	between = close_in_between;
	atomic_store(&late, 1);
	finish(st.w);
	ck_assert(!between);
	ck_assert_int_eq(atomic_load(&releases), 1);
	ck_assert_uint_eq(ptj_scheduler_len(st.s), 1);
	ck_assert_ptr_eq(st.w->job, st.third);
	end_stage(&st);
	ck_assert_int_eq(atomic_load(&releases), 1);
	ptj_job_attr_free(ja);
}
END_TEST

START_TEST(what_somebody_is_blocked_for_is_ended_with_the_mutex)
{
	struct taking t;
	struct stage st = bound_stage(&t);

	caller_start(&t.c, call_take);
	caller_await_blocked(&t.c);
	ck_assert(!pass_take(st.w, NULL));
	gate_open(&gate);
	ok(caller_join(&t.c));
	ck_assert_ptr_eq(t.c.job, st.first);
	ptj_job_unref(t.c.job);
	end_bound_stage(&st, &t, 2);
}
END_TEST

/* Freed when the worker has found it not freed. */
START_TEST(what_is_appended_late_is_released)
{
	struct taking t;
	struct stage st = bound_stage(&t);

	ck_assert(pass_take(st.w, NULL));
	ptj_completions_free(t.q); /* its memory is the three jobs' still */
	atomic_store(&t.q->freed, false);
	ck_assert(pass_begin(st.w));
	atomic_store(&t.q->freed, true);
	ck_assert_uint_eq(atomic_load(&st.first->refs), 2);
	gate_open(&gate);
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	await(atomic_load(&st.first->refs) == 1);
	end_stage(&st);
}
END_TEST

/* ---- Lenders -------------------------------------------------------------------------------- */

struct family {
	ptj_scheduler *s;
	ptj_job *child;
};

static void *job_wait_for_child(void *arg)
{
	struct family *family = arg;

	if (ptj_spawn(family->s, job_stubborn, &gate, &family->child))
		abort();
	ptj_job_wait(family->child, PTJ_INFINITE, NULL);
	return NULL;
}

/* The parent lends its permit to the child, which has it while others are in line. */
START_TEST(a_lender_comes_before_those_in_line)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct family family = {.s = s};
	ptj_job *parent, *other;

	gate_init(&gate);
	parent = spawn(s, job_wait_for_child, &family);
	gate_await(&gate, 1);
	other = spawn(s, job_identity, NULL);
	ck_assert(lane_is_open(s));
	ck_assert(!pass_take(family.child->at.worker, NULL));
	gate_open(&gate);
	ok(ptj_job_wait(other, PTJ_INFINITE, NULL));
	ck_assert(ptj_job_closed(parent));
	ptj_job_unref(family.child);
	ptj_job_unref(parent);
	ptj_job_unref(other);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

struct waiting {
	struct gate gate;
	ptj_job *other;
};

static void *job_wait_for_other(void *arg)
{
	struct waiting *waiting = arg;

	gate_pass_stubborn(&waiting->gate);
	ptj_job_wait(waiting->other, PTJ_INFINITE, NULL);
	return NULL;
}

static void release_wait_for_other(void *arg)
{
	struct waiting *waiting = arg;

	ptj_job_wait(waiting->other, PTJ_INFINITE, NULL);
	gate_pass_stubborn(&waiting->gate);
}

static int wants_a_permit(ptj_scheduler *s)
{
	int wants;

	monitor_lock(&s->mu);
	wants = !list_empty(&s->reclaim);
	monitor_unlock(&s->mu);
	return wants;
}

/* The job is over and nobody asks it to close any more: the scheduler's close counts. */
START_TEST(a_close_lets_a_release_function_go_on_without_a_permit)
{
	ptj_scheduler *s = make_simple(1, 0), *elsewhere = make_simple(1, 0);
	ptj_job_attr *ja = job_attr(release_wait_for_other, PTJ_CANCEL_COOPERATIVE);
	struct caller c = {.s = s};
	struct waiting waiting;
	struct gate held;

	gate_init(&gate);
	gate_init(&held);
	gate_init(&waiting.gate);
	waiting.other = spawn(elsewhere, job_stubborn, &gate);
	ptj_job_unref(spawn_with(s, ja, job_identity, &waiting));
	ptj_job_unref(spawn(s, job_stubborn, &held));
	gate_await(&held, 1);
	gate_open(&gate);
	await(wants_a_permit(s));
	ck_assert_int_eq(gate_arrived(&waiting.gate), 0);
	caller_start(&c, call_scheduler_close);
	gate_await(&waiting.gate, 1);
	ck_assert_int_eq(gate_passed(&held), 0);
	gate_open(&waiting.gate);
	gate_open(&held);
	ok(caller_join(&c));
	ptj_job_unref(waiting.other);
	ptj_job_attr_free(ja);
	ptj_scheduler_free(s);
	ptj_scheduler_free(elsewhere);
	gate_destroy(&gate);
	gate_destroy(&held);
	gate_destroy(&waiting.gate);
}
END_TEST

/* The job that is waited for is over, and its permit as good as another's: who lent his own now
   would not be the first to get one back. */
START_TEST(nobody_lends_to_wait_for_what_is_passing)
{
	ptj_scheduler *s = make_simple(2, 0);
	struct waiting waiting;
	ptj_job *parent, *in_line;
	struct worker *w;

	gate_init(&gate);
	gate_init(&waiting.gate);
	waiting.other = spawn(s, job_stubborn, &gate);
	parent = spawn(s, job_wait_for_other, &waiting);
	gate_await(&gate, 1);
	gate_await(&waiting.gate, 1);
	ptj_job_unref(spawn(s, job_identity, NULL));
	in_line = spawn(s, job_identity, NULL);
	w = waiting.other->at.worker;
	await(lane_is_open(s));
	ck_assert(pass_take(w, NULL));
	gate_open(&waiting.gate);
	await(job_has(waiting.other, JOB_WAITED));
	monitor_lock(&s->mu); /* by then it has lent, if it does */
	monitor_unlock(&s->mu);
	ck_assert(job_has(parent, JOB_PERMIT));
	ck_assert(ptj_job_pending(in_line));
	ck_assert(pass_begin(w));
	ok(ptj_job_wait(parent, PTJ_INFINITE, NULL));
	gate_open(&gate);
	ok(ptj_job_wait(in_line, PTJ_INFINITE, NULL));
	ptj_job_unref(waiting.other);
	ptj_job_unref(parent);
	ptj_job_unref(in_line);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
	gate_destroy(&waiting.gate);
}
END_TEST

static void *job_take(void *arg)
{
	struct taking *t = arg;
	size_t n;

	if (ptj_completions_take(t->q, &t->c.job, 1, PTJ_INFINITE, &n))
		abort();
	return NULL;
}

static bool lender_has_lent(ptj_scheduler *s, const struct lender *lender)
{
	bool lent;

	monitor_lock(&s->mu);
	lent = lender->state == LENDER_LENT && list_empty(&s->reclaim) &&
	       count_get(&s->active) == 0;
	monitor_unlock(&s->mu);
	return lent;
}

/* As if another thread had taken the job by whose end it got its permit back, or is about to: it
   does not keep what others need. */
START_TEST(a_taker_that_finds_nothing_lends_again)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job_attr *attr = job_attr(NULL, -1);
	struct taking t;
	struct lender *lender;
	ptj_job *taker;

	ok(ptj_completions_create(&t.q, -1));
	ok(ptj_job_attr_set_completions(attr, t.q));
	taker = spawn(s, job_take, &t);
	await(ptj_job_active(taker) && ptj_scheduler_active_count(s) == 0);
	monitor_lock(&s->mu);
	lender = completions_first_lender_locked(t.q);
	lender_reclaim_locked(lender);
	if (_i) {
		permits_dispatch_locked(s);
		ck_assert(job_has(taker, JOB_PERMIT));
	} else {
		parker_wake(lender->waiter.parker);
	}
	monitor_unlock(&s->mu);
	await(lender_has_lent(s, lender));
	ok(ptj_spawn_attr(s, attr, job_identity, NULL, PTJ_INFINITE, NULL));
	ok(ptj_job_wait(taker, PTJ_INFINITE, NULL));
	ptj_job_unref(t.c.job);
	ptj_job_unref(taker);
	ptj_job_attr_free(attr);
	ptj_completions_free(t.q);
	ptj_scheduler_free(s);
}
END_TEST

/* ---- The queue ------------------------------------------------------------------------------ */

static atomic_int next_number;
static atomic_int out_of_order;

static void *job_in_order(void *arg)
{
	if (atomic_fetch_add(&next_number, 1) != (int)(intptr_t)arg)
		atomic_fetch_add(&out_of_order, 1);
	return arg;
}

/* More than the ring has room for. */
START_TEST(a_long_line_keeps_its_order)
{
	enum { JOBS = 40000, CLOSE_EVERY = 1000 };
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *job;
	int i, n = 0;

	gate_init(&gate);
	atomic_store(&next_number, 0);
	atomic_store(&out_of_order, 0);
	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	for (i = 0; i < JOBS; i++) {
		job = spawn(s, job_in_order, (void *)(intptr_t)n);
		if (i % CLOSE_EVERY == 0)
			ok(ptj_job_close(job, PTJ_INFINITE));
		else
			n++;
		ptj_job_unref(job);
	}
	expect_counts(s, 1, (size_t)n, (size_t)n + 1);
	ck_assert_uint_gt(s->pending.front.behind_len, 0);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(atomic_load(&next_number), n);
	ck_assert_int_eq(atomic_load(&out_of_order), 0);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* Closed jobs that lie in the ring fill it up; those behind it are gone at once. */
START_TEST(closed_jobs_take_no_place)
{
	enum { LIMIT = 4, ROUNDS = 200 };
	ptj_scheduler *s = make_simple(1, LIMIT);
	ptj_job *jobs[LIMIT], *one_too_many;
	int i, round;

	gate_init(&gate);
	atomic_store(&next_number, 0);
	atomic_store(&out_of_order, 0);
	spawn_n(s, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < LIMIT; i++)
			jobs[i] = spawn(s, job_in_order, (void *)(intptr_t)i);
		expect_counts(s, 1, LIMIT, LIMIT + 1);
		expect(EAGAIN, ptj_spawn_attr(s, NULL, job_in_order, NULL, 0, &one_too_many));
		for (i = 0; i < LIMIT; i++) {
			if (round < ROUNDS - 1)
				ok(ptj_job_close(jobs[(i + round) % LIMIT], PTJ_INFINITE));
			ptj_job_unref(jobs[(i + round) % LIMIT]);
		}
	}
	ck_assert_uint_le(roster_slots_in_use(&s->roster),
	                  1 + s->pending.front.ring.size + LIMIT + s->pending.front.stash_len);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(atomic_load(&next_number), LIMIT);
	ck_assert_int_eq(atomic_load(&out_of_order), 0);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

START_TEST(a_ring_is_a_bounded_queue)
{
	enum { SIZE = 8 };
	struct ring r;
	ptj_job jobs[SIZE + 1];
	int round, i;

	ck_assert(ring_init(&r, SIZE - 1));
	ck_assert_uint_eq(r.size, SIZE);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < SIZE; i++)
			ck_assert(ring_put(&r, &jobs[i]));
		ck_assert(!ring_put(&r, &jobs[SIZE]));
		ck_assert_uint_eq(ring_count(&r), SIZE);
		ck_assert_ptr_eq(ring_take(&r), &jobs[0]);
		ck_assert(ring_put(&r, &jobs[SIZE]));
		for (i = 1; i <= SIZE; i++)
			ck_assert_ptr_eq(ring_take(&r), &jobs[i]);
		ck_assert_ptr_null(ring_take(&r));
		ck_assert_uint_eq(ring_count(&r), 0);
	}
	ring_destroy(&r);
}
END_TEST

enum { TAKERS = 3, TAKEN = 100000 };

static struct ring shared;
static ptj_job tokens[TAKEN];

struct taker {
	pthread_t thread;
	long taken;
	long out_of_order;
};

/* tokens[0], put in last of all, has no order: each taker ends with one of them. */
static void *take_all(void *arg)
{
	struct taker *taker = arg;
	ptj_job *job, *last = NULL;

	for (;;) {
		job = ring_take(&shared);
		if (!job) {
			sched_yield();
			continue;
		}
		if (job == &tokens[0])
			return NULL;
		taker->taken++;
		taker->out_of_order += job <= last;
		last = job;
		atomic_fetch_add(&job->refs, 1);
	}
}

static void put(ptj_job *job)
{
	while (!ring_put(&shared, job))
		sched_yield();
}

START_TEST(of_many_takers_one_gets_each)
{
	struct taker takers[TAKERS] = {{.taken = 0}};
	long taken = 0;
	int i;

	ck_assert(ring_init(&shared, 64));
	for (i = 0; i < TAKEN; i++)
		atomic_init(&tokens[i].refs, 0);
	for (i = 0; i < TAKERS; i++)
		ck_assert_int_eq(pthread_create(&takers[i].thread, NULL, take_all, &takers[i]), 0);
	for (i = 1; i < TAKEN; i++)
		put(&tokens[i]);
	for (i = 0; i < TAKERS; i++)
		put(&tokens[0]);
	for (i = 0; i < TAKERS; i++) {
		ck_assert_int_eq(pthread_join(takers[i].thread, NULL), 0);
		ck_assert_int_eq(takers[i].out_of_order, 0);
		taken += takers[i].taken;
	}
	ck_assert_int_eq(taken, TAKEN - 1);
	for (i = 1; i < TAKEN; i++)
		ck_assert_uint_eq(atomic_load(&tokens[i].refs), 1);
	ring_destroy(&shared);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, the_oldest_pending_job_gets_the_permit);
	tcase_add_test(tc, with_nobody_in_line_the_mutex_is_needed);
	tcase_add_loop_test(tc, what_somebody_waits_for_is_ended_with_the_mutex, 0, 3);
	tcase_add_test(tc, a_job_closed_by_then_is_left_and_the_next_taken);
	tcase_add_test(tc, a_job_named_by_then_is_begun_with_the_mutex);
	tcase_add_test(tc, a_spawner_that_blocked_meanwhile_gets_the_place);
	tcase_add_test(tc, a_newcomer_leaves_a_place_for_a_blocked_spawner);
	tcase_add_test(tc, a_close_that_did_not_find_the_job_is_found_by_its_worker);
	tcase_add_test(tc, so_is_an_external_job);
	tcase_add_test(tc, a_close_finds_the_job_that_has_begun);
	tcase_add_test(tc, a_closed_front_keeps_no_slots);
	tcase_add_test(tc, a_job_in_the_lane_goes_to_its_queue);
	tcase_add_test(tc, who_takes_waits_for_the_end);
	tcase_add_loop_test(tc, what_is_appended_behind_another_is_told_of, 0, 2);
	tcase_add_test(tc, the_last_job_leaves_the_queue_not_told_of);
	tcase_add_test(tc, the_next_job_is_closed_while_a_queue_is_released);
	tcase_add_test(tc, what_somebody_is_blocked_for_is_ended_with_the_mutex);
	tcase_add_test(tc, what_is_appended_late_is_released);
	tcase_add_test(tc, a_lender_comes_before_those_in_line);
	tcase_add_loop_test(tc, a_taker_that_finds_nothing_lends_again, 0, 2);
	tcase_add_test(tc, a_close_lets_a_release_function_go_on_without_a_permit);
	tcase_add_test(tc, nobody_lends_to_wait_for_what_is_passing);
	tcase_add_test(tc, a_long_line_keeps_its_order);
	tcase_add_test(tc, closed_jobs_take_no_place);
	tcase_add_test(tc, a_ring_is_a_bounded_queue);
	tcase_add_loop_test(tc, of_many_takers_one_gets_each, 0, 3);
	tcase_add_loop_test(tc, behind_a_closed_job_others_may_come_first, 0, 2);
	tcase_add_test(tc, it_is_open_while_nobody_else_is_concerned);
	tcase_add_test(tc, much_to_unmap_shuts_it);
}

int main(void)
{
	return run_tests("lane", add);
}
