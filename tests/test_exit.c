/* exit() while jobs run: from the program's own thread, from a job and from each callback.  The
   process ends with the code that was asked for, whatever its other threads are about.

   Each case runs in a process of its own, which has been forked before there was any scheduler.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "sanitizers.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

enum { CODE = 7, SECONDS = PATIENCE_MS / 1000 };

static ptj_scheduler *s;
static ptj_job_attr *released;
static atomic_int busy; /* jobs that have begun */

static void end_process(void)
{
	exit(CODE);
}

/* ---- Jobs that keep the library busy, without end if their argument is NULL ------------------ */

static int visit_one(ptj_job *job, void *user)
{
	(void)job;
	(void)user;
	return 0;
}

static void *job_visit(void *arg)
{
	atomic_fetch_add(&busy, 1);
	do
		ptj_scheduler_foreach(s, visit_one, arg);
	while (!arg);
	return arg;
}

static void *job_report(void *arg)
{
	const ptj_context context = {.message = "hello", .error = EIO};

	atomic_fetch_add(&busy, 1);
	do
		ptj_scheduler_call_exception_handler(s, &context);
	while (!arg);
	return arg;
}

static void *job_shield(void *arg)
{
	atomic_fetch_add(&busy, 1);
	do
		ptj_shield(s, job_identity, arg, PTJ_INFINITE, NULL);
	while (!arg);
	return arg;
}

static void *job_spawn_failures(void *arg)
{
	atomic_fetch_add(&busy, 1);
	do
		ptj_spawn_attr(s, released, job_fail_eio, arg, PTJ_INFINITE, NULL);
	while (!arg);
	return arg;
}

static void *job_sleep(void *arg)
{
	atomic_fetch_add(&busy, 1);
	return job_sleep_forever(arg);
}

static const ptj_job_fn jobs[] = {job_visit, job_report, job_shield, job_spawn_failures, job_sleep};

enum { JOBS = sizeof(jobs) / sizeof(jobs[0]) };

static void ignore_report(ptj_scheduler *scheduler, const ptj_context *context, void *user)
{
	(void)scheduler;
	(void)context;
	(void)user;
}

static void ignore(void *arg)
{
	(void)arg;
}

static ptj_attr *attributes(void)
{
	ptj_attr *attr;

	if (ptj_attr_create(&attr) || ptj_attr_set_limit(attr, JOBS + 3) ||
	    ptj_attr_set_exception_handler(attr, ignore_report, NULL) ||
	    ptj_attr_set_close_timeout(attr, 0))
		_exit(1);
	return attr;
}

/* The default handler, which writes, where attr is NULL. */
static void keep_busy(ptj_attr *attr)
{
	if (ptj_scheduler_create(&s, attr) || ptj_job_attr_create(&released) ||
	    ptj_job_attr_set_release(released, ignore))
		_exit(1);
	ptj_attr_free(attr);
	for (int i = 0; i < JOBS; i++)
		if (ptj_spawn(s, jobs[i], NULL, NULL))
			_exit(1);
	while (atomic_load(&busy) < JOBS)
		pause_briefly();
}

/* ---- Who ends the process -------------------------------------------------------------------- */

static void *job_exit(void *arg)
{
	(void)arg;
	exit(CODE);
}

static void *job_exit_when_closed(void *began)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	atomic_store((atomic_int *)began, 1);
	ptj_sleep(PTJ_INFINITE);
	exit(CODE);
}

static void exit_in_release(void *arg)
{
	(void)arg;
	end_process();
}

static int exit_in_visit(ptj_job *job, void *user)
{
	(void)job;
	(void)user;
	end_process();
	return 0;
}

static void exit_in_handler(ptj_scheduler *scheduler, const ptj_context *context, void *user)
{
	(void)scheduler;
	(void)user;
	if (context->error == ENOTTY)
		end_process();
}

static void *job_fail_enotty(void *arg)
{
	(void)arg;
	return ptj_job_fail(ENOTTY, NULL);
}

static void *job_await_cancellation(void *began)
{
	ptj_job_on_cancel(exit_in_release, NULL);
	atomic_store((atomic_int *)began, 1);
	return job_sleep_forever(NULL);
}

static void from_main(void)
{
	keep_busy(attributes());
	end_process();
}

static void from_main_with_the_default_handler(void)
{
	keep_busy(NULL);
	end_process();
}

/* Some of the jobs never obey. */
static void from_a_job_that_is_being_closed(void)
{
	ptj_attr *attr = attributes();
	atomic_int began = 0;

	ptj_attr_set_close_timeout(attr, PTJ_INFINITE);
	keep_busy(attr);
	ptj_spawn(s, job_exit_when_closed, &began, NULL);
	while (!atomic_load(&began))
		pause_briefly();
	ptj_scheduler_free(s);
}

static void from_a_job(void)
{
	keep_busy(attributes());
	ptj_spawn(s, job_exit, NULL, NULL);
	ptj_scheduler_wait(s, PTJ_INFINITE);
}

static void from_a_shielded_function(void)
{
	keep_busy(attributes());
	ptj_shield(s, job_exit, NULL, PTJ_INFINITE, NULL);
}

static void from_a_release_function(void)
{
	ptj_job_attr *attr;

	keep_busy(attributes());
	ptj_job_attr_create(&attr);
	ptj_job_attr_set_release(attr, exit_in_release);
	ptj_spawn_attr(s, attr, job_identity, NULL, PTJ_INFINITE, NULL);
	ptj_scheduler_wait(s, PTJ_INFINITE);
}

static void from_a_visitor(void)
{
	keep_busy(attributes());
	ptj_scheduler_foreach(s, exit_in_visit, NULL);
}

static void from_a_handler(void)
{
	ptj_attr *attr = attributes();

	ptj_attr_set_exception_handler(attr, exit_in_handler, NULL);
	keep_busy(attr);
	ptj_spawn(s, job_fail_enotty, NULL, NULL);
	ptj_scheduler_wait(s, PTJ_INFINITE);
}

static void from_an_on_cancel_callback(void)
{
	atomic_int began = 0;
	ptj_job *job;

	keep_busy(attributes());
	ptj_spawn(s, job_await_cancellation, &began, &job);
	while (!atomic_load(&began))
		pause_briefly();
	ptj_job_close(job, PTJ_INFINITE);
}

static void exit_when_all_are_busy(void *arg)
{
	(void)arg;
	if (atomic_load(&busy) >= JOBS)
		end_process();
}

/* A thread that was idle has had its hook: they are taken one after the other, for good. */
static void from_the_hook_of_a_thread(void)
{
	ptj_attr *attr = attributes();

	ptj_attr_set_thread_start(attr, exit_when_all_are_busy, NULL);
	keep_busy(attr);
	for (;; pause_briefly())
		ptj_shield(s, job_sleep, NULL, 0, NULL);
}

static void from_the_hook_of_a_thread_that_ends(void)
{
	ptj_attr *attr = attributes();

	ptj_attr_set_thread_stop(attr, exit_when_all_are_busy, NULL);
	ptj_attr_set_close_timeout(attr, PTJ_INFINITE);
	keep_busy(attr);
	ptj_scheduler_close(s);
}

static void (*const cases[])(void) = {
	from_main,
	from_main_with_the_default_handler,
	from_a_job_that_is_being_closed,
	from_a_job,
	from_a_shielded_function,
	from_a_release_function,
	from_a_visitor,
	from_a_handler,
	from_an_on_cancel_callback,
	from_the_hook_of_a_thread,
	from_the_hook_of_a_thread_that_ends,
};

enum { CASES = sizeof(cases) / sizeof(cases[0]), ROUNDS = 8 };

static void free_at_exit(void)
{
	ptj_scheduler_free(s);
}

static void be_quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, 2);
}

static int status_after(void (*end)(void), int freed)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		end_in(SECONDS);
		be_quiet();
		if (freed)
			atexit(free_at_exit);
		end();
		_exit(1);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void expect_code(int status)
{
	ck_assert_msg(WIFEXITED(status), "the process died of signal %d", WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), CODE);
}

START_TEST(the_process_ends_as_asked)
{
	for (int i = 0; i < ROUNDS; i++)
		expect_code(status_after(cases[_i], 0));
}
END_TEST

/* A function that atexit() has registered frees the scheduler: it waits for nobody's job, and from
   within one of the scheduler's own it does nothing. */
START_TEST(the_scheduler_may_be_freed_at_exit)
{
	expect_code(status_after(cases[_i], 1));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, the_process_ends_as_asked, 0, CASES);
	tcase_add_loop_test(tc, the_scheduler_may_be_freed_at_exit, 0, CASES);
}

/* At the end of the process much is in use by jobs that run, and threads that have ended are not
   joined yet: no sanitizer is to take that for a leak.  ThreadSanitizer has the process wait before
   it ends, so that other threads get on: a tenth of a second is much for what runs here, and a second
   of every process not needed.  They read it when the program starts. */
static void start_again(char *argv[])
{
	if (getenv("ASAN_OPTIONS") && getenv("TSAN_OPTIONS"))
		return;
	setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
	setenv("TSAN_OPTIONS", "report_thread_leaks=0 atexit_sleep_ms=100", 0);
	execv("/proc/self/exe", argv);
	_exit(1);
}

int main(int argc, char *argv[])
{
	(void)argc;
	if (SANITIZED)
		start_again(argv);
	return run_tests("exit", add);
}
