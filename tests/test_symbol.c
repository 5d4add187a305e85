/* Functions found by their names, in a library and in the program itself.  Each test is a process
   of its own, in which the library has not been loaded yet.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <dlfcn.h>

#define EXPORTED __attribute__((visibility("default")))

static ptj_scheduler *s;
static struct recorder loads, released;
static struct gate gate;

/* Of this program, for the library and for the calls to find. */
EXPORTED void plugin_loads(void);
EXPORTED void *symbol_job(void *arg);

/* The constructor of the library: what it finds while the library is being loaded. */
void plugin_loads(void)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	record(&loads, state);
	if (!s)
		return;
	/* A lock that was held would be waited for here. */
	record(&loads, (intptr_t)ptj_scheduler_len(s));
	record(&loads, ptj_spawn(s, job_identity, NULL, NULL));
}

void *symbol_job(void *arg)
{
	return arg;
}

static void release_record(void *arg)
{
	record(&released, (intptr_t)arg);
}

static int plugin_is_loaded(void)
{
	void *handle = dlopen(PLUGIN, RTLD_LAZY | RTLD_NOLOAD);

	if (handle)
		dlclose(handle);
	return handle != NULL;
}

static void start(size_t limit, size_t pending_limit)
{
	recorder_init(&loads);
	recorder_init(&released);
	s = make_simple(limit, pending_limit);
}

/* Spawns it with a release function, so that a job that never was is known by it. */
static int spawn_symbol(const char *library, const char *symbol, int64_t timeout, ptj_job **job)
{
	ptj_job_attr *attr = job_attr(release_record, -1);
	int rc;

	rc = ptj_spawn_symbol(s, attr, library, symbol, (void *)21, timeout, job);
	ptj_job_attr_free(attr);
	return rc;
}

static void *result_of(ptj_job *job)
{
	void *result = NULL;

	ok(ptj_job_wait(job, PTJ_INFINITE, &result));
	ptj_job_unref(job);
	return result;
}

START_TEST(a_function_of_a_library_is_a_job)
{
	ptj_job *job = NULL;

	start(2, 0);
	ok(spawn_symbol(PLUGIN, "plugin_double", PTJ_INFINITE, &job));
	ck_assert_ptr_eq(result_of(job), (void *)42);
	ck_assert_uint_eq(recorded_times(&released, 21), 1);
	ok(ptj_spawn_symbol(s, NULL, PLUGIN, "plugin_double", (void *)3, 0, NULL));
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(a_function_of_the_program_is_a_job)
{
	char text[] = "four";
	ptj_job *job = NULL;

	start(1, 0);
	ok(spawn_symbol(NULL, "symbol_job", PTJ_INFINITE, &job));
	ck_assert_ptr_eq(result_of(job), (void *)21);
	/* libc is what the program has loaded. */
	ok(ptj_spawn_symbol(s, NULL, NULL, "strlen", text, 0, &job));
	ck_assert_ptr_eq(result_of(job), (void *)4);
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(what_is_not_there_has_an_error_of_its_own)
{
	static const struct {
		int code;
		const char *library, *symbol, *details;
	} missing[] = {
		{ELIBACC, "/nowhere/libnothing.so", "plugin_double", "/nowhere/libnothing.so"},
		{ELIBACC, __FILE__, "plugin_double", NULL},
		{ENOSYS, PLUGIN, "plugin_triple", "plugin_triple"},
		{ENOSYS, PLUGIN, "", NULL},
		{ENOSYS, NULL, "symbol_joke", "symbol_joke"},
	};
	ptj_job *job = NULL;
	const char *details;

	start(1, 0);
	errno = 4711;
	expect(missing[_i].code,
	       spawn_symbol(missing[_i].library, missing[_i].symbol, PTJ_INFINITE, &job));
	ck_assert_int_eq(errno, 4711);
	details = dlerror();
	if (missing[_i].details) {
		ck_assert_ptr_nonnull(details);
		ck_assert_ptr_nonnull(strstr(details, missing[_i].details));
	}
	ck_assert_ptr_null(job);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(recorded(&released), 0);
}
END_TEST

START_TEST(bad_arguments_and_a_closed_scheduler_load_nothing)
{
	ptj_job *job = NULL;

	start(1, 0);
	expect(EINVAL, ptj_spawn_symbol(NULL, NULL, PLUGIN, "plugin_double", NULL, 0, &job));
	expect(EINVAL, spawn_symbol(PLUGIN, NULL, 0, &job));
	expect(EINVAL, spawn_symbol(PLUGIN, "plugin_double", -3, &job));
	ok(ptj_scheduler_close(s));
	expect(ESHUTDOWN, spawn_symbol(PLUGIN, "plugin_double", 0, &job));
	ck_assert_int_eq(plugin_is_loaded(), 0);
	ck_assert_ptr_null(job);
	ptj_scheduler_free(s);
	ck_assert_uint_eq(recorded(&released), 0);
}
END_TEST

START_TEST(a_full_line_refuses_it)
{
	ptj_job *job = NULL;

	gate_init(&gate);
	start(1, 1);
	spawn_n(s, 2, job_at_gate, &gate);
	expect(EAGAIN, spawn_symbol(NULL, "symbol_job", 0, &job));
	expect(ETIMEDOUT, spawn_symbol(NULL, "symbol_job", SHORT_MS, &job));
	ck_assert_ptr_null(job);
	gate_open(&gate);
	ptj_scheduler_cleanup(&s);
	ck_assert_uint_eq(recorded(&released), 0);
	gate_destroy(&gate);
}
END_TEST

START_TEST(the_library_is_loaded_without_a_lock_and_with_cancellation_disabled)
{
	int state;

	start(1, 0);
	ok(spawn_symbol(PLUGIN, "plugin_double", PTJ_INFINITE, NULL));
	ck_assert_int_eq(recorded_at(&loads, 0), PTHREAD_CANCEL_DISABLE);
	ck_assert_int_eq(recorded_at(&loads, 1), 0);
	ck_assert_int_eq(recorded_at(&loads, 2), 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	ck_assert_int_eq(state, PTHREAD_CANCEL_ENABLE);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
}
END_TEST

START_TEST(the_library_stays)
{
	void *own;

	start(1, 0);
	own = dlopen(PLUGIN, RTLD_NOW);
	ck_assert_ptr_nonnull(own);
	for (int i = 0; i < 3; i++)
		ok(spawn_symbol(PLUGIN, "plugin_double", PTJ_INFINITE, NULL));
	ptj_scheduler_cleanup(&s);
	/* Whoever closes it more often than it was opened does not unmap it. */
	for (int i = 0; i < 6; i++)
		dlclose(own);
	ck_assert_int_eq(plugin_is_loaded(), 1);
	ck_assert_uint_eq(recorded_times(&released, 21), 3);
}
END_TEST

static void *job_spawn_symbol(void *code)
{
	*(int *)code = spawn_symbol(PLUGIN, "plugin_double", PTJ_INFINITE, NULL);
	return NULL;
}

START_TEST(a_job_may_do_it)
{
	int code = -1;

	start(1, 0);
	spawn_n(s, 1, job_spawn_symbol, &code);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ok(code);
	ck_assert_uint_eq(recorded_times(&released, 21), 1);
	ptj_scheduler_free(s);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, a_function_of_a_library_is_a_job);
	tcase_add_test(tc, a_function_of_the_program_is_a_job);
	tcase_add_loop_test(tc, what_is_not_there_has_an_error_of_its_own, 0, 5);
	tcase_add_test(tc, bad_arguments_and_a_closed_scheduler_load_nothing);
	tcase_add_test(tc, a_full_line_refuses_it);
	tcase_add_test(tc, the_library_is_loaded_without_a_lock_and_with_cancellation_disabled);
	tcase_add_test(tc, the_library_stays);
	tcase_add_test(tc, a_job_may_do_it);
}

int main(void)
{
	return run_tests("symbol", add);
}
