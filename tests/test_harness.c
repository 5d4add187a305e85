/* The suites themselves: a test whose job fails, hangs, dies or leaks must fail the run.

   Each bad test runs in a suite of its own, in Check's fork mode; the harness is good if every
   one of them is counted as failed, and the good one is not.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <fcntl.h>
#include <stdio.h>

enum { HANG_TIMEOUT_S = 2 };

static void *job_abort(void *arg)
{
	(void)arg;
	abort();
}

static void *job_crash(void *arg)
{
	*(volatile char *)arg = 1;
	return NULL;
}

static void *job_exit_the_process(void *arg)
{
	(void)arg;
	exit(EXIT_SUCCESS);
}

static void *job_leak_a_descriptor(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)open("/dev/null", O_RDONLY);
}

static void run_job(ptj_job_fn fn)
{
	ptj_scheduler *s = make_simple(1, 1);
	ptj_job *job = spawn(s, fn, NULL);

	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}

START_TEST(good)
{
	run_job(job_identity);
}
END_TEST

START_TEST(failing)
{
	run_job(job_fail_eio);
}
END_TEST

START_TEST(aborting)
{
	run_job(job_abort);
}
END_TEST

START_TEST(crashing)
{
	run_job(job_crash);
}
END_TEST

START_TEST(hanging)
{
	run_job(job_sleep_forever);
}
END_TEST

START_TEST(exiting)
{
	run_job(job_exit_the_process);
}
END_TEST

START_TEST(asserting_falsely)
{
	ptj_scheduler *s = make_simple(1, 1);

	expect(ETIMEDOUT, ptj_scheduler_wait(s, 0));
	ptj_scheduler_free(s);
}
END_TEST

/* LeakSanitizer says so when the process ends; without it only test_faults would. */
START_TEST(leaking)
{
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_nonnull(make_simple(1, 1));
}
END_TEST

START_TEST(leaking_a_descriptor)
{
	run_job(job_leak_a_descriptor);
}
END_TEST

static int silently(SRunner *sr)
{
	int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY), failed;

	fflush(NULL);
	dup2(null, 1);
	dup2(null, 2);
	srunner_run_all(sr, CK_SILENT);
	failed = srunner_ntests_failed(sr);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(null);
	return failed;
}

static int fails(const TTest *test)
{
	Suite *s = suite_create("bad");
	TCase *tc = tcase_create("bad");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, HANG_TIMEOUT_S);
	add_fixture(tc);
	tcase_add_test(tc, test);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_set_fork_status(sr, CK_FORK);
	failed = silently(sr);
	srunner_free(sr);
	return failed;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static int leaks_are_found(void)
{
#if defined(__SANITIZE_ADDRESS__)
	const char *options = getenv("ASAN_OPTIONS");

	return !options || !strstr(options, "detect_leaks=0");
#else
	return 0;
#endif
}

int main(void)
{
	const struct {
		const char *name;
		const TTest *test;
		int fails;
	} cases[] = {
		{"good", good, 0},
		{"failing", failing, 1},
		{"aborting", aborting, 1},
		{"crashing", crashing, 1},
		{"hanging", hanging, 1},
		{"exiting", exiting, 1},
		{"asserting falsely", asserting_falsely, 1},
		{"leaking", leaking, leaks_are_found()},
		{"leaking a descriptor", leaking_a_descriptor, 1},
	};
	int wrong = 0;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int failed = fails(cases[i].test);

		if (failed == cases[i].fails)
			continue;
		fprintf(stderr, "a test that is %s %s the run\n", cases[i].name,
		        failed ? "fails" : "does not fail");
		wrong++;
	}
	return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
