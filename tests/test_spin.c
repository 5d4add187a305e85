/* Looking before sleeping: who is unlucky stops looking, who is lucky goes on.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "spin.h"

#include <sched.h>

static int looks;

static bool never(const void *what)
{
	(void)what;
	looks++;
	return false;
}

static bool at_the_third_look(const void *what)
{
	(void)what;
	return ++looks >= 3;
}

/* How often it looked. */
static int spin(bool (*is)(const void *what))
{
	looks = 0;
	spin_until(is, NULL);
	return looks;
}

static bool one_processor(void)
{
	cpu_set_t set;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	return CPU_COUNT(&set) == 1;
}

START_TEST(looks_until_it_is_so)
{
	ck_assert_int_eq(spin(at_the_third_look), one_processor() ? 0 : 3);
}
END_TEST

START_TEST(looks_in_vain_become_few)
{
	int i, tried;

	for (i = 0, tried = 0; i < 320; i++)
		tried += spin(never) > 0;
	ck_assert_int_eq(tried, one_processor() ? 0 : 4 + 316 / 32);
}
END_TEST

START_TEST(luck_makes_it_look_again)
{
	int i, tried;

	for (i = 0; i < 4; i++)
		spin(never);
	for (i = 0, tried = 0; i < 32; i++)
		tried += spin(at_the_third_look) == 3;
	/* The 32nd was tried, and had luck. */
	ck_assert_int_eq(tried, one_processor() ? 0 : 1);
	ck_assert_int_eq(spin(at_the_third_look), one_processor() ? 0 : 3);
}
END_TEST

START_TEST(one_processor_is_not_spent_on_it)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	ck_assert_int_ge(cpu, 0);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
	ck_assert_int_eq(spin(never), 0);
}
END_TEST

static struct gate gate;

static bool at_the_gate(const void *what)
{
	(void)what;
	gate_pass(&gate);
	return true;
}

static int spin_at_the_gate(struct caller *c)
{
	(void)c;
	spin_until(at_the_gate, NULL);
	return 0;
}

START_TEST(half_of_the_processors_are_left)
{
	enum { CPUS_MAX = CPU_SETSIZE };
	static struct caller callers[CPUS_MAX / 2];
	cpu_set_t set;
	int n, i;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	n = CPU_COUNT(&set) / 2;
	gate_init(&gate);
	for (i = 0; i < n; i++)
		caller_start(&callers[i], spin_at_the_gate);
	gate_await(&gate, n);
	ck_assert_int_eq(spin(at_the_third_look), 0);
	gate_open(&gate);
	for (i = 0; i < n; i++)
		ok(caller_join(&callers[i]));
	gate_destroy(&gate);
	ck_assert_int_eq(spin(at_the_third_look), one_processor() ? 0 : 3);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, looks_until_it_is_so);
	tcase_add_test(tc, looks_in_vain_become_few);
	tcase_add_test(tc, luck_makes_it_look_again);
	tcase_add_test(tc, one_processor_is_not_spent_on_it);
	tcase_add_test(tc, half_of_the_processors_are_left);
}

int main(void)
{
	return run_tests("spin", add);
}
