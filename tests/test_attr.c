/* Attributes: their defaults, their bounds, and that a scheduler copies them; constants, error
   texts and what NULL does.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <limits.h>
#include <stdio.h>

static ptj_attr *attr;

static void make_attr(void)
{
	attr = NULL;
	ok(ptj_attr_create(&attr));
	ck_assert_ptr_nonnull(attr);
}

static void nobody(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s;
	(void)context;
	(void)user;
}

START_TEST(defaults_are_the_documented_ones)
{
	ptj_exception_handler handler = nobody;
	void *user = &handler;
	size_t size;
	int64_t ms;
	int n;

	make_attr();
	ok(ptj_attr_get_limit(attr, &size));
	ck_assert_uint_eq(size, 100);
	ok(ptj_attr_get_pending_limit(attr, &size));
	ck_assert_uint_eq(size, 10000);
	ok(ptj_attr_get_close_timeout(attr, &ms));
	ck_assert_int_eq(ms, 100);
	ok(ptj_attr_get_wait_timeout(attr, &ms));
	ck_assert_int_eq(ms, 60000);
	ok(ptj_attr_get_idle_timeout(attr, &ms));
	ck_assert_int_eq(ms, 10000);
	ok(ptj_attr_get_cancel_mode(attr, &n));
	ck_assert_int_eq(n, PTJ_CANCEL_DEFERRED);
	ok(ptj_attr_get_debug(attr, &n));
	ck_assert_int_eq(n, 0);
	ok(ptj_attr_get_stack_size(attr, &size));
	ck_assert_uint_eq(size, 0);
	ok(ptj_attr_get_exception_handler(attr, &handler, &user));
	ck_assert(handler == NULL);
	ptj_attr_free(attr);
}
END_TEST

START_TEST(a_copy_has_the_settings_and_lives_by_itself)
{
	ptj_exception_handler handler = NULL;
	ptj_attr *copy;
	void *user = NULL;
	char name[16];
	size_t size;
	int64_t ms;
	int n;

	make_attr();
	ok(ptj_attr_set_limit(attr, 3));
	ok(ptj_attr_set_wait_timeout(attr, 7));
	ok(ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_MASKED));
	ok(ptj_attr_set_exception_handler(attr, nobody, &user));
	ok(ptj_attr_set_name(attr, "crew"));
	ok(ptj_attr_copy(&copy, attr));
	ok(ptj_attr_set_limit(attr, 4));
	ptj_attr_free(attr);
	ok(ptj_attr_get_limit(copy, &size));
	ck_assert_uint_eq(size, 3);
	ok(ptj_attr_get_wait_timeout(copy, &ms));
	ck_assert_int_eq(ms, 7);
	ok(ptj_attr_get_cancel_mode(copy, &n));
	ck_assert_int_eq(n, PTJ_CANCEL_MASKED);
	ok(ptj_attr_get_exception_handler(copy, &handler, &user));
	ck_assert(handler == nobody);
	ck_assert_int_eq(ptj_attr_get_name(copy, name, sizeof(name)), 4);
	ck_assert_str_eq(name, "crew");
	ptj_attr_free(copy);

	ok(ptj_attr_copy(&copy, NULL));
	ok(ptj_attr_get_limit(copy, &size));
	ck_assert_uint_eq(size, 100);
	ptj_attr_free(copy);
	expect(EINVAL, ptj_attr_copy(NULL, NULL));
}
END_TEST

START_TEST(sizes_are_kept)
{
	static const size_t sizes[] = {0, 1, 2, 1000000, SIZE_MAX};
	size_t got;

	make_attr();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		ok(ptj_attr_set_limit(attr, sizes[i]));
		ok(ptj_attr_get_limit(attr, &got));
		ck_assert_uint_eq(got, sizes[i]);
		ok(ptj_attr_set_pending_limit(attr, sizes[i]));
		ok(ptj_attr_get_pending_limit(attr, &got));
		ck_assert_uint_eq(got, sizes[i]);
	}
	expect(EINVAL, ptj_attr_set_limit(NULL, 1));
	expect(EINVAL, ptj_attr_get_limit(NULL, &got));
	expect(EINVAL, ptj_attr_set_pending_limit(NULL, 1));
	expect(EINVAL, ptj_attr_get_pending_limit(NULL, &got));
	ptj_attr_free(attr);
}
END_TEST

struct timeout_attr {
	int (*set)(ptj_attr *, int64_t);
	int (*get)(const ptj_attr *, int64_t *);
};

static const struct timeout_attr timeouts[] = {
	{ptj_attr_set_close_timeout, ptj_attr_get_close_timeout},
	{ptj_attr_set_wait_timeout, ptj_attr_get_wait_timeout},
	{ptj_attr_set_idle_timeout, ptj_attr_get_idle_timeout},
};

START_TEST(timeouts_take_infinite_but_no_other_negative)
{
	static const int64_t good[] = {0, 1, 86400000, INT64_MAX, PTJ_INFINITE};
	static const int64_t bad[] = {PTJ_DEFAULT, -3, INT64_MIN};
	const struct timeout_attr *t = &timeouts[_i];
	int64_t got;

	make_attr();
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ok(t->set(attr, good[i]));
		ok(t->get(attr, &got));
		ck_assert_int_eq(got, good[i]);
	}
	ok(t->set(attr, 77));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect(EINVAL, t->set(attr, bad[i]));
	ok(t->get(attr, &got));
	ck_assert_int_eq(got, 77);
	expect(EINVAL, t->set(NULL, 1));
	expect(EINVAL, t->get(NULL, &got));
	ptj_attr_free(attr);
}
END_TEST

START_TEST(cancel_mode_is_one_of_three)
{
	int got;

	make_attr();
	for (int mode = 0; mode < MODES; mode++) {
		ok(ptj_attr_set_cancel_mode(attr, mode));
		ok(ptj_attr_get_cancel_mode(attr, &got));
		ck_assert_int_eq(got, mode);
	}
	expect(EINVAL, ptj_attr_set_cancel_mode(attr, 3));
	expect(EINVAL, ptj_attr_set_cancel_mode(attr, -1));
	ok(ptj_attr_get_cancel_mode(attr, &got));
	ck_assert_int_eq(got, PTJ_CANCEL_COOPERATIVE);
	expect(EINVAL, ptj_attr_set_cancel_mode(NULL, 0));
	expect(EINVAL, ptj_attr_get_cancel_mode(NULL, &got));
	ptj_attr_free(attr);
}
END_TEST

START_TEST(handler_and_its_argument_are_kept)
{
	ptj_exception_handler handler = NULL;
	void *user = NULL;
	int mine;

	make_attr();
	ok(ptj_attr_set_exception_handler(attr, nobody, &mine));
	ok(ptj_attr_get_exception_handler(attr, &handler, &user));
	ck_assert(handler == nobody);
	ck_assert_ptr_eq(user, &mine);
	ok(ptj_attr_set_exception_handler(attr, NULL, NULL));
	ok(ptj_attr_get_exception_handler(attr, &handler, &user));
	ck_assert(handler == NULL);
	expect(EINVAL, ptj_attr_set_exception_handler(NULL, nobody, NULL));
	expect(EINVAL, ptj_attr_get_exception_handler(NULL, &handler, &user));
	ptj_attr_free(attr);
}
END_TEST

START_TEST(name_is_copied_and_read_as_by_snprintf)
{
	char text[] = "imports", buf[16];

	make_attr();
	ck_assert_int_eq(ptj_attr_get_name(attr, buf, sizeof buf), strlen("ptjobs"));
	ck_assert_str_eq(buf, "ptjobs");
	ok(ptj_attr_set_name(attr, text));
	text[0] = 'X';
	ck_assert_int_eq(ptj_attr_get_name(attr, buf, sizeof buf), strlen("imports"));
	ck_assert_str_eq(buf, "imports");
	ck_assert_int_eq(ptj_attr_get_name(attr, buf, 4), strlen("imports"));
	ck_assert_str_eq(buf, "imp");
	ck_assert_int_eq(ptj_attr_get_name(attr, NULL, 0), strlen("imports"));
	ok(ptj_attr_set_name(attr, NULL));
	ptj_attr_get_name(attr, buf, sizeof buf);
	ck_assert_str_eq(buf, "ptjobs");
	expect(EINVAL, ptj_attr_set_name(NULL, "x"));
	ptj_attr_free(attr);
}
END_TEST

START_TEST(debug_is_a_flag)
{
	int got;

	make_attr();
	ok(ptj_attr_set_debug(attr, 5));
	ok(ptj_attr_get_debug(attr, &got));
	ck_assert_int_ne(got, 0);
	ok(ptj_attr_set_debug(attr, 0));
	ok(ptj_attr_get_debug(attr, &got));
	ck_assert_int_eq(got, 0);
	expect(EINVAL, ptj_attr_set_debug(NULL, 1));
	expect(EINVAL, ptj_attr_get_debug(NULL, &got));
	ptj_attr_free(attr);
}
END_TEST

START_TEST(stack_size_has_a_lower_bound)
{
	size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN), got;

	make_attr();
	ok(ptj_attr_set_stack_size(attr, least));
	ok(ptj_attr_get_stack_size(attr, &got));
	ck_assert_uint_eq(got, least);
	expect(EINVAL, ptj_attr_set_stack_size(attr, 1));
	ok(ptj_attr_get_stack_size(attr, &got));
	ck_assert_uint_eq(got, least);
	ok(ptj_attr_set_stack_size(attr, 0));
	expect(EINVAL, ptj_attr_set_stack_size(NULL, 0));
	expect(EINVAL, ptj_attr_get_stack_size(NULL, &got));
	ptj_attr_free(attr);
}
END_TEST

START_TEST(scheduler_copies_its_attributes)
{
	void *user = NULL;
	ptj_scheduler *s;
	int mine;

	make_attr();
	ok(ptj_attr_set_limit(attr, 3));
	ok(ptj_attr_set_pending_limit(attr, 4));
	ok(ptj_attr_set_close_timeout(attr, 5));
	ok(ptj_attr_set_wait_timeout(attr, PTJ_INFINITE));
	ok(ptj_attr_set_exception_handler(attr, nobody, &mine));
	ok(ptj_scheduler_create(&s, attr));
	ok(ptj_attr_set_limit(attr, 30));
	ok(ptj_attr_set_close_timeout(attr, 50));
	ptj_attr_free(attr);

	ck_assert_uint_eq(ptj_scheduler_limit(s), 3);
	ck_assert_uint_eq(ptj_scheduler_pending_limit(s), 4);
	ck_assert_int_eq(ptj_scheduler_close_timeout(s), 5);
	ck_assert_int_eq(ptj_scheduler_wait_timeout(s), PTJ_INFINITE);
	ck_assert(ptj_scheduler_get_exception_handler(s, &user) == nobody);
	ck_assert_ptr_eq(user, &mine);
	ck_assert(ptj_scheduler_get_exception_handler(s, NULL) == nobody);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(scheduler_without_attributes_has_the_defaults)
{
	ptj_scheduler *s = NULL;

	ok(ptj_scheduler_create(&s, NULL));
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(ptj_scheduler_limit(s), 100);
	ck_assert_uint_eq(ptj_scheduler_pending_limit(s), 10000);
	ck_assert_int_eq(ptj_scheduler_close_timeout(s), 100);
	ck_assert_int_eq(ptj_scheduler_wait_timeout(s), 60000);
	ck_assert(ptj_scheduler_get_exception_handler(s, NULL) == NULL);
	ck_assert_int_eq(ptj_scheduler_closed(s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(null_is_an_error_and_never_a_crash)
{
	ptj_scheduler *none = NULL;
	ptj_context context = {.message = "hello"};

	expect(EINVAL, ptj_attr_create(NULL));
	expect(EINVAL, ptj_job_attr_create(NULL));
	expect(EINVAL, ptj_scheduler_create(NULL, NULL));
	ptj_attr_free(NULL);
	ptj_job_attr_free(NULL);
	ptj_scheduler_free(NULL);
	ptj_scheduler_cleanup(NULL);
	ptj_scheduler_cleanup(&none);

	expect(EINVAL, ptj_job_attr_set_name(NULL, "x"));
	expect(EINVAL, ptj_job_attr_set_release(NULL, free));
	expect(EINVAL, ptj_job_attr_set_cancel_mode(NULL, 0));
	expect(EINVAL, ptj_job_attr_set_explicit_result(NULL, 1));

	expect(EINVAL, ptj_scheduler_wait(NULL, 0));
	expect(EINVAL, ptj_scheduler_close(NULL));
	expect(EINVAL, ptj_scheduler_wait_and_close(NULL, 0));
	expect(EINVAL, ptj_scheduler_foreach(NULL, NULL, NULL));
	expect(EINVAL, ptj_scheduler_set_exception_handler(NULL, nobody, NULL));
	expect(EINVAL, ptj_scheduler_call_exception_handler(NULL, &context));
	ck_assert_uint_eq(ptj_scheduler_limit(NULL), 0);
	ck_assert_uint_eq(ptj_scheduler_pending_limit(NULL), 0);
	ck_assert_uint_eq(ptj_scheduler_active_count(NULL), 0);
	ck_assert_uint_eq(ptj_scheduler_pending_count(NULL), 0);
	ck_assert_uint_eq(ptj_scheduler_len(NULL), 0);
	ck_assert_uint_eq(ptj_scheduler_shield_count(NULL), 0);
	ck_assert_uint_eq(ptj_scheduler_jobs(NULL, NULL, 0), 0);
	ck_assert_int_eq(ptj_scheduler_contains(NULL, NULL), 0);
	ck_assert(ptj_scheduler_get_exception_handler(NULL, NULL) == NULL);
}
END_TEST

START_TEST(null_jobs_and_bad_arguments_are_errors)
{
	ptj_scheduler *s = make_simple(1, 1);
	ptj_job *job = NULL;
	void *result = NULL;

	expect(EINVAL, ptj_spawn(NULL, job_identity, NULL, &job));
	expect(EINVAL, ptj_spawn(s, NULL, NULL, &job));
	expect(EINVAL, ptj_spawn_attr(s, NULL, job_identity, NULL, -3, &job));
	expect(EINVAL, ptj_shield(NULL, job_identity, NULL, 0, &result));
	expect(EINVAL, ptj_shield(s, NULL, NULL, 0, &result));
	expect(EINVAL, ptj_shield(s, job_identity, NULL, -3, &result));
	ck_assert_ptr_null(job);
	ck_assert_ptr_null(result);
	expect(EINVAL, ptj_job_wait(NULL, 0, &result));
	expect(EINVAL, ptj_job_poll(NULL, 0, &result));
	expect(EINVAL, ptj_job_close(NULL, 0));
	expect(EINVAL, ptj_job_set_name(NULL, "x"));
	ck_assert_int_eq(ptj_job_pending(NULL), 0);
	ck_assert_int_eq(ptj_job_active(NULL), 0);
	ck_assert_uint_eq(ptj_job_id(NULL), 0);
	ck_assert_ptr_null(ptj_job_error_message(NULL));
	ck_assert_ptr_null(ptj_job_ref(NULL));
	ptj_job_unref(NULL);
	expect(EINVAL, ptj_scheduler_wait(s, -3));
	expect(EINVAL, ptj_scheduler_wait_and_close(s, -3));
	expect(EINVAL, ptj_scheduler_foreach(s, NULL, NULL));
	ck_assert_int_eq(ptj_scheduler_closed(s), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);

	job = spawn(s, job_identity, &result);
	expect(EINVAL, ptj_job_wait(job, -3, &result));
	expect(EINVAL, ptj_job_poll(job, -3, &result));
	expect(EINVAL, ptj_job_close(job, -3));
	ok(ptj_job_wait(job, PTJ_DEFAULT, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(job_attributes_have_bounds)
{
	ptj_job_attr *ja = NULL;

	ok(ptj_job_attr_create(&ja));
	ck_assert_ptr_nonnull(ja);
	expect(EINVAL, ptj_job_attr_set_cancel_mode(ja, -1));
	expect(EINVAL, ptj_job_attr_set_cancel_mode(ja, 3));
	ok(ptj_job_attr_set_name(ja, NULL));
	ok(ptj_job_attr_set_release(ja, NULL));
	ptj_job_attr_free(ja);
}
END_TEST

START_TEST(outside_a_job_there_is_no_self)
{
	ck_assert_ptr_null(ptj_job_self());
	ck_assert_ptr_null(ptj_job_fail(EIO, "nobody"));
	expect(EINVAL, ptj_job_succeed(NULL));
	expect(EINVAL, ptj_job_on_cancel(free, NULL));
	ck_assert_int_eq(ptj_job_cancelled(), 0);
	ck_assert_int_eq(ptj_job_cancel_fd(), -1);
}
END_TEST

START_TEST(sleep_outside_a_job_only_sleeps)
{
	int64_t start = now_ms();

	ok(ptj_sleep(SHORT_MS));
	expect_took(start, SHORT_MS);
	ok(ptj_sleep(0));
	expect(EINVAL, ptj_sleep(-3));
}
END_TEST

START_TEST(what_is_no_constant_has_no_value)
{
	int64_t value = 4711;

	expect(ENOENT, ptj_constant("PTJ_NOTHING", &value));
	expect(ENOENT, ptj_constant("PTJ_API", &value));
	expect(ENOENT, ptj_constant("", &value));
	expect(EINVAL, ptj_constant(NULL, &value));
	expect(EINVAL, ptj_constant("PTJ_INFINITE", NULL));
	ck_assert_int_eq(value, 4711);
}
END_TEST

START_TEST(each_code_has_a_text)
{
	static const int codes[] = {0,      PTJ_EFAILED, EINVAL,    ECANCELED,       ETIMEDOUT,
	                            EAGAIN, ENOMEM,      ESHUTDOWN, ENOTRECOVERABLE, EDEADLK,
	                            EINTR,  ENODATA,     ENOENT,    ELIBACC,         ENOSYS};
	size_t n = sizeof codes / sizeof *codes;

	for (size_t i = 0; i < n; i++) {
		ck_assert_ptr_nonnull(ptj_strerror(codes[i]));
		ck_assert_str_ne(ptj_strerror(codes[i]), "");
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(ptj_strerror(codes[i]), ptj_strerror(codes[k]));
	}
	ck_assert_ptr_nonnull(ptj_strerror(-12345));
	ck_assert_ptr_nonnull(ptj_strerror(1 << 30));
	ck_assert_ptr_nonnull(ptj_strerror(INT_MIN));
}
END_TEST

START_TEST(version_is_the_headers)
{
	char want[32];

	snprintf(want, sizeof want, "%d.%d.%d", PTJ_VERSION_MAJOR, PTJ_VERSION_MINOR,
	         PTJ_VERSION_PATCH);
	ck_assert_str_eq(ptj_version(), want);
}
END_TEST

START_TEST(errno_is_left_alone)
{
	enum { MINE = 4711 };
	ptj_scheduler *s = make_simple(1, 1);
	struct gate g;
	ptj_job *job;

	gate_init(&g);
	job = spawn(s, job_at_gate, &g);
	errno = MINE;
	spawn_n(s, 1, job_identity, NULL);
	expect(EAGAIN, ptj_spawn_attr(s, NULL, job_identity, NULL, 0, NULL));
	expect(ETIMEDOUT, ptj_spawn_attr(s, NULL, job_identity, NULL, 1, NULL));
	expect(ETIMEDOUT, ptj_job_poll(job, 1, NULL));
	expect(ETIMEDOUT, ptj_scheduler_wait(s, 1));
	expect(EINVAL, ptj_attr_create(NULL));
	ok(ptj_sleep(1));
	ok(ptj_job_close(job, PTJ_INFINITE));
	ok(ptj_scheduler_close(s));
	expect(ESHUTDOWN, ptj_spawn(s, job_identity, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
	ck_assert_int_eq(errno, MINE);
	gate_destroy(&g);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, defaults_are_the_documented_ones);
	tcase_add_test(tc, a_copy_has_the_settings_and_lives_by_itself);
	tcase_add_test(tc, sizes_are_kept);
	tcase_add_loop_test(tc, timeouts_take_infinite_but_no_other_negative, 0, 3);
	tcase_add_test(tc, cancel_mode_is_one_of_three);
	tcase_add_test(tc, handler_and_its_argument_are_kept);
	tcase_add_test(tc, name_is_copied_and_read_as_by_snprintf);
	tcase_add_test(tc, debug_is_a_flag);
	tcase_add_test(tc, stack_size_has_a_lower_bound);
	tcase_add_test(tc, scheduler_copies_its_attributes);
	tcase_add_test(tc, scheduler_without_attributes_has_the_defaults);
	tcase_add_test(tc, null_is_an_error_and_never_a_crash);
	tcase_add_test(tc, null_jobs_and_bad_arguments_are_errors);
	tcase_add_test(tc, job_attributes_have_bounds);
	tcase_add_test(tc, outside_a_job_there_is_no_self);
	tcase_add_test(tc, sleep_outside_a_job_only_sleeps);
	tcase_add_test(tc, what_is_no_constant_has_no_value);
	tcase_add_test(tc, each_code_has_a_text);
	tcase_add_test(tc, version_is_the_headers);
	tcase_add_test(tc, errno_is_left_alone);
}

int main(void)
{
	return run_tests("attr", add);
}
