/* What the system answers seldom: that a call was interrupted, did half of it, or is not to be had.
   Each such answer is given here on demand, to the library that is within this program.

   SPDX-License-Identifier: Apache-2.0 */

#include "sanitizers.h"
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

enum answer { WELL, INTERRUPTED, SHORT_WRITE, REFUSED };

/* What the next call of that name answers; it is well again after that. */
struct on_demand {
	atomic_int answer; /* enum answer */
	atomic_int given;
};

static struct on_demand writing, reading, sending, fetching_signal, opening_memory, closing_file,
	naming_symbols, initing_attr, setting_stack, watching_forks, counting_processors,
	looking_at_file;

UNINSTRUMENTED_BEGIN

static void demand(struct on_demand *d, enum answer answer)
{
	atomic_store(&d->given, 0);
	atomic_store(&d->answer, (int)answer);
}

static enum answer answer_of(struct on_demand *d)
{
	enum answer answer = (enum answer)atomic_exchange(&d->answer, WELL);

	if (answer != WELL)
		atomic_fetch_add(&d->given, 1);
	return answer;
}

static void expect_given(struct on_demand *d)
{
	ck_assert_int_eq(atomic_load(&d->given), 1);
}

static int fails(struct on_demand *d)
{
	enum answer answer = answer_of(d);

	errno = answer == INTERRUPTED ? EINTR : EIO;
	return answer != WELL;
}

ssize_t __real_write(int fd, const void *buf, size_t n);
ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __real_send(int fd, const void *buf, size_t n, int flags);
int __real_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
FILE *__real_open_memstream(char **text, size_t *len);
int __real_fclose(FILE *file);
char **__real_backtrace_symbols(void *const *frames, int n);
int __real_pthread_attr_init(pthread_attr_t *attr);
int __real_pthread_attr_setstacksize(pthread_attr_t *attr, size_t size);
int __real_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __real_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __real_fstat(int fd, struct stat *st);

ssize_t __wrap_write(int fd, const void *buf, size_t n);
ssize_t __wrap_read(int fd, void *buf, size_t n);
ssize_t __wrap_send(int fd, const void *buf, size_t n, int flags);
int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);
FILE *__wrap_open_memstream(char **text, size_t *len);
int __wrap_fclose(FILE *file);
char **__wrap_backtrace_symbols(void *const *frames, int n);
int __wrap_pthread_attr_init(pthread_attr_t *attr);
int __wrap_pthread_attr_setstacksize(pthread_attr_t *attr, size_t size);
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_fstat(int fd, struct stat *st);

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	enum answer answer = answer_of(&writing);

	if (answer == SHORT_WRITE)
		return __real_write(fd, buf, n / 2);
	errno = answer == INTERRUPTED ? EINTR : EIO;
	return answer == WELL ? __real_write(fd, buf, n) : -1;
}

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
	return fails(&reading) ? -1 : __real_read(fd, buf, n);
}

ssize_t __wrap_send(int fd, const void *buf, size_t n, int flags)
{
	return fails(&sending) ? -1 : __real_send(fd, buf, n, flags);
}

int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
	return fails(&fetching_signal) ? -1 : __real_sigtimedwait(set, info, timeout);
}

FILE *__wrap_open_memstream(char **text, size_t *len)
{
	return fails(&opening_memory) ? NULL : __real_open_memstream(text, len);
}

int __wrap_fclose(FILE *file)
{
	int rc = __real_fclose(file);

	return fails(&closing_file) ? EOF : rc;
}

char **__wrap_backtrace_symbols(void *const *frames, int n)
{
	return fails(&naming_symbols) ? NULL : __real_backtrace_symbols(frames, n);
}

int __wrap_pthread_attr_init(pthread_attr_t *attr)
{
	return fails(&initing_attr) ? ENOMEM : __real_pthread_attr_init(attr);
}

int __wrap_pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
	return fails(&setting_stack) ? EINVAL : __real_pthread_attr_setstacksize(attr, size);
}

int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return fails(&watching_forks) ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	return fails(&counting_processors) ? -1 : __real_sched_getaffinity(pid, size, set);
}

int __wrap_fstat(int fd, struct stat *st)
{
	return fails(&looking_at_file) ? -1 : __real_fstat(fd, st);
}

UNINSTRUMENTED_END

static struct gate gate;

static int is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

/* ---- Interrupted ---------------------------------------------------------------------------- */

START_TEST(a_cancel_fd_becomes_readable_all_the_same)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *job;
	int fd;

	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	ok(ptj_external_next(s, 0, &job));
	fd = ptj_external_cancel_fd(job);
	demand(&writing, INTERRUPTED);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	expect_given(&writing);
	ck_assert(is_readable(fd));
	ok(ptj_job_finish(job, ECANCELED, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

static void end_job_into(ptj_completions *queue)
{
	ptj_job_attr *attr = job_attr(NULL, -1);
	ptj_scheduler *s = make_simple(1, 0);

	ok(ptj_job_attr_set_completions(attr, queue));
	ok(ptj_spawn_attr(s, attr, job_identity, NULL, PTJ_INFINITE, NULL));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_job_attr_free(attr);
	ptj_scheduler_free(s);
}

static void take_one(ptj_completions *queue)
{
	ptj_job *job;
	size_t n;

	ok(ptj_completions_take(queue, &job, 1, 0, &n));
	ptj_job_unref(job);
}

START_TEST(so_does_a_queues_own_descriptor_and_is_reset)
{
	ptj_completions *queue;
	int fd;

	ok(ptj_completions_create(&queue, -1));
	fd = ptj_completions_fd(queue);
	demand(&writing, INTERRUPTED);
	end_job_into(queue);
	expect_given(&writing);
	ck_assert(is_readable(fd));
	demand(&reading, INTERRUPTED);
	take_one(queue);
	expect_given(&reading);
	ck_assert(!is_readable(fd));
	ptj_completions_free(queue);
}
END_TEST

START_TEST(so_does_a_descriptor_of_the_programs)
{
	struct on_demand *call = _i ? &sending : &writing;
	ptj_completions *queue;
	int fds[2];

	ck_assert_int_eq(_i ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
	ok(ptj_completions_create(&queue, fds[1]));
	demand(call, INTERRUPTED);
	demand(&fetching_signal, INTERRUPTED);
	end_job_into(queue);
	expect_given(call);
	ck_assert_int_eq(atomic_load(&fetching_signal.given), !_i);
	demand(&fetching_signal, WELL);
	ck_assert(is_readable(fds[0]));
	take_one(queue);
	ptj_completions_free(queue);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* A descriptor of its own that the library cannot use does not keep it busy. */
START_TEST(what_fails_is_not_tried_for_ever)
{
	ptj_completions *queue;
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *job;

	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	ok(ptj_external_next(s, 0, &job));
	ck_assert_int_ge(ptj_external_cancel_fd(job), 0);
	demand(&writing, REFUSED);
	expect(ETIMEDOUT, ptj_job_close(job, 0));
	expect_given(&writing);
	ok(ptj_job_finish(job, ECANCELED, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);

	ok(ptj_completions_create(&queue, -1));
	ck_assert_int_ge(ptj_completions_fd(queue), 0);
	demand(&writing, REFUSED);
	end_job_into(queue);
	expect_given(&writing);
	demand(&reading, REFUSED);
	take_one(queue);
	expect_given(&reading);
	ptj_completions_free(queue);
}
END_TEST

/* ---- The default handler -------------------------------------------------------------------- */

static char captured[4096];

static void report_to_pipe(const ptj_context *context)
{
	ptj_scheduler *s = make_simple(1, 0);
	int fds[2], saved = dup(2);
	ssize_t n;

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(fds[1], 2), 2);
	ok(ptj_scheduler_call_exception_handler(s, context));
	ck_assert_int_eq(dup2(saved, 2), 2);
	n = __real_read(fds[0], captured, sizeof captured - 1);
	captured[n > 0 ? n : 0] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
	ptj_scheduler_free(s);
}

static const ptj_context bad = {.message = "It broke", .error = EIO, .error_message = "badly"};

START_TEST(a_report_is_whole_though_its_write_is_not)
{
	char whole[sizeof captured];

	report_to_pipe(&bad);
	ck_assert_ptr_nonnull(strstr(captured, "badly"));
	strcpy(whole, captured);
	demand(&writing, _i ? INTERRUPTED : SHORT_WRITE);
	report_to_pipe(&bad);
	expect_given(&writing);
	ck_assert_str_eq(captured, whole);
}
END_TEST

START_TEST(a_report_that_cannot_be_written_is_dropped)
{
	demand(&writing, REFUSED);
	report_to_pipe(&bad);
	expect_given(&writing);
	ck_assert_str_eq(captured, "");
}
END_TEST

START_TEST(without_memory_a_report_says_so)
{
	struct on_demand *call = _i ? &closing_file : &opening_memory;

	demand(call, REFUSED);
	report_to_pipe(&bad);
	expect_given(call);
	ck_assert_ptr_nonnull(strstr(captured, "no memory"));
}
END_TEST

START_TEST(without_names_a_traceback_has_addresses)
{
	void *const frames[] = {&gate};
	const ptj_context traced = {.source_traceback = frames, .source_traceback_len = 1};
	char address[32];

	snprintf(address, sizeof address, "%p", (void *)&gate);
	demand(&naming_symbols, REFUSED);
	report_to_pipe(&traced);
	expect_given(&naming_symbols);
	ck_assert_ptr_nonnull(strstr(captured, address));
}
END_TEST

/* ---- Refused -------------------------------------------------------------------------------- */

START_TEST(a_scheduler_is_not_made)
{
	struct on_demand *calls[] = {&initing_attr, &setting_stack, &watching_forks};
	ptj_scheduler *s = NULL;
	ptj_attr *attr;

	ok(ptj_attr_create(&attr));
	ok(ptj_attr_set_stack_size(attr, 1024 * 1024));
	demand(calls[_i], REFUSED);
	expect(ENOMEM, ptj_scheduler_create(&s, attr));
	expect_given(calls[_i]);
	ck_assert_ptr_null(s);
	ok(ptj_scheduler_create(&s, attr));
	ptj_scheduler_free(s);
	ptj_attr_free(attr);
}
END_TEST

START_TEST(a_queue_is_not_made)
{
	ptj_completions *queue = NULL;

	demand(&watching_forks, REFUSED);
	expect(ENOMEM, ptj_completions_create(&queue, -1));
	expect_given(&watching_forks);
	ck_assert_ptr_null(queue);
	demand(&looking_at_file, REFUSED);
	expect(EIO, ptj_completions_create(&queue, 1));
	expect_given(&looking_at_file);
	ck_assert_ptr_null(queue);
	ok(ptj_completions_create(&queue, -1));
	ptj_completions_free(queue);
}
END_TEST

/* Then the number of processors of the machine bounds how many threads spin. */
START_TEST(processors_are_counted_in_another_way)
{
	ptj_scheduler *s = make_simple(1, 0);
	ptj_job *job;

	demand(&counting_processors, REFUSED);
	job = spawn(s, job_identity, &gate);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	expect_given(&counting_processors);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, a_cancel_fd_becomes_readable_all_the_same);
	tcase_add_test(tc, so_does_a_queues_own_descriptor_and_is_reset);
	tcase_add_loop_test(tc, so_does_a_descriptor_of_the_programs, 0, 2);
	tcase_add_test(tc, what_fails_is_not_tried_for_ever);
	tcase_add_loop_test(tc, a_report_is_whole_though_its_write_is_not, 0, 2);
	tcase_add_test(tc, a_report_that_cannot_be_written_is_dropped);
	tcase_add_loop_test(tc, without_memory_a_report_says_so, 0, 2);
	tcase_add_test(tc, without_names_a_traceback_has_addresses);
	tcase_add_loop_test(tc, a_scheduler_is_not_made, 0, 3);
	tcase_add_test(tc, a_queue_is_not_made);
	tcase_add_test(tc, processors_are_counted_in_another_way);
}

int main(void)
{
	return run_tests("calls", add);
}
