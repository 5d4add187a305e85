/* Fork within every function of the program's that the library calls: whatever the child does next,
   it harms neither itself nor its parent, and no job is run twice.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "sanitizers.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { CODE = 7, SECONDS = PATIENCE_MS / 1000, COUNTED = 20 };

/* ---- What the child does next ---------------------------------------------------------------- */

/* Each returns the status that the parent is to see. */
static int use_a_new_scheduler(void)
{
	ptj_scheduler *s = NULL;
	ptj_job *job = NULL;
	void *result = NULL;

	if (ptj_scheduler_create(&s, NULL) || ptj_spawn(s, job_identity, &result, &job) ||
	    ptj_job_wait(job, PTJ_INFINITE, &result) || result != &result)
		_exit(1);
	ptj_job_unref(job);
	if (ptj_spawn(s, job_sleep_forever, NULL, &job) || ptj_job_close(job, PTJ_INFINITE))
		_exit(1);
	ptj_job_unref(job);
	if (ptj_scheduler_wait_and_close(s, PTJ_DEFAULT))
		_exit(1);
	ptj_scheduler_free(s);
	_exit(CODE);
}

static int execute(void)
{
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	_exit(1);
}

static int exit_normally(void)
{
	exit(CODE);
}

/* The only thread of the child ends. */
static int return_from_it(void)
{
	return 0;
}

static const struct next {
	int (*act)(void);
	int code;
} nexts[] = {
	{execute, CODE},
	{use_a_new_scheduler, CODE},
	{exit_normally, CODE},
	{return_from_it, 0},
};

/* A sanitizer's own locks are as another thread held them when the process forked. */
enum { NEXTS = SANITIZED ? 1 : sizeof(nexts) / sizeof(nexts[0]) };

/* ---- The parent's schedulers ----------------------------------------------------------------- */

static const struct next *next;
static ptj_scheduler *s;
static struct gate gate;
static atomic_int child;             /* its process id; -1: there could be none */
static volatile sig_atomic_t forked; /* in the child: 1 */
static int ran;                      /* a pipe: a byte for each job that has run, in any process */

static pid_t tests_process;

static void *job_count(void *arg)
{
	return write(ran, "", 1) == 1 ? arg : ptj_job_fail(EIO, NULL);
}

/* The first call forks.  Jobs are in line then, so that whoever goes on where he must not finds
   some. */
static void fork_here(void)
{
	static atomic_int done;
	pid_t pid;

	if (getpid() != tests_process || atomic_exchange(&done, 1))
		return;
	for (int i = 0; i < COUNTED; i++)
		ptj_spawn(s, job_count, NULL, NULL);
	pid = fork();
	if (pid == 0) {
		forked = 1;
		end_in(SECONDS);
		next->act();
		return;
	}
	atomic_store(&child, pid);
}

static void *job_fork(void *arg)
{
	fork_here();
	return arg;
}

static void release_and_fork(void *arg)
{
	(void)arg;
	fork_here();
}

static void handle_and_fork(ptj_scheduler *scheduler, const ptj_context *context, void *user)
{
	(void)scheduler;
	(void)context;
	(void)user;
	fork_here();
}

static int visit_and_fork(ptj_job *job, void *user)
{
	(void)job;
	(void)user;
	fork_here();
	return 0;
}

static void *job_cancelled_with_callback(void *arg)
{
	ptj_job_on_cancel(release_and_fork, NULL);
	return job_at_gate(arg);
}

/* ---- Where it forks -------------------------------------------------------------------------- */

static void in_a_job(void)
{
	spawn_n(s, 1, job_fork, NULL);
}

static void in_a_shielded_function(void)
{
	ok(ptj_shield(s, job_fork, NULL, PTJ_INFINITE, NULL));
}

static void in_a_release_function(void)
{
	ptj_job_attr *attr = job_attr(release_and_fork, -1);

	ok(ptj_spawn_attr(s, attr, job_identity, NULL, PTJ_INFINITE, NULL));
	ptj_job_attr_free(attr);
}

static int closers_tid;

static void await_blocked(void *arg)
{
	int64_t end = now_ms() + PATIENCE_MS;

	(void)arg;
	while (!thread_is_blocked(closers_tid) && now_ms() < end)
		pause_briefly();
}

static void *job_unwound_late(void *arg)
{
	pthread_cleanup_push(await_blocked, NULL);
	gate_pass(arg);
	pthread_cleanup_pop(0);
	return arg;
}

/* Of a job that was unwound, on the thread that closes it: that is blocked by then, and joins the
   job's thread.  Else another worker would. */
static void in_a_release_function_of_a_cancelled_job(void)
{
	ptj_job_attr *attr = job_attr(release_and_fork, -1);
	ptj_job *job;

	closers_tid = gettid_here();
	job = spawn_with(s, attr, job_unwound_late, &gate);
	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ptj_job_unref(job);
	ptj_job_attr_free(attr);
}

static void in_a_handler(void)
{
	spawn_n(s, 1, job_fail_eio, NULL);
}

static void in_a_handler_that_was_called_by_hand(void)
{
	const ptj_context context = {.message = "hello"};
	int code = ptj_scheduler_call_exception_handler(s, &context);

	if (forked)
		_exit(code);
	ok(code);
}

static void in_a_visitor(void)
{
	ptj_job *job = spawn(s, job_at_gate, &gate);
	int code = ptj_scheduler_foreach(s, visit_and_fork, NULL);

	if (forked)
		_exit(code == ENOTRECOVERABLE ? 0 : 1);
	ok(code);
	ptj_job_unref(job);
}

static void in_an_on_cancel_callback(void)
{
	ptj_job *job = spawn(s, job_cancelled_with_callback, &gate);

	gate_await(&gate, 1);
	ok(ptj_job_close(job, PTJ_INFINITE));
	ptj_job_unref(job);
}

/* Each thread calls it, the first one first. */
static void in_a_hook(void)
{
	spawn_n(s, 1, job_identity, NULL);
}

static void (*const places[])(void) = {
	in_a_job,
	in_a_shielded_function,
	in_a_release_function,
	in_a_release_function_of_a_cancelled_job,
	in_a_handler,
	in_a_handler_that_was_called_by_hand,
	in_a_visitor,
	in_an_on_cancel_callback,
	in_a_hook,
	in_a_hook,
};

enum { PLACES = sizeof(places) / sizeof(places[0]), STOP = PLACES - 1, START = PLACES - 2 };

static int jobs_that_ran(int fd)
{
	char bytes[64];
	ssize_t n;
	int all = 0;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		all += (int)n;
	return all;
}

static void hook_and_fork(void *user)
{
	(void)user;
	fork_here();
}

START_TEST(fork_and_go_on)
{
	int place = _i / NEXTS, status = -1, fds[2];
	struct setup u = setup_of(1, 0);

	next = &nexts[_i % NEXTS];
	tests_process = getpid();
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	ran = fds[1];
	gate_init(&gate);
	if (place == START)
		u.thread_start = hook_and_fork;
	if (place == STOP)
		u.thread_stop = hook_and_fork;
	s = make(&u);
	ok(ptj_scheduler_set_exception_handler(s, handle_and_fork, NULL));
	places[place]();
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	await(atomic_load(&child) != 0);
	ck_assert_int_eq(waitpid(atomic_load(&child), &status, 0), atomic_load(&child));
	ck_assert_msg(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), next->code);
	ck_assert_int_eq(jobs_that_ran(fds[0]), place == STOP ? 0 : COUNTED);
	close(fds[0]);
	close(fds[1]);
	gate_destroy(&gate);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, fork_and_go_on, 0, PLACES * NEXTS);
}

int main(void)
{
	return run_tests("fork_calls", add);
}
