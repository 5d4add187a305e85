/* A caller that is cancelled in the very moment in which what it waits for is over.

   The library's sem_wait() is replaced: a thread that asked for it stands before it, where no
   cancellation acts, until the test opens its gate.  By then the wait is over and the thread was
   cancelled, and the real function acts on that before it looks at anything else.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "sanitizers.h"

#include <semaphore.h>
#include <sys/wait.h>

static struct gate gate;
static _Thread_local int stands;

int __real_sem_wait(sem_t *sem);
int __wrap_sem_wait(sem_t *sem);

int __wrap_sem_wait(sem_t *sem)
{
	if (stands) {
		stands = 0;
		gate_pass_stubborn(&gate);
	}
	return __real_sem_wait(sem);
}

static int shield(struct caller *c)
{
	stands = 1;
	return ptj_shield(c->s, c->fn, c->arg, PTJ_INFINITE, &c->value);
}

static int take(struct caller *c)
{
	ptj_completions *q = c->arg;
	size_t n;

	stands = 1;
	return ptj_completions_take(q, &c->spawned, 1, PTJ_INFINITE, &n);
}

static int next(struct caller *c)
{
	stands = 1;
	return ptj_external_next(c->s, PTJ_INFINITE, &c->spawned);
}

static void cancel_at_gate(struct caller *c)
{
	ck_assert_int_eq(pthread_cancel(c->thread), 0);
	gate_open(&gate);
	ck_assert_int_eq(caller_join(c), CALLER_CANCELLED);
}

static void setup_gate(void)
{
	gate_init(&gate);
}

static void teardown_gate(void)
{
	gate_destroy(&gate);
}

/* Nobody else is left to hear of it. */
START_TEST(the_failure_of_a_shielded_function_is_reported)
{
	struct reports reports;
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s;
	struct caller c = {.fn = job_fail_eio};

	reports_init(&reports);
	u.reports = &reports;
	c.s = s = make(&u);
	caller_start(&c, shield);
	gate_await(&gate, 1);
	await(ptj_scheduler_shield_count(s) == 0);
	ck_assert_uint_eq(reports_count(&reports), 0);
	cancel_at_gate(&c);
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_str_eq(report_at(&reports, 0).message, PROCESSING_FAILED);
	ck_assert_int_eq(report_at(&reports, 0).error, EIO);
	ck_assert_str_eq(report_at(&reports, 0).error_message, "disk on fire");
	ck_assert_int_eq(report_at(&reports, 0).cancel_state, PTHREAD_CANCEL_DISABLE);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(reports_count(&reports), 1);
}
END_TEST

static void *job_shield_eio(void *s)
{
	stands = 1;
	return ptj_shield(s, job_fail_eio, NULL, PTJ_INFINITE, NULL) ? s : NULL;
}

static atomic_int released;

static void release_tell(void *arg)
{
	(void)arg;
	atomic_store(&released, 1);
}

/* Its caller is a straggler, and its scheduler gone. */
START_TEST(nothing_is_reported_after_free)
{
	struct reports reports;
	struct setup u = setup_of(1, 0);
	ptj_job_attr *ja = job_attr(release_tell, PTJ_CANCEL_DEFERRED);
	ptj_scheduler *s;

	reports_init(&reports);
	u.reports = &reports;
	u.close_timeout = 0;
	s = make(&u);
	ptj_job_unref(spawn_with(s, ja, job_shield_eio, s));
	gate_await(&gate, 1);
	await(ptj_scheduler_shield_count(s) == 0);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_str_eq(report_at(&reports, 0).message, CLOSING_TIMED_OUT);
	gate_open(&gate);
	await(atomic_load(&released));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ptj_job_attr_free(ja);
}
END_TEST

static atomic_int child_status = -1;

static void handler_fork(ptj_scheduler *s, const ptj_context *context, void *user)
{
	pid_t pid = fork();
	int status;

	(void)s;
	(void)context;
	(void)user;
	if (pid == 0) {
		end_in(PATIENCE_MS / 1000);
		return;
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		atomic_store(&child_status, status);
}

/* As everywhere: the child's only thread ends, and touches nothing that others have left locked. */
START_TEST(the_handler_may_fork)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct caller c = {.s = s, .fn = job_fail_eio};

	ok(ptj_scheduler_set_exception_handler(s, handler_fork, NULL));
	caller_start(&c, shield);
	gate_await(&gate, 1);
	await(ptj_scheduler_shield_count(s) == 0);
	cancel_at_gate(&c);
	ck_assert_int_eq(atomic_load(&child_status), 0);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(the_success_of_a_shielded_function_is_not)
{
	struct reports reports;
	struct setup u = setup_of(1, 0);
	struct caller c = {.fn = job_identity};

	reports_init(&reports);
	u.reports = &reports;
	c.s = make(&u);
	caller_start(&c, shield);
	gate_await(&gate, 1);
	await(ptj_scheduler_shield_count(c.s) == 0);
	cancel_at_gate(&c);
	ptj_scheduler_free(c.s);
	ck_assert_uint_eq(reports_count(&reports), 0);
}
END_TEST

static ptj_job *shielded;
static struct gate inside;

static void *job_known_fails(void *arg)
{
	shielded = ptj_job_ref(ptj_job_self());
	gate_pass(&inside);
	return job_fail_eio(arg);
}

START_TEST(a_failure_that_somebody_else_heard_of_is_not)
{
	struct reports reports;
	struct setup u = setup_of(1, 0);
	struct caller c = {.fn = job_known_fails}, other = {.timeout = PTJ_INFINITE};

	gate_init(&inside);
	reports_init(&reports);
	u.reports = &reports;
	c.s = make(&u);
	caller_start(&c, shield);
	gate_await(&inside, 1);
	other.job = shielded;
	caller_start(&other, call_poll);
	caller_await_blocked(&other);
	gate_open(&inside);
	expect(PTJ_EFAILED, caller_join(&other));
	gate_await(&gate, 1);
	cancel_at_gate(&c);
	ptj_job_unref(shielded);
	ptj_scheduler_free(c.s);
	ck_assert_uint_eq(reports_count(&reports), 0);
	gate_destroy(&inside);
}
END_TEST

START_TEST(a_taker_has_taken_nothing)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_completions *q;
	ptj_job_attr *attr;
	ptj_job *taken = NULL;
	struct caller c = {.s = s};
	size_t n = 0;

	ok(ptj_completions_create(&q, -1));
	ok(ptj_job_attr_create(&attr));
	ok(ptj_job_attr_set_completions(attr, q));
	c.arg = q;
	caller_start(&c, take);
	gate_await(&gate, 1);
	ok(ptj_spawn_attr(s, attr, job_identity, &c, PTJ_INFINITE, NULL));
	ok(ptj_scheduler_wait(s, PATIENCE_MS));
	cancel_at_gate(&c);
	ok(ptj_completions_take(q, &taken, 1, 0, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_ptr_eq(ptj_job_arg(taken), &c);
	ptj_job_unref(taken);
	ptj_job_attr_free(attr);
	ptj_completions_free(q);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(a_host_was_handed_nothing)
{
	ptj_scheduler *s = make_simple(1, 0);
	struct caller c = {.s = s};
	ptj_job *job = NULL;

	caller_start(&c, next);
	gate_await(&gate, 1);
	ok(ptj_spawn_external(s, NULL, &c, PTJ_INFINITE, NULL));
	cancel_at_gate(&c);
	ok(ptj_external_next(s, 0, &job));
	ck_assert_ptr_eq(ptj_job_arg(job), &c);
	ok(ptj_job_finish(job, 0, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup_gate, teardown_gate);
	tcase_add_test(tc, the_failure_of_a_shielded_function_is_reported);
	tcase_add_test(tc, nothing_is_reported_after_free);
	/* Where a sanitizer's run-time ends a thread in the child of a fork, that aborts. */
	if (!SANITIZED)
		tcase_add_test(tc, the_handler_may_fork);
	tcase_add_test(tc, the_success_of_a_shielded_function_is_not);
	tcase_add_test(tc, a_failure_that_somebody_else_heard_of_is_not);
	tcase_add_test(tc, a_taker_has_taken_nothing);
	tcase_add_test(tc, a_host_was_handed_nothing);
}

int main(void)
{
	return run_tests("abandon", add_tests);
}
