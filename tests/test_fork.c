/* After fork: in the child the parent's schedulers are dead and harmless and new ones work; the
   parent notices nothing.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <stdio.h>
#include <sys/wait.h>

static struct gate gate;
static ptj_scheduler *parents, *hosted;
static ptj_job *active, *pending, *ended; /* bound to the queue, in which the last one lies */
static ptj_job *external;                 /* another scheduler's, handed out */
static ptj_completions *queue;
static ptj_job_attr *bound;

enum { CHILD_SECONDS = PATIENCE_MS / 1000 };

/* Check's assertions belong to the test's process: the child says what is wrong and exits. */
#define must(condition)                                                                      \
	do {                                                                                 \
		if (!(condition)) {                                                          \
			dprintf(2, "in the child, line %d: not %s\n", __LINE__, #condition); \
			return 1;                                                            \
		}                                                                            \
	} while (0)

static int status_of(pid_t pid)
{
	int status = -1;

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_good(int status)
{
	ck_assert_msg(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static int fork_and(int (*look)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		end_in(CHILD_SECONDS);
		_exit(look());
	}
	return status_of(pid);
}

static void make_here(void)
{
	gate_init(&gate);
	parents = make_simple(2, 10);
	ok(ptj_completions_create(&queue, -1));
	bound = job_attr(NULL, -1);
	ok(ptj_job_attr_set_completions(bound, queue));
	ended = spawn_with(parents, bound, job_identity, &gate);
	ok(ptj_job_wait(ended, PTJ_INFINITE, NULL));
	active = spawn_with(parents, bound, job_at_gate, &gate);
	spawn_n(parents, 1, job_at_gate, &gate);
	gate_await(&gate, 2);
	pending = spawn_with(parents, bound, job_at_gate, &gate);
	hosted = make_simple(2, 0);
	ck_assert_int_ge(ptj_external_fd(hosted), 0);
	ok(ptj_spawn_external(hosted, NULL, &gate, PTJ_INFINITE, NULL));
	ok(ptj_spawn_external(hosted, NULL, NULL, PTJ_INFINITE, NULL));
	ok(ptj_external_next(hosted, 0, &external));
}

/* The parent's jobs go on as if nothing had been. */
static void free_here(void)
{
	ptj_job *taken[4];
	size_t n;

	ck_assert_uint_eq(ptj_scheduler_len(parents), 3);
	ck_assert_uint_eq(ptj_scheduler_active_count(parents), 2);
	ck_assert_int_eq(ptj_job_pending(pending), 1);
	gate_open(&gate);
	ok(ptj_job_wait(active, PTJ_INFINITE, NULL));
	ok(ptj_job_wait(pending, PTJ_INFINITE, NULL));
	ok(ptj_scheduler_wait(parents, PTJ_INFINITE));
	ok(ptj_completions_take(queue, taken, 4, 0, &n));
	ck_assert_uint_eq(n, 3);
	ck_assert_ptr_eq(taken[0], ended);
	while (n-- > 0)
		ptj_job_unref(taken[n]);
	ptj_completions_free(queue);
	ptj_job_attr_free(bound);
	ptj_job_unref(active);
	ptj_job_unref(pending);
	ptj_job_unref(ended);
	ptj_scheduler_free(parents);
	ok(ptj_job_finish(external, 0, NULL, NULL));
	ptj_job_unref(external);
	ck_assert_uint_eq(ptj_scheduler_len(hosted), 1);
	ptj_scheduler_free(hosted);
	gate_destroy(&gate);
}

/* ---- What the child finds ------------------------------------------------------------------- */

static int visit_nothing(ptj_job *job, void *arg)
{
	(void)job;
	(void)arg;
	return 1;
}

static int look_at_the_scheduler(void)
{
	ptj_context context = {.message = "hello"};
	ptj_job *job = NULL;
	void *result = NULL;

	must(ptj_spawn(parents, job_identity, NULL, &job) == ENOTRECOVERABLE);
	must(ptj_spawn_attr(parents, NULL, job_identity, NULL, 0, &job) == ENOTRECOVERABLE);
	must(ptj_spawn_symbol(parents, NULL, NULL, "f", NULL, 0, &job) == ENOTRECOVERABLE);
	must(ptj_shield(parents, job_identity, NULL, 0, &result) == ENOTRECOVERABLE);
	must(ptj_scheduler_wait(parents, PTJ_INFINITE) == ENOTRECOVERABLE);
	must(ptj_scheduler_close(parents) == ENOTRECOVERABLE);
	must(ptj_scheduler_wait_and_close(parents, PTJ_DEFAULT) == ENOTRECOVERABLE);
	must(ptj_scheduler_foreach(parents, visit_nothing, NULL) == ENOTRECOVERABLE);
	must(ptj_scheduler_set_exception_handler(parents, NULL, NULL) == ENOTRECOVERABLE);
	must(ptj_scheduler_call_exception_handler(parents, &context) == ENOTRECOVERABLE);
	must(ptj_scheduler_jobs(parents, &job, 1) == 0);
	must(ptj_scheduler_len(parents) == 0);
	must(ptj_scheduler_active_count(parents) == 0);
	must(ptj_scheduler_pending_count(parents) == 0);
	must(ptj_scheduler_shield_count(parents) == 0);
	must(ptj_scheduler_contains(parents, active) == 0);
	must(ptj_spawn_external(parents, NULL, NULL, 0, &job) == ENOTRECOVERABLE);
	must(ptj_external_next(parents, PTJ_INFINITE, &job) == ENOTRECOVERABLE);
	must(ptj_external_fd(parents) == -1);
	must(!job && !result);
	return 0;
}

static int look_at_a_job(ptj_job *job)
{
	must(ptj_job_wait(job, PTJ_INFINITE, NULL) == ENOTRECOVERABLE);
	must(ptj_job_poll(job, 0, NULL) == ENOTRECOVERABLE);
	must(ptj_job_close(job, PTJ_DEFAULT) == ENOTRECOVERABLE);
	must(ptj_job_set_name(job, "new") == ENOTRECOVERABLE);
	must(!ptj_job_pending(job) && !ptj_job_active(job) && !ptj_job_closed(job));
	must(ptj_job_error(job) == ENOTRECOVERABLE);
	must(ptj_job_error_message(job) == NULL);
	must(ptj_job_get_name(job, NULL, 0) == 0);
	must(ptj_job_describe(job, NULL, 0) == 0);
	return 0;
}

static int look_at_an_external_job(ptj_job *job)
{
	must(ptj_job_arg(job) == &gate);
	must(ptj_job_finish(job, 0, NULL, NULL) == ENOTRECOVERABLE);
	must(ptj_external_cancel_fd(job) == -1);
	must(ptj_external_on_cancel(job, NULL, NULL) == ENOTRECOVERABLE);
	return look_at_a_job(job);
}

/* A new scheduler's handler can say nothing of it. */
static int report_a_job(ptj_job *job)
{
	ptj_context context = {.message = "This is a test", .job = job};
	ptj_scheduler *s = NULL;

	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_scheduler_call_exception_handler(s, &context) == 0);
	ptj_scheduler_free(s);
	return 0;
}

static int look_at_the_jobs(void)
{
	return report_a_job(active) || look_at_an_external_job(external) || look_at_a_job(active) ||
	       look_at_a_job(pending) || look_at_a_job(ended);
}

static int look_at_the_queue(void)
{
	ptj_completions *fresh = NULL;
	ptj_scheduler *s = NULL;
	ptj_job_attr *attr;
	ptj_job *job = NULL, *taken;
	size_t n = 0;

	must(ptj_completions_take(queue, &taken, 1, PTJ_INFINITE, &n) == ENOTRECOVERABLE);
	must(ptj_completions_fd(queue) == -1);
	must(ptj_job_attr_create(&attr) == 0);
	must(ptj_job_attr_set_completions(attr, queue) == ENOTRECOVERABLE);
	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_spawn_attr(s, bound, job_identity, NULL, 0, &job) == ENOTRECOVERABLE);
	must(ptj_completions_create(&fresh, -1) == 0);
	must(ptj_job_attr_set_completions(attr, fresh) == 0);
	must(ptj_spawn_attr(s, attr, job_identity, NULL, PTJ_INFINITE, &job) == 0);
	must(ptj_completions_take(fresh, &taken, 1, PTJ_INFINITE, &n) == 0);
	must(n == 1 && taken == job);
	ptj_job_unref(job);
	ptj_job_unref(taken);
	ptj_job_attr_free(attr);
	ptj_completions_free(fresh);
	ptj_scheduler_free(s);
	return 0;
}

static int look_at_a_new_scheduler(void)
{
	ptj_scheduler *s = NULL;
	ptj_job *job = NULL;
	void *result = NULL;

	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_spawn(s, job_identity, &gate, &job) == 0);
	must(ptj_job_wait(job, PTJ_INFINITE, &result) == 0);
	must(result == &gate);
	ptj_job_unref(job);
	must(ptj_spawn(s, job_sleep_forever, NULL, &job) == 0);
	must(ptj_job_close(job, PTJ_INFINITE) == 0);
	ptj_job_unref(job);
	must(ptj_shield(s, job_identity, &gate, PTJ_INFINITE, &result) == 0);
	must(ptj_scheduler_wait_and_close(s, PTJ_DEFAULT) == 0);
	ptj_scheduler_free(s);
	return 0;
}

static int release_in_one_order(void)
{
	ptj_completions_free(queue);
	ptj_job_attr_free(bound);
	ptj_job_unref(active);
	ptj_job_unref(pending);
	ptj_job_unref(ended);
	ptj_scheduler_free(parents);
	ptj_job_unref(external);
	ptj_scheduler_free(hosted);
	return 0;
}

static int release_in_the_other_order(void)
{
	ptj_scheduler_cleanup(&parents);
	must(parents == NULL);
	ptj_job_unref(ended);
	ptj_job_unref(pending);
	ptj_job_unref(active);
	ptj_job_attr_free(bound);
	ptj_completions_free(queue);
	ptj_scheduler_free(hosted);
	ptj_job_unref(external);
	return 0;
}

static int look_at_all(void)
{
	return look_at_the_scheduler() || look_at_the_jobs() || look_at_the_queue() ||
	       look_at_a_new_scheduler() || release_in_one_order() || look_at_a_new_scheduler();
}

static int (*const looks[])(void) = {
	look_at_the_scheduler, look_at_the_jobs,
	look_at_the_queue,     look_at_a_new_scheduler,
	release_in_one_order,  release_in_the_other_order,
	look_at_all,
};

enum { LOOKS = 7 };

START_TEST(in_the_child_it_is_dead_and_harmless)
{
	make_here();
	expect_good(fork_and(looks[_i]));
	free_here();
}
END_TEST

static int fork_again(void)
{
	pid_t pid;
	int status;

	must(look_at_a_new_scheduler() == 0);
	pid = fork();
	if (pid == 0)
		_exit(look_at_all());
	must(waitpid(pid, &status, 0) == pid);
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return look_at_all();
}

START_TEST(a_grandchild_is_as_well_off)
{
	make_here();
	expect_good(fork_and(fork_again));
	free_here();
}
END_TEST

static int exit_normally(void)
{
	exit(0);
}

/* Nothing waits for threads that are not there. */
START_TEST(the_child_can_exit)
{
	make_here();
	expect_good(fork_and(exit_normally));
	free_here();
}
END_TEST

/* ---- Where it forks ------------------------------------------------------------------------- */

struct forking {
	int (*look)(void);
	int status;
};

static void *job_fork(void *arg)
{
	struct forking *f = arg;
	pid_t pid = fork();

	if (pid == 0) {
		end_in(CHILD_SECONDS);
		_exit(f->look());
	}
	if (pid < 0 || waitpid(pid, &f->status, 0) != pid)
		f->status = -1;
	return arg;
}

static int look_from_within_a_job(void)
{
	must(ptj_sleep(1) != EINVAL);
	ptj_job_cancelled();
	ptj_job_fail(EIO, "in the child");
	return look_at_all();
}

START_TEST(a_job_may_fork)
{
	struct forking f = {.look = look_from_within_a_job, .status = -1};
	ptj_scheduler *s;
	ptj_job *job;
	void *result = NULL;

	make_here();
	s = make_simple(1, 1);
	job = spawn(s, job_fork, &f);
	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ck_assert_ptr_eq(result, &f);
	expect_good(f.status);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	free_here();
}
END_TEST

/* ---- What it releases ----------------------------------------------------------------------- */

static ptj_scheduler *own;
static ptj_job *kept, *buried;

static int release_own(void)
{
	if (buried)
		ptj_job_unref(buried);
	if (kept)
		ptj_job_unref(kept);
	ptj_scheduler_free(own);
	return 0;
}

/* The child has the thread of one worker, and no other. */
START_TEST(a_job_may_free_its_scheduler_in_the_child)
{
	struct forking f = {.look = release_own, .status = -1};

	gate_init(&gate);
	own = make_simple(2, 0);
	spawn_n(own, 1, job_at_gate, &gate);
	gate_await(&gate, 1);
	kept = spawn(own, job_fork, &f);
	ok(ptj_job_wait(kept, PTJ_INFINITE, NULL));
	expect_good(f.status);
	gate_open(&gate);
	ptj_job_unref(kept);
	ptj_scheduler_free(own);
	gate_destroy(&gate);
}
END_TEST

static void *job_tell_tid(void *tid)
{
	atomic_store((atomic_int *)tid, gettid_here());
	return NULL;
}

START_TEST(the_child_releases_a_thread_that_nobody_had_joined)
{
	struct setup u = setup_of(1, 0);
	atomic_int tid;

	u.idle_timeout = 0;
	own = make(&u);
	kept = spawn(own, job_tell_tid, &tid);
	ok(ptj_job_wait(kept, PTJ_INFINITE, NULL));
	await(thread_is_gone(atomic_load(&tid)));
	/* What it did came before this: a sanitizer believes it of a lock only. */
	ok(ptj_scheduler_wait(own, 0));
	expect_good(fork_and(release_own));
	ptj_job_unref(kept);
	ptj_scheduler_free(own);
}
END_TEST

/* The last handle goes before the scheduler: nothing else is left of that then. */
START_TEST(the_child_gives_the_last_handle_back_first)
{
	own = make_simple(0, 0);
	kept = spawn(own, job_identity, NULL);
	ok(ptj_job_wait(kept, PTJ_INFINITE, NULL));
	expect_good(fork_and(release_own));
	ptj_job_unref(kept);
	ptj_scheduler_free(own);
}
END_TEST

/* It was closed in the middle of the line, and lies there still. */
START_TEST(the_child_releases_a_job_that_lies_buried)
{
	ptj_job *last;

	gate_init(&gate);
	own = make_simple(1, 0);
	kept = spawn(own, job_at_gate, &gate);
	gate_await(&gate, 1);
	buried = spawn(own, job_at_gate, &gate);
	last = spawn(own, job_at_gate, &gate);
	ok(ptj_job_close(buried, PTJ_INFINITE));
	expect_good(fork_and(release_own));
	gate_open(&gate);
	ok(ptj_job_wait(last, PTJ_INFINITE, NULL));
	ptj_job_unref(last);
	ptj_job_unref(buried);
	ptj_job_unref(kept);
	ptj_scheduler_free(own);
	gate_destroy(&gate);
}
END_TEST

static atomic_int stop;

static int spawn_without_rest(struct caller *c)
{
	ptj_job *job, *taken;
	size_t n;
	int code = 0;

	while (!atomic_load(&stop) && !code) {
		code = ptj_spawn_attr(c->s, c->attr, job_identity, c->arg, PTJ_INFINITE, &job);
		if (code)
			break;
		if (ptj_job_id(job) % 16 == 0)
			code = ptj_job_close(job, PTJ_INFINITE);
		else if (ptj_job_id(job) % 4 == 0)
			code = ptj_job_wait(job, PTJ_INFINITE, NULL);
		ptj_job_unref(job);
		if (ptj_completions_take(c->arg, &taken, 1, 0, &n) == 0)
			ptj_job_unref(taken);
	}
	return code;
}

/* Whatever lock another thread holds at the moment of the fork. */
START_TEST(forks_under_load_are_safe)
{
	enum { FORKS = 60, SPAWNERS = 2 };
	struct caller c[SPAWNERS];
	ptj_completions *q;
	ptj_job_attr *attr;
	ptj_scheduler *s;

	make_here();
	s = make_simple(2, 20);
	ok(ptj_completions_create(&q, -1));
	attr = job_attr(NULL, -1);
	ok(ptj_job_attr_set_completions(attr, q));
	atomic_store(&stop, 0);
	for (int i = 0; i < SPAWNERS; i++) {
		c[i] = (struct caller){.s = s, .arg = q, .attr = i ? attr : NULL};
		caller_start(&c[i], spawn_without_rest);
	}
	for (int i = 0; i < FORKS; i++)
		expect_good(fork_and(looks[i % LOOKS]));
	atomic_store(&stop, 1);
	for (int i = 0; i < SPAWNERS; i++)
		ok(caller_join(&c[i]));
	ok(ptj_scheduler_wait_and_close(s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(s);
	ptj_job_attr_free(attr);
	ptj_completions_free(q);
	free_here();
}
END_TEST

static int return_0(void)
{
	return 0;
}

static void *job_fork_only(void *arg)
{
	struct forking f = {.look = return_0};

	(void)arg;
	job_fork(&f);
	return (void *)(intptr_t)f.status;
}

START_TEST(many_jobs_fork_at_once)
{
	enum { N = 30 };
	ptj_scheduler *s = make_simple(4, 0);
	ptj_job *jobs[N];

	for (int i = 0; i < N; i++)
		jobs[i] = spawn(s, job_fork_only, NULL);
	for (int i = 0; i < N; i++) {
		void *status = &status;

		ok(ptj_job_wait(jobs[i], PTJ_INFINITE, &status));
		ck_assert_ptr_null(status);
		ptj_job_unref(jobs[i]);
	}
	ptj_scheduler_free(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, in_the_child_it_is_dead_and_harmless, 0, LOOKS);
	tcase_add_test(tc, a_grandchild_is_as_well_off);
	tcase_add_test(tc, the_child_can_exit);
	tcase_add_test(tc, a_job_may_fork);
	tcase_add_test(tc, a_job_may_free_its_scheduler_in_the_child);
	tcase_add_test(tc, the_child_releases_a_thread_that_nobody_had_joined);
	tcase_add_test(tc, the_child_gives_the_last_handle_back_first);
	tcase_add_test(tc, the_child_releases_a_job_that_lies_buried);
	tcase_add_test(tc, forks_under_load_are_safe);
	tcase_add_test(tc, many_jobs_fork_at_once);
}

/* A child joins none of its parent's threads, also where they have ended. */
const char tsan_options[] = "die_after_fork=0:report_thread_leaks=0";

int main(void)
{
	return run_tests("fork", add);
}
