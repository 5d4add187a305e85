/* Completion queues: each job appears once, when it has ended; who is told of it; who may take it;
   and what happens to a queue that is freed too early.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static struct gate gate;

static ptj_completions *make_queue(int fd)
{
	ptj_completions *q = NULL;

	ok(ptj_completions_create(&q, fd));
	return q;
}

static ptj_job_attr *bound_to(ptj_completions *q)
{
	ptj_job_attr *attr = job_attr(NULL, -1);

	ok(ptj_job_attr_set_completions(attr, q));
	return attr;
}

static int is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void await_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
}

static ptj_job *take_one(ptj_completions *q, int64_t timeout)
{
	ptj_job *job = NULL;
	size_t n = 0;

	ok(ptj_completions_take(q, &job, 1, timeout, &n));
	ck_assert_uint_eq(n, 1);
	return job;
}

static void expect_empty(ptj_completions *q)
{
	ptj_job *job = NULL;
	size_t n = 7;

	expect(ETIMEDOUT, ptj_completions_take(q, &job, 1, 0, &n));
	ck_assert_ptr_null(job);
	ck_assert_uint_eq(n, 7);
}

/* A scheduler, a queue of its jobs, and attributes that bind them to it. */
struct stage {
	ptj_scheduler *s;
	ptj_completions *q;
	ptj_job_attr *attr;
};

static struct stage stage_of(struct setup u, int fd)
{
	struct stage st = {.s = make(&u), .q = make_queue(fd)};

	st.attr = bound_to(st.q);
	gate_init(&gate);
	return st;
}

static void end_stage(struct stage *st)
{
	ptj_job_attr_free(st->attr);
	ptj_scheduler_free(st->s);
	ptj_completions_free(st->q);
	gate_destroy(&gate);
}

static void spawn_bound(struct stage *st, ptj_job_fn fn, void *arg)
{
	ok(ptj_spawn_attr(st->s, st->attr, fn, arg, PTJ_INFINITE, NULL));
}

/* ---- What appears --------------------------------------------------------------------------- */

START_TEST(a_job_appears_once_with_its_outcome)
{
	struct stage st = stage_of(setup_number(_i), -1);
	ptj_job *spawned, *taken;
	void *result = NULL;

	spawned = spawn_with(st.s, st.attr, job_identity, &gate);
	taken = take_one(st.q, PTJ_INFINITE);
	ck_assert_ptr_eq(taken, spawned);
	ok(ptj_job_poll(taken, 0, &result));
	ck_assert_ptr_eq(result, &gate);
	expect_empty(st.q);
	ptj_job_unref(spawned);
	ptj_job_unref(taken);

	spawn_bound(&st, job_fail_eio, NULL);
	taken = take_one(st.q, PTJ_INFINITE);
	expect(PTJ_EFAILED, ptj_job_poll(taken, 0, NULL));
	ck_assert_int_eq(ptj_job_error(taken), EIO);
	ck_assert_str_eq(ptj_job_error_message(taken), "disk on fire");
	ptj_job_unref(taken);
	end_stage(&st);
}
END_TEST

START_TEST(bad_arguments)
{
	ptj_completions *q = NULL;
	ptj_job *job;
	size_t n;

	expect(EINVAL, ptj_completions_create(NULL, -1));
	expect(EBADF, ptj_completions_create(&q, 12345));
	expect(EBADF, ptj_completions_create(&q, -2));
	ck_assert_ptr_null(q);
	ck_assert_int_eq(ptj_completions_fd(NULL), -1);
	expect(EINVAL, ptj_completions_take(NULL, &job, 1, 0, &n));
	q = make_queue(-1);
	expect(EINVAL, ptj_completions_take(q, NULL, 1, 0, &n));
	expect(EINVAL, ptj_completions_take(q, &job, 0, 0, &n));
	expect(EINVAL, ptj_completions_take(q, &job, 1, 0, NULL));
	expect(EINVAL, ptj_completions_take(q, &job, 1, -3, &n));
	expect(EINVAL, ptj_job_attr_set_completions(NULL, q));
	ptj_completions_free(q);
	ptj_completions_free(NULL);
}
END_TEST

START_TEST(an_empty_take_lasts_its_timeout)
{
	ptj_completions *q = make_queue(-1);
	ptj_job *job;
	size_t n;
	int64_t start = now_ms();

	expect(ETIMEDOUT, ptj_completions_take(q, &job, 1, SHORT_MS, &n));
	expect_took(start, SHORT_MS);
	ptj_completions_free(q);
}
END_TEST

/* Who has waited for a job finds it in its queue, and the descriptor readable, also where a worker
   ends it in the lane. */
START_TEST(a_job_is_there_when_it_has_ended)
{
	enum { JOBS = 20000 };
	struct stage st = stage_of(setup_of((size_t)_i / 2 + 1, 0), -1);
	ptj_job *job, *other;
	size_t n = 0, got, i;
	ptj_job *jobs[64];
	int fd = _i % 2 ? ptj_completions_fd(st.q) : -1;

	for (i = 0; i < JOBS; i++) {
		spawn_bound(&st, job_identity, NULL);
		job = spawn_with(st.s, st.attr, job_identity, NULL);
		ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
		ck_assert(fd < 0 || is_readable(fd));
		for (other = NULL; other != job; n++) {
			other = take_one(st.q, 0);
			ck_assert(ptj_job_closed(other));
			ok(ptj_job_poll(other, 0, NULL));
			ptj_job_unref(other);
		}
		ptj_job_unref(job);
	}
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	while (ptj_completions_take(st.q, jobs, 64, 0, &got) == 0)
		for (n += got; got > 0; got--)
			ptj_job_unref(jobs[got - 1]);
	ck_assert_uint_eq(n, 2 * JOBS);
	end_stage(&st);
}
END_TEST

START_TEST(jobs_that_never_ran_appear)
{
	struct stage st = stage_of(setup_of(1, 0), -1);
	ptj_job *in_ring, *taken;

	spawn_bound(&st, job_stubborn, &gate);
	gate_await(&gate, 1);
	in_ring = spawn_with(st.s, st.attr, job_identity, NULL);
	spawn_bound(&st, job_identity, NULL);
	ok(ptj_job_close(in_ring, PTJ_INFINITE)); /* it lies buried in the queue */
	taken = take_one(st.q, 0);
	ck_assert_ptr_eq(taken, in_ring);
	expect(ECANCELED, ptj_job_poll(taken, 0, NULL));
	ptj_job_unref(taken);
	ptj_job_unref(in_ring);
	gate_open(&gate);
	ok(ptj_scheduler_close(st.s));
	ptj_job_unref(take_one(st.q, 0));
	ptj_job_unref(take_one(st.q, 0));
	expect_empty(st.q);
	end_stage(&st);
}
END_TEST

/* Closed while its worker has it in hand and has not entered its function, or while it runs. */
START_TEST(cancelled_jobs_appear)
{
	struct setup u = setup_of(2, 0);
	struct stage st;
	ptj_job *job, *taken;

	u.mode = _i;
	st = stage_of(u, -1);
	job = spawn_with(st.s, st.attr, job_obedient, &gate);
	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	taken = take_one(st.q, 0);
	ck_assert_ptr_eq(taken, job);
	ck_assert_int_eq(ptj_job_error(taken), ECANCELED);
	ptj_job_unref(job);
	ptj_job_unref(taken);
	end_stage(&st);
}
END_TEST

START_TEST(a_straggler_appears_when_it_ends)
{
	struct setup u = setup_of(1, 0);
	struct reports reports;
	struct stage st;

	reports_init(&reports);
	u.reports = &reports;
	u.close_timeout = SHORT_MS;
	st = stage_of(u, -1);
	spawn_bound(&st, job_stubborn, &gate);
	gate_await(&gate, 1);
	ptj_scheduler_free(st.s);
	st.s = NULL;
	expect_empty(st.q);
	ck_assert_uint_eq(reports_with(&reports, CLOSING_TIMED_OUT), 1);
	gate_open(&gate);
	ptj_job_unref(take_one(st.q, PTJ_INFINITE));
	end_stage(&st);
}
END_TEST

START_TEST(the_handler_does_not_hear_of_a_failure)
{
	struct setup u = setup_of(1, 0);
	struct reports reports;
	struct stage st;

	reports_init(&reports);
	u.reports = &reports;
	st = stage_of(u, -1);
	spawn_bound(&st, job_fail_eio, NULL);
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 0);
	ptj_job_unref(take_one(st.q, 0));
	end_stage(&st);
}
END_TEST

static struct recorder seen;
static ptj_completions *emptied;

static void look_whether_empty(void *arg)
{
	ptj_job *job;
	size_t n;

	(void)arg;
	record(&seen, ptj_completions_take(emptied, &job, 1, 0, &n));
}

START_TEST(the_release_function_comes_before)
{
	struct stage st = stage_of(setup_of(1, 0), -1);

	recorder_init(&seen);
	emptied = st.q;
	ok(ptj_job_attr_set_release(st.attr, look_whether_empty));
	spawn_bound(&st, job_identity, NULL);
	ptj_job_unref(take_one(st.q, PTJ_INFINITE));
	ck_assert_int_eq(recorded_at(&seen, 0), ETIMEDOUT);
	end_stage(&st);
}
END_TEST

START_TEST(many_are_taken_at_once_in_order)
{
	enum { JOBS = 10 };
	struct stage st = stage_of(setup_of(1, 0), -1);
	ptj_job *jobs[JOBS];
	size_t n = 0;

	for (size_t i = 0; i < JOBS; i++)
		spawn_bound(&st, job_identity, NULL);
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	ok(ptj_completions_take(st.q, jobs, 4, 0, &n));
	ck_assert_uint_eq(n, 4);
	ok(ptj_completions_take(st.q, jobs + 4, JOBS, 0, &n));
	ck_assert_uint_eq(n, 6);
	for (size_t i = 0; i < JOBS; i++) {
		ck_assert_uint_eq(ptj_job_id(jobs[i]), i + 1);
		ptj_job_unref(jobs[i]);
	}
	end_stage(&st);
}
END_TEST

START_TEST(two_schedulers_share_a_queue)
{
	struct stage st = stage_of(setup_of(1, 0), -1);
	ptj_scheduler *other = make_simple(1, 0);
	ptj_job *jobs[2];
	size_t n;

	spawn_bound(&st, job_identity, NULL);
	ok(ptj_spawn_attr(other, st.attr, job_identity, NULL, PTJ_INFINITE, NULL));
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	ok(ptj_scheduler_wait(other, PTJ_INFINITE));
	ok(ptj_completions_take(st.q, jobs, 2, 0, &n));
	ck_assert_uint_eq(n, 2);
	ptj_scheduler_free(other);
	ptj_job_unref(jobs[0]);
	ptj_job_unref(jobs[1]);
	end_stage(&st);
}
END_TEST

/* ---- Descriptors ---------------------------------------------------------------------------- */

START_TEST(the_descriptor_is_readable_while_there_are_jobs)
{
	struct stage st = stage_of(setup_of(1, 0), -1);
	int fd = -1;

	if (_i) /* asked for before, or when there is something already */
		fd = ptj_completions_fd(st.q);
	spawn_bound(&st, job_identity, NULL);
	spawn_bound(&st, job_identity, NULL);
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	fd = ptj_completions_fd(st.q);
	ck_assert_int_ge(fd, 0);
	ck_assert(is_readable(fd));
	ptj_job_unref(take_one(st.q, 0));
	ck_assert(is_readable(fd));
	ptj_job_unref(take_one(st.q, 0));
	ck_assert(!is_readable(fd));
	expect_empty(st.q);
	spawn_bound(&st, job_identity, NULL);
	await_readable(fd);
	ptj_job_unref(take_one(st.q, 0));
	ck_assert(!is_readable(fd));
	end_stage(&st);
}
END_TEST

/* A wake-up that is late finds nothing to tell of. */
START_TEST(an_emptied_queue_is_never_readable)
{
	enum { ROUNDS = 5000 };
	struct stage st = stage_of(setup_of(2, 0), -1);
	int fd = ptj_completions_fd(st.q);

	for (int i = 0; i < ROUNDS; i++) {
		spawn_bound(&st, job_identity, NULL);
		ptj_job_unref(take_one(st.q, PTJ_INFINITE));
		ck_assert(!is_readable(fd));
	}
	ok(ptj_scheduler_close(st.s));
	ck_assert(!is_readable(fd));
	end_stage(&st);
}
END_TEST

static void make_ends(int kind, int ends[2])
{
	switch (kind) {
	case 0:
		ck_assert_int_eq(pipe(ends), 0);
		break;
	case 1:
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		break;
	default:
		ends[0] = eventfd(0, 0);
		ends[1] = dup(ends[0]);
	}
}

enum { KINDS = 3 };

static void close_ends(const int ends[2])
{
	if (ends[0] >= 0)
		close(ends[0]);
	close(ends[1]);
}

static void expect_one_knock(int fd)
{
	uint64_t knocks[2];

	await_readable(fd);
	ck_assert_int_eq(read(fd, knocks, sizeof knocks), sizeof knocks[0]);
	ck_assert_uint_eq(knocks[0], 1);
	ck_assert(!is_readable(fd));
}

START_TEST(eight_bytes_are_written_at_each_edge)
{
	struct stage st;
	int ends[2];

	make_ends(_i, ends);
	st = stage_of(setup_of(1, 0), ends[1]);
	ck_assert_int_eq(ptj_completions_fd(st.q), ends[1]);
	for (int round = 0; round < 3; round++) {
		spawn_bound(&st, job_identity, NULL);
		spawn_bound(&st, job_identity, NULL);
		ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
		expect_one_knock(ends[0]);
		ptj_job_unref(take_one(st.q, 0));
		ptj_job_unref(take_one(st.q, 0));
	}
	end_stage(&st);
	ck_assert_int_ge(fcntl(ends[1], F_GETFD), 0);
	close_ends(ends);
}
END_TEST

static void fill(int fd)
{
	char bytes[4096] = {0};
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	while (write(fd, bytes, sizeof bytes) > 0)
		;
	while (write(fd, bytes, 1) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(fcntl(fd, F_SETFL, flags), 0);
}

/* In blocking mode, too: jobs end all the same. */
START_TEST(a_full_descriptor_is_left_alone)
{
	struct stage st;
	int ends[2];

	make_ends(_i, ends);
	fill(ends[1]);
	st = stage_of(setup_of(1, 0), ends[1]);
	spawn_bound(&st, job_identity, NULL);
	ptj_job_unref(take_one(st.q, PTJ_INFINITE));
	end_stage(&st);
	close_ends(ends);
}
END_TEST

/* On a thread of the library's, and on this one, which closes a pending job. */
START_TEST(nobody_at_the_other_end_raises_no_signal)
{
	struct stage st;
	ptj_job *pending;
	sigset_t signals;
	int ends[2];

	make_ends(_i, ends);
	st = stage_of(setup_of(1, 0), ends[1]);
	close(ends[0]);
	ends[0] = -1;
	spawn_bound(&st, job_at_gate, &gate);
	pending = spawn_with(st.s, st.attr, job_identity, NULL);
	ok(ptj_job_close(pending, PTJ_INFINITE));
	ptj_job_unref(pending);
	ptj_job_unref(take_one(st.q, 0));
	gate_open(&gate);
	ptj_job_unref(take_one(st.q, PTJ_INFINITE));
	ck_assert_int_eq(sigpending(&signals), 0);
	ck_assert(!sigismember(&signals, SIGPIPE));
	end_stage(&st);
	close_ends(ends);
}
END_TEST

/* One that was pending before is not taken away. */
START_TEST(a_pending_sigpipe_stays)
{
	struct stage st;
	ptj_job *pending;
	sigset_t signals, before;
	int ends[2], number = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &signals, &before), 0);
	pthread_kill(pthread_self(), SIGPIPE);
	make_ends(0, ends);
	st = stage_of(setup_of(1, 0), ends[1]);
	close(ends[0]);
	ends[0] = -1;
	spawn_bound(&st, job_at_gate, &gate);
	pending = spawn_with(st.s, st.attr, job_identity, NULL);
	ok(ptj_job_close(pending, PTJ_INFINITE));
	ptj_job_unref(pending);
	ck_assert_int_eq(sigwait(&signals, &number), 0);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
	gate_open(&gate);
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	end_stage(&st);
	close_ends(ends);
}
END_TEST

START_TEST(a_descriptor_must_be_open_for_writing)
{
	ptj_completions *q = NULL;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	expect(EBADF, ptj_completions_create(&q, ends[0]));
	close_ends(ends);
}
END_TEST

/* ---- Takers --------------------------------------------------------------------------------- */

static ptj_completions *shared;

static int call_take(struct caller *c)
{
	ptj_job *job = NULL;
	size_t n = 0;
	int code = ptj_completions_take(shared, &job, 1, c->timeout, &n);

	c->job = job;
	return code;
}

START_TEST(each_job_wakes_one_taker)
{
	enum { TAKERS = 4 };
	struct stage st = stage_of(setup_of(0, 0), -1);
	struct caller c[TAKERS];

	shared = st.q;
	for (int i = 0; i < TAKERS; i++) {
		c[i] = (struct caller){.timeout = PTJ_INFINITE};
		caller_start(&c[i], call_take);
		caller_await_blocked(&c[i]);
	}
	for (int i = 0; i < TAKERS; i++)
		spawn_bound(&st, job_identity, NULL);
	for (int i = 0; i < TAKERS; i++) {
		ok(caller_join(&c[i]));
		ptj_job_unref(c[i].job);
	}
	expect_empty(st.q);
	end_stage(&st);
}
END_TEST

/* The one that was woken is cancelled: another gets the job. */
START_TEST(a_cancelled_taker_has_taken_nothing)
{
	struct stage st = stage_of(setup_of(1, 0), -1);
	struct caller first = {.timeout = PTJ_INFINITE}, second = {.timeout = PTJ_INFINITE};
	int code;

	shared = st.q;
	caller_start(&first, call_take);
	caller_await_blocked(&first);
	caller_start(&second, call_take);
	caller_await_blocked(&second);
	spawn_bound(&st, job_at_gate, &gate);
	gate_await(&gate, 1);
	pthread_cancel(first.thread);
	gate_open(&gate);
	code = caller_join(&first);
	if (code == CALLER_CANCELLED) {
		ok(caller_join(&second));
		ptj_job_unref(second.job);
	} else {
		/* It had the job before the cancellation came. */
		ok(code);
		ptj_job_unref(first.job);
		pthread_cancel(second.thread);
		expect(CALLER_CANCELLED, caller_join(&second));
	}
	end_stage(&st);
}
END_TEST

START_TEST(take_is_a_cancellation_point_even_with_something_to_take)
{
	struct stage st = stage_of(setup_of(1, 0), -1);
	struct caller c = {.timeout = PTJ_INFINITE};

	shared = st.q;
	caller_start(&c, call_take);
	caller_await_blocked(&c);
	pthread_cancel(c.thread);
	expect(CALLER_CANCELLED, caller_join(&c));
	spawn_bound(&st, job_identity, NULL);
	ptj_job_unref(take_one(st.q, PTJ_INFINITE));
	end_stage(&st);
}
END_TEST

/* ---- Within jobs ---------------------------------------------------------------------------- */

struct family {
	struct stage *st;
	int children;
	int code;
	struct recorder order;
};

static void *job_record(void *arg)
{
	record(arg, 1);
	return NULL;
}

static void *job_take_children(void *arg)
{
	struct family *family = arg;
	ptj_job *child;
	size_t n;
	int i;

	for (i = 0; i < family->children && !family->code; i++)
		family->code = ptj_spawn_attr(family->st->s, family->st->attr, job_identity, NULL,
		                              PTJ_INFINITE, NULL);
	while (i-- > 0 && !family->code) {
		family->code = ptj_completions_take(family->st->q, &child, 1, PTJ_INFINITE, &n);
		if (family->code == 0)
			ptj_job_unref(child);
	}
	record(&family->order, 2);
	return NULL;
}

START_TEST(a_taker_lends_its_permit)
{
	struct stage st = stage_of(setup_number(_i), -1);
	struct family family = {.st = &st, .children = 5};
	ptj_job *parent;

	recorder_init(&family.order);
	parent = spawn(st.s, job_take_children, &family);
	ok(ptj_job_wait(parent, PTJ_INFINITE, NULL));
	ok(family.code);
	ptj_job_unref(parent);
	end_stage(&st);
}
END_TEST

static void *job_take_and_record(void *arg)
{
	struct family *family = arg;
	ptj_job *child;
	size_t n;

	family->code = ptj_completions_take(family->st->q, &child, 1, PTJ_INFINITE, &n);
	record(&family->order, 2);
	if (family->code == 0)
		ptj_job_unref(child);
	return NULL;
}

/* The job that has the lent permit ends, and gives it back before it goes to the line. */
START_TEST(a_taker_comes_before_those_in_line)
{
	struct stage st = stage_of(setup_of(1, 0), -1);
	struct family family = {.st = &st};
	ptj_job *taker, *in_line;

	recorder_init(&family.order);
	taker = spawn(st.s, job_take_and_record, &family);
	spawn_bound(&st, job_at_gate, &gate);
	gate_await(&gate, 1);
	in_line = spawn(st.s, job_record, &family.order);
	gate_open(&gate);
	ok(ptj_job_wait(in_line, PTJ_INFINITE, NULL));
	ok(family.code);
	ck_assert_int_eq(recorded_at(&family.order, 0), 2);
	ck_assert_int_eq(recorded_at(&family.order, 1), 1);
	ptj_job_unref(taker);
	ptj_job_unref(in_line);
	end_stage(&st);
}
END_TEST

static void *job_take(void *arg)
{
	struct family *family = arg;
	ptj_job *child;
	size_t n;

	family->code = ptj_completions_take(family->st->q, &child, 1, PTJ_INFINITE, &n);
	if (family->code == 0)
		ptj_job_unref(child);
	return ptj_job_fail(ECANCELED, NULL);
}

START_TEST(a_job_that_takes_can_be_closed)
{
	struct setup u = setup_of(1, 0);
	struct stage st;
	struct family family = {.code = -2};
	ptj_job *taker;

	u.mode = _i;
	st = stage_of(u, -1);
	family.st = &st;
	taker = spawn(st.s, job_take, &family);
	/* It has lent its permit. */
	await(ptj_job_active(taker) && ptj_scheduler_active_count(st.s) == 0);
	if (_i == PTJ_CANCEL_MASKED) {
		expect(ETIMEDOUT, ptj_job_close(taker, 0));
		spawn_bound(&st, job_identity, NULL);
		ok(ptj_job_close(taker, PTJ_INFINITE));
		ok(family.code);
	} else {
		ok(ptj_job_close(taker, PTJ_INFINITE));
		ck_assert_int_eq(family.code, _i == PTJ_CANCEL_COOPERATIVE ? EINTR : -2);
	}
	expect(ECANCELED, ptj_job_wait(taker, 0, NULL));
	ptj_job_unref(taker);
	end_stage(&st);
}
END_TEST

/* ---- Freeing -------------------------------------------------------------------------------- */

START_TEST(jobs_of_a_freed_queue_end_unobserved)
{
	struct setup u = setup_of(1, 0);
	struct reports reports;
	struct stage st;
	ptj_job *job;
	int ends[2];

	reports_init(&reports);
	u.reports = &reports;
	make_ends(0, ends);
	st = stage_of(u, _i ? ends[1] : -1);
	spawn_bound(&st, job_identity, NULL);
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	spawn_bound(&st, job_at_gate, &gate);
	spawn_bound(&st, job_fail_eio, NULL);
	job = spawn_with(st.s, st.attr, job_identity, &gate);
	gate_await(&gate, 1);
	ptj_completions_free(st.q);
	st.q = NULL;
	if (_i)
		expect_one_knock(ends[0]);
	expect(EINVAL, ptj_spawn_attr(st.s, st.attr, job_identity, NULL, PTJ_INFINITE, NULL));
	gate_open(&gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	ck_assert_uint_eq(reports_count(&reports), 0);
	ck_assert(!is_readable(ends[0]));
	ptj_job_unref(job);
	end_stage(&st);
	close_ends(ends);
}
END_TEST

/* Whatever the thread is doing that ends a job. */
START_TEST(freeing_races_with_ends)
{
	enum { ROUNDS = 2000, JOBS = 8 };
	struct stage st = stage_of(setup_of((size_t)_i, 0), -1);

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < JOBS; i++)
			spawn_bound(&st, job_identity, NULL);
		if (round % 2)
			ptj_completions_fd(st.q);
		ptj_completions_free(st.q);
		st.q = make_queue(-1);
		ok(ptj_job_attr_set_completions(st.attr, st.q));
	}
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	end_stage(&st);
}
END_TEST

START_TEST(attributes_change_their_queue)
{
	struct stage st = stage_of(setup_of(1, 0), -1);
	ptj_completions *other = make_queue(-1);

	ok(ptj_job_attr_set_completions(st.attr, other));
	spawn_bound(&st, job_identity, NULL);
	ptj_job_unref(take_one(other, PTJ_INFINITE));
	ok(ptj_job_attr_set_completions(st.attr, NULL));
	spawn_bound(&st, job_identity, NULL);
	ok(ptj_scheduler_wait(st.s, PTJ_INFINITE));
	expect_empty(st.q);
	expect_empty(other);
	ptj_completions_free(other);
	end_stage(&st);
}
END_TEST

/* ---- All at once ---------------------------------------------------------------------------- */

enum { BUSY_JOBS = 40000, BUSY_TAKERS = 3 };

static atomic_int times[BUSY_JOBS];
static atomic_int left;

static int call_take_all(struct caller *c)
{
	ptj_job *jobs[16];
	struct pollfd p = {.fd = c->fn ? ptj_completions_fd(shared) : -1, .events = POLLIN};
	size_t n;
	int code;

	while (atomic_load(&left) > 0) {
		if (c->fn)
			poll(&p, 1, 1);
		code = ptj_completions_take(shared, jobs, 16, c->fn ? 0 : 1, &n);
		if (code == ETIMEDOUT)
			continue;
		if (code)
			return code;
		atomic_fetch_sub(&left, (int)n);
		while (n-- > 0) {
			if (ptj_job_poll(jobs[n], 0, NULL) == ETIMEDOUT)
				return ETIMEDOUT;
			atomic_fetch_add(&times[ptj_job_id(jobs[n]) - 1], 1);
			ptj_job_unref(jobs[n]);
		}
	}
	return 0;
}

static void *job_fail_quietly(void *arg)
{
	(void)arg;
	return ptj_job_fail(EIO, NULL);
}

START_TEST(each_of_many_is_taken_once)
{
	struct setup u = setup_number(_i);
	struct stage st;
	struct caller c[BUSY_TAKERS];
	ptj_job *job;

	u.pending_limit = 1000;
	st = stage_of(u, -1);
	shared = st.q;
	atomic_store(&left, BUSY_JOBS);
	for (int i = 0; i < BUSY_JOBS; i++)
		atomic_store(&times[i], 0);
	for (int i = 0; i < BUSY_TAKERS; i++) {
		c[i] = (struct caller){.fn = i == 0 ? job_identity : NULL};
		caller_start(&c[i], call_take_all);
	}
	for (int i = 0; i < BUSY_JOBS; i++) {
		job = spawn_with(st.s, st.attr, i % 5 ? job_identity : job_fail_quietly, NULL);
		if (i % 7 == 0)
			ptj_job_close(job, PTJ_INFINITE);
		ptj_job_unref(job);
	}
	for (int i = 0; i < BUSY_TAKERS; i++)
		ok(caller_join(&c[i]));
	for (int i = 0; i < BUSY_JOBS; i++)
		if (atomic_load(&times[i]) != 1)
			ck_abort_msg("job %d was taken %d times", i, atomic_load(&times[i]));
	expect_empty(st.q);
	end_stage(&st);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_job_appears_once_with_its_outcome, 0, SETUPS);
	tcase_add_test(tc, bad_arguments);
	tcase_add_test(tc, an_empty_take_lasts_its_timeout);
	tcase_add_loop_test(tc, a_job_is_there_when_it_has_ended, 0, 4);
	tcase_add_test(tc, jobs_that_never_ran_appear);
	tcase_add_loop_test(tc, cancelled_jobs_appear, 0, MODES);
	tcase_add_test(tc, a_straggler_appears_when_it_ends);
	tcase_add_test(tc, the_handler_does_not_hear_of_a_failure);
	tcase_add_test(tc, the_release_function_comes_before);
	tcase_add_test(tc, many_are_taken_at_once_in_order);
	tcase_add_test(tc, two_schedulers_share_a_queue);
	tcase_add_loop_test(tc, the_descriptor_is_readable_while_there_are_jobs, 0, 2);
	tcase_add_test(tc, an_emptied_queue_is_never_readable);
	tcase_add_loop_test(tc, eight_bytes_are_written_at_each_edge, 0, KINDS);
	tcase_add_loop_test(tc, a_full_descriptor_is_left_alone, 0, KINDS - 1);
	tcase_add_loop_test(tc, nobody_at_the_other_end_raises_no_signal, 0, KINDS - 1);
	tcase_add_test(tc, a_pending_sigpipe_stays);
	tcase_add_test(tc, a_descriptor_must_be_open_for_writing);
	tcase_add_test(tc, each_job_wakes_one_taker);
	tcase_add_test(tc, a_cancelled_taker_has_taken_nothing);
	tcase_add_test(tc, take_is_a_cancellation_point_even_with_something_to_take);
	tcase_add_loop_test(tc, a_taker_lends_its_permit, 0, SETUPS);
	tcase_add_test(tc, a_taker_comes_before_those_in_line);
	tcase_add_loop_test(tc, a_job_that_takes_can_be_closed, 0, MODES);
	tcase_add_loop_test(tc, jobs_of_a_freed_queue_end_unobserved, 0, 2);
	tcase_add_loop_test(tc, freeing_races_with_ends, 1, 3);
	tcase_add_test(tc, attributes_change_their_queue);
	tcase_add_loop_test(tc, each_of_many_is_taken_once, 0, SETUPS);
}

int main(void)
{
	return run_tests("completions", add);
}
