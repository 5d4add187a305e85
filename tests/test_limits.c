/* At the edge of what the process may have: no thread, no descriptor, no memory, tiny stacks,
   another root directory.  The limits are real ones, of a child of this process.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "sanitizers.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { NOBODY = 65534, SECONDS = PATIENCE_MS / 1000, SKIP = 77 };

/* Check's assertions belong to the test's process: the child says what is wrong and exits. */
#define must(condition)                                                                      \
	do {                                                                                 \
		if (!(condition)) {                                                          \
			dprintf(2, "in the child, line %d: not %s\n", __LINE__, #condition); \
			return 1;                                                            \
		}                                                                            \
	} while (0)

static void in_a_child(int (*test)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		end_in(SECONDS);
		_exit(test());
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != SKIP)
		ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static int limit_to(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit limit;

	must(getrlimit(what, &limit) == 0);
	limit.rlim_cur = most;
	must(setrlimit(what, &limit) == 0);
	return 0;
}

static struct gate gate;

static int join_in_vain(ptj_job *job)
{
	int code = ptj_job_poll(job, SHORT_MS, NULL);

	return code == ETIMEDOUT ? 0 : 1;
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* The limit binds a user who has no privilege, and counts what else he runs. */
static int drop_privilege(void)
{
	must(geteuid() != 0 || setresuid(NOBODY, NOBODY, NOBODY) == 0);
	return 0;
}

static int have_no_thread(void)
{
	ptj_scheduler *s;
	struct rlimit before;
	void *result = &s;
	ptj_job *job;
	int n = 0;

	must(drop_privilege() == 0);
	must(getrlimit(RLIMIT_NPROC, &before) == 0);
	must(ptj_scheduler_create(&s, NULL) == 0);
	must(limit_to(RLIMIT_NPROC, 1) == 0);
	must(ptj_spawn(s, job_identity, &n, &job) == EAGAIN);
	must(ptj_shield(s, job_identity, &n, PTJ_INFINITE, &result) == EAGAIN);
	must(ptj_scheduler_len(s) == 0 && ptj_scheduler_shield_count(s) == 0);
	must(ptj_spawn_external(s, NULL, &n, PTJ_INFINITE, NULL) == 0);
	must(ptj_external_next(s, 0, &job) == 0);
	must(ptj_job_finish(job, 0, NULL, &n) == 0);
	must(ptj_job_wait(job, 0, &result) == 0 && result == &n);
	ptj_job_unref(job);
	must(setrlimit(RLIMIT_NPROC, &before) == 0);
	must(ptj_spawn(s, job_identity, &n, &job) == 0);
	must(ptj_job_wait(job, PTJ_INFINITE, &result) == 0 && result == &n);
	ptj_job_unref(job);
	must(ptj_scheduler_wait_and_close(s, PTJ_DEFAULT) == 0);
	ptj_scheduler_free(s);
	return 0;
}

START_TEST(without_a_thread_a_spawn_fails_and_nothing_is_left)
{
	in_a_child(have_no_thread);
}
END_TEST

/* One thread was to be had before the limit: it runs all jobs, also those that wait for others. */
static void *job_wait_for_another(void *s)
{
	void *result = NULL;
	ptj_job *job;
	int code = ptj_spawn(s, job_identity, s, &job);

	if (code)
		return ptj_job_fail(code, NULL);
	code = ptj_job_poll(job, SHORT_MS, &result);
	ptj_job_unref(job);
	return code ? ptj_job_fail(code, NULL) : result;
}

static int have_one_thread(void)
{
	enum { N = 100 };
	ptj_job *jobs[N];
	ptj_scheduler *s;
	struct rlimit before;

	must(drop_privilege() == 0);
	must(getrlimit(RLIMIT_NPROC, &before) == 0);
	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_spawn(s, job_at_gate, &gate, NULL) == 0);
	gate_await(&gate, 1);
	must(limit_to(RLIMIT_NPROC, 1) == 0);
	for (int i = 0; i < N; i++)
		must(ptj_spawn(s, job_identity, NULL, &jobs[i]) == 0);
	must(join_in_vain(jobs[0]) == 0);
	gate_open(&gate);
	for (int i = 0; i < N; i++) {
		must(ptj_job_wait(jobs[i], PTJ_INFINITE, NULL) == 0);
		ptj_job_unref(jobs[i]);
	}
	/* A job that waits for one of its own holds the only thread. */
	must(ptj_spawn(s, job_wait_for_another, s, &jobs[0]) == 0);
	must(ptj_job_wait(jobs[0], PTJ_INFINITE, NULL) == PTJ_EFAILED);
	must(ptj_job_error(jobs[0]) == ETIMEDOUT);
	ptj_job_unref(jobs[0]);
	must(ptj_scheduler_wait(s, PTJ_INFINITE) == 0);
	/* A cancelled thread is gone before another is started in its place. */
	must(ptj_spawn(s, job_sleep_forever, NULL, &jobs[0]) == 0);
	while (!ptj_job_active(jobs[0]))
		pause_briefly();
	must(ptj_job_close(jobs[0], PTJ_INFINITE) == 0);
	ptj_job_unref(jobs[0]);
	must(setrlimit(RLIMIT_NPROC, &before) == 0);
	must(ptj_spawn(s, job_wait_for_another, s, &jobs[0]) == 0);
	must(ptj_job_wait(jobs[0], PTJ_INFINITE, NULL) == 0);
	ptj_job_unref(jobs[0]);
	ptj_scheduler_free(s);
	return 0;
}

START_TEST(one_thread_runs_all_jobs)
{
	gate_init(&gate);
	in_a_child(have_one_thread);
	gate_destroy(&gate);
}
END_TEST

/* ---- Descriptors ----------------------------------------------------------------------------- */

/* The table is full: nothing can be opened. */
static int fill_the_table(int fds[], int most)
{
	int n = 0;

	while (n < most && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		n++;
	must(n < most && errno == EMFILE);
	return 0;
}

static void *job_ask_for_a_descriptor(void *arg)
{
	return (void *)(intptr_t)(ptj_job_cancel_fd() == -1 ? 1 : arg == NULL);
}

static void *job_sleep_until_closed(void *arg)
{
	return ptj_job_fail(ptj_sleep(PTJ_INFINITE), arg);
}

static int have_no_descriptor(void)
{
	enum { MOST = 64 };
	ptj_completions *c;
	ptj_scheduler *s;
	ptj_job_attr *attr;
	void *result = NULL;
	char name[16];
	ptj_job *job;
	int fds[MOST];

	must(limit_to(RLIMIT_NOFILE, MOST) == 0);
	must(fill_the_table(fds, MOST) == 0);
	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_spawn(s, job_ask_for_a_descriptor, NULL, &job) == 0);
	must(ptj_job_wait(job, PTJ_INFINITE, &result) == 0 && result == (void *)1);
	ptj_job_unref(job);
	must(ptj_external_fd(s) == -1);
	must(ptj_completions_create(&c, -1) == EMFILE);
	must(ptj_completions_create(&c, fds[0]) == EBADF);
	/* The first cancellation of this process: what it unwinds with is there. */
	must(ptj_spawn(s, job_sleep_until_closed, NULL, &job) == 0);
	while (!ptj_job_active(job))
		pause_briefly();
	must(ptj_job_set_name(job, "renamed") == 0);
	must(ptj_job_get_name(job, name, sizeof(name)) == 7 && strcmp(name, "renamed") == 0);
	must(ptj_job_close(job, PTJ_INFINITE) == 0);
	must(ptj_job_error(job) == ECANCELED);
	ptj_job_unref(job);
	/* One that is not cancelled in its thread obeys as well. */
	must(ptj_job_attr_create(&attr) == 0);
	must(ptj_job_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE) == 0);
	must(ptj_spawn_attr(s, attr, job_sleep_until_closed, NULL, PTJ_INFINITE, &job) == 0);
	must(ptj_job_close(job, PTJ_INFINITE) == 0);
	ptj_job_unref(job);
	ptj_job_attr_free(attr);
	/* As soon as there is one. */
	close(fds[0]);
	must(ptj_external_fd(s) >= 0);
	ptj_scheduler_free(s);
	return 0;
}

START_TEST(without_a_descriptor_all_else_works)
{
	in_a_child(have_no_descriptor);
}
END_TEST

/* Nor can poll() be used on those that are open. */
static int be_told_all_the_same(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd there = {.fd = fd, .events = POLLIN};
	struct rlimit before;
	ptj_job_attr *attr;
	ptj_completions *c;
	ptj_scheduler *s;
	ptj_job *job;
	uint64_t told;
	size_t n;

	must(fd >= 0);
	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_completions_create(&c, fd) == 0);
	must(ptj_job_attr_create(&attr) == 0);
	must(ptj_job_attr_set_completions(attr, c) == 0);
	must(getrlimit(RLIMIT_NOFILE, &before) == 0);
	must(limit_to(RLIMIT_NOFILE, 0) == 0);
	must(poll(&there, 1, 0) == -1 && errno == EINVAL);
	must(ptj_spawn_attr(s, attr, job_identity, NULL, PTJ_INFINITE, NULL) == 0);
	must(read(fd, &told, sizeof(told)) == sizeof(told) && told == 1);
	must(ptj_completions_take(c, &job, 1, 0, &n) == 0 && n == 1);
	must(setrlimit(RLIMIT_NOFILE, &before) == 0);
	ptj_job_unref(job);
	ptj_job_attr_free(attr);
	ptj_scheduler_free(s);
	ptj_completions_free(c);
	close(fd);
	return 0;
}

START_TEST(with_a_limit_of_no_descriptor_a_queue_tells)
{
	in_a_child(be_told_all_the_same);
}
END_TEST

static int be_elsewhere(void)
{
	ptj_scheduler *s;
	ptj_job *job;

	if (geteuid() != 0 || chroot("/proc/self/fdinfo") || chdir("/"))
		return SKIP;
	must(access("/lib", F_OK) != 0 && access("/usr", F_OK) != 0);
	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_spawn(s, job_sleep_forever, NULL, &job) == 0);
	while (!ptj_job_active(job))
		pause_briefly();
	must(ptj_job_close(job, PTJ_INFINITE) == 0);
	must(ptj_job_error(job) == ECANCELED);
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	return 0;
}

/* No library can be loaded any more when the first job is cancelled. */
START_TEST(in_another_root_directory_jobs_are_cancelled)
{
	in_a_child(be_elsewhere);
}
END_TEST

/* ---- Memory ---------------------------------------------------------------------------------- */

struct block {
	struct block *next;
};

static struct block *taken;

static int take_all_memory(void)
{
	size_t size = 1 << 20;
	struct block *block;

	while (size >= sizeof(*block)) {
		block = malloc(size);
		if (block) {
			block->next = taken;
			taken = block;
		} else {
			size /= 2;
		}
	}
	return 0;
}

static void give_memory_back(size_t blocks)
{
	struct block *block;

	while (blocks-- && (block = taken)) {
		taken = block->next;
		free(block);
	}
}

static int failures;

static int is_one_of(int code, int a, int b)
{
	failures += code != 0;
	return code == 0 || code == a || code == b;
}

static void *job_yield(void *arg)
{
	sched_yield();
	return arg;
}

/* A round of all that may need memory, as far as there is some.  Every call either works or says
   that there is none, and what began ends. */
static int do_a_bit_of_everything(ptj_scheduler *s)
{
	ptj_job_attr *attr = NULL;
	ptj_scheduler *other = NULL;
	ptj_completions *c = NULL;
	ptj_job *job = NULL;
	void *result = NULL;
	int code;

	code = ptj_spawn(s, job_yield, &code, &job);
	must(is_one_of(code, ENOMEM, EAGAIN));
	if (code == 0) {
		must(is_one_of(ptj_job_set_name(job, "a name"), ENOMEM, ENOMEM));
		must(ptj_job_wait(job, PTJ_INFINITE, &result) == 0 && result == &code);
		ptj_job_unref(job);
	}
	code = ptj_shield(s, job_yield, &code, PTJ_INFINITE, NULL);
	must(is_one_of(code, ENOMEM, EAGAIN));
	code = ptj_job_attr_create(&attr);
	must(is_one_of(code, ENOMEM, ENOMEM));
	must(!attr || is_one_of(ptj_job_attr_set_name(attr, "another name"), ENOMEM, ENOMEM));
	code = ptj_spawn_attr(s, attr, job_sleep_forever, NULL, PTJ_INFINITE, &job);
	must(is_one_of(code, ENOMEM, EAGAIN));
	if (code == 0) {
		must(ptj_job_close(job, PTJ_INFINITE) == 0);
		ptj_job_unref(job);
	}
	ptj_job_attr_free(attr);
	code = ptj_scheduler_create(&other, NULL);
	must(is_one_of(code, ENOMEM, ENOMEM));
	if (code == 0) {
		must(is_one_of(ptj_spawn(other, job_yield, NULL, NULL), ENOMEM, EAGAIN));
		must(ptj_scheduler_wait(other, PTJ_INFINITE) == 0);
		ptj_scheduler_free(other);
	}
	code = ptj_completions_create(&c, -1);
	must(is_one_of(code, ENOMEM, ENOMEM));
	ptj_completions_free(c);
	must(is_one_of(ptj_scheduler_set_exception_handler(s, NULL, NULL), ENOMEM, ENOMEM));
	must(ptj_scheduler_wait(s, PTJ_INFINITE) == 0);
	must(ptj_scheduler_len(s) == 0);
	return 0;
}

static int have_little_memory(void)
{
	enum { ROUNDS = 200 };
	struct rlimit before;
	ptj_scheduler *s;

	must(ptj_scheduler_create(&s, NULL) == 0);
	must(do_a_bit_of_everything(s) == 0 && failures == 0);
	must(getrlimit(RLIMIT_AS, &before) == 0);
	must(limit_to(RLIMIT_AS, 1) == 0);
	take_all_memory();
	must(do_a_bit_of_everything(s) == 0 && failures > 0);
	for (int i = 0; i < ROUNDS; i++) {
		must(do_a_bit_of_everything(s) == 0);
		give_memory_back(i < ROUNDS / 2 ? 1 : 20);
	}
	must(setrlimit(RLIMIT_AS, &before) == 0);
	give_memory_back(SIZE_MAX);
	failures = 0;
	must(do_a_bit_of_everything(s) == 0 && failures == 0);
	ptj_scheduler_free(s);
	return 0;
}

START_TEST(with_little_memory_calls_fail_and_nothing_breaks)
{
	if (!SANITIZED)
		in_a_child(have_little_memory);
}
END_TEST

/* ---- Stacks ---------------------------------------------------------------------------------- */

static void *job_use_everything(void *scheduler)
{
	ptj_scheduler *s = scheduler;
	void *result = NULL;
	char text[64];
	ptj_job *job;
	int code = ptj_spawn(s, job_identity, s, &job);

	if (code)
		return ptj_job_fail(code, "spawn");
	code = ptj_job_wait(job, PTJ_INFINITE, &result);
	ptj_job_unref(job);
	if (code || result != s)
		return ptj_job_fail(code, "wait");
	if (ptj_job_describe(ptj_job_self(), text, sizeof(text)) <= 0)
		return ptj_job_fail(EIO, "describe");
	code = ptj_shield(s, job_identity, s, PTJ_INFINITE, &result);
	if (code)
		return ptj_job_fail(code, "shield");
	code = ptj_sleep(1);
	return code ? ptj_job_fail(code, "sleep") : result;
}

/* The smallest stack that can be set: for the library's own frames, a cancellation that unwinds
   them, and the report of a failure in its most talkative form. */
START_TEST(the_smallest_stack_is_enough)
{
	enum { N = 50 };
	int saved = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	void *result = NULL;
	ptj_scheduler *s;
	ptj_attr *attr;
	ptj_job *job;

	ok(ptj_attr_create(&attr));
	ok(ptj_attr_set_stack_size(attr, PTHREAD_STACK_MIN));
	ok(ptj_attr_set_debug(attr, 1));
	ok(ptj_scheduler_create(&s, attr));
	ptj_attr_free(attr);
	ck_assert_int_eq(dup2(null, 2), 2);
	for (int i = 0; i < N; i++) {
		job = spawn(s, job_use_everything, s);
		ok(ptj_job_wait(job, PTJ_INFINITE, &result));
		ck_assert_ptr_eq(result, s);
		ptj_job_unref(job);
		job = spawn(s, job_sleep_forever, NULL);
		while (ptj_job_pending(job))
			pause_briefly();
		ok(ptj_job_close(job, PTJ_INFINITE));
		expect(ECANCELED, ptj_job_error(job));
		ptj_job_unref(job);
		ok(ptj_spawn(s, job_fail_eio, NULL, NULL));
		ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	}
	ck_assert_int_eq(dup2(saved, 2), 2);
	ptj_scheduler_free(s);
	close(null);
	close(saved);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, without_a_thread_a_spawn_fails_and_nothing_is_left);
	tcase_add_test(tc, one_thread_runs_all_jobs);
	tcase_add_test(tc, without_a_descriptor_all_else_works);
	tcase_add_test(tc, with_a_limit_of_no_descriptor_a_queue_tells);
	tcase_add_test(tc, in_another_root_directory_jobs_are_cancelled);
	tcase_add_test(tc, with_little_memory_calls_fail_and_nothing_breaks);
	if (!SANITIZED)
		tcase_add_test(tc, the_smallest_stack_is_enough);
}

int main(void)
{
	return run_tests("limits", add);
}
