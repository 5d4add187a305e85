/* Parkers and monitors: no wake-up is lost, none comes while the monitor is held, and a parker
   stays until those who are about to wake it have done so.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "parker.h"

static struct monitor monitor;
static struct parker parker;

static void set_up(void)
{
	monitor_init(&monitor);
	parker_init(&parker);
}

static void wake(void)
{
	monitor_lock(&monitor);
	parker_wake(&parker);
	monitor_unlock(&monitor);
}

static int posted(void)
{
	int value;

	ck_assert_int_eq(sem_getvalue(&parker.sem, &value), 0);
	return value;
}

START_TEST(wakes_that_come_before_the_park_are_one)
{
	wake();
	wake();
	ck_assert_int_eq(posted(), 1);
	parker_park(&parker, DEADLINE_NEVER);
	ck_assert_int_eq(posted(), 0);
	wake();
	parker_park(&parker, deadline_in_ms(PATIENCE_MS));
	ck_assert_int_eq(posted(), 0);
	parker_destroy(&parker);
}
END_TEST

START_TEST(wakes_come_when_the_monitor_is_released)
{
	monitor_lock(&monitor);
	parker_wake(&parker);
	ck_assert_int_eq(posted(), 0);
	monitor_unlock(&monitor);
	ck_assert_int_eq(posted(), 1);
	parker_destroy(&parker);
}
END_TEST

START_TEST(a_park_ends_at_its_deadline)
{
	int64_t start = now_ms();

	parker_park(&parker, deadline_in_ms(SHORT_MS));
	expect_took(start, SHORT_MS);
	parker_park(&parker, DEADLINE_PAST);
	wake();
	parker_park(&parker, DEADLINE_PAST);
	ck_assert_int_eq(posted(), 0);
	parker_destroy(&parker);
}
END_TEST

START_TEST(many_are_woken_at_once)
{
	struct parker others[10];
	size_t i;

	monitor_lock(&monitor);
	for (i = 0; i < 10; i++) {
		parker_init(&others[i]);
		parker_wake(&others[i]);
	}
	monitor_unlock(&monitor);
	for (i = 0; i < 10; i++) {
		parker_park(&others[i], DEADLINE_NEVER);
		parker_destroy(&others[i]);
	}
}
END_TEST

START_TEST(a_thread_that_woke_itself_may_destroy_the_parker)
{
	monitor_lock(&monitor);
	parker_wake(&parker);
	parker_destroy(&parker);
	monitor_unlock(&monitor);
}
END_TEST

static int destroy_it(struct caller *c)
{
	(void)c;
	parker_destroy(&parker);
	return 0;
}

START_TEST(a_parker_stays_until_it_was_posted)
{
	struct caller c = {0};

	monitor_lock(&monitor);
	parker_wake(&parker);
	caller_start(&c, destroy_it);
	caller_await_blocked(&c);
	ck_assert(!caller_done(&c));
	monitor_unlock(&monitor);
	ok(caller_join(&c));
}
END_TEST

static int park_it(struct caller *c)
{
	(void)c;
	parker_park(&parker, DEADLINE_NEVER);
	return 0;
}

/* The wake-up comes late, to one that is cancelled: the next to park there has it. */
START_TEST(a_cancelled_park_takes_no_wake_up)
{
	struct caller c = {0};

	caller_start(&c, park_it);
	caller_await_blocked(&c);
	monitor_lock(&monitor);
	parker_wake(&parker);
	ok(pthread_cancel(c.thread));
	ck_assert_int_eq(caller_join(&c), CALLER_CANCELLED);
	monitor_unlock(&monitor);
	parker_park(&parker, DEADLINE_NEVER);
	parker_destroy(&parker);
}
END_TEST

enum { TURNS = 200000 };

/* Whose turn it is, set under the monitor, looked at without. */
static struct player {
	struct parker parker;
	atomic_int turn;
	struct player *other;
} players[2];

static int play(struct caller *c)
{
	struct player *me = c->arg;
	int turn;

	for (turn = 1; turn <= TURNS; turn++) {
		while (atomic_load(&me->turn) < turn)
			parker_park(&me->parker, DEADLINE_NEVER);
		monitor_lock(&monitor);
		atomic_fetch_add(&me->other->turn, 1);
		parker_wake(&me->other->parker);
		monitor_unlock(&monitor);
	}
	return 0;
}

/* However long all turns take where the schedule is disturbed, there is always a next one. */
static void await_turns(struct caller *c)
{
	int turn;

	while (!caller_done(c)) {
		turn = atomic_load(&players[0].turn);
		await(caller_done(c) || atomic_load(&players[0].turn) != turn);
	}
}

/* A wake-up that is lost leaves both asleep. */
START_TEST(no_wake_up_is_lost)
{
	struct caller c[2] = {{.arg = &players[0]}, {.arg = &players[1]}};
	int i;

	for (i = 0; i < 2; i++) {
		parker_init(&players[i].parker);
		players[i].other = &players[1 - i];
	}
	/* Each has two turns ahead, so that wakes meet parks at all moments. */
	atomic_store(&players[0].turn, 2);
	atomic_store(&players[1].turn, 1);
	for (i = 0; i < 2; i++)
		caller_start(&c[i], play);
	for (i = 0; i < 2; i++) {
		await_turns(&c[i]);
		ok(caller_join(&c[i]));
	}
	for (i = 0; i < 2; i++)
		parker_destroy(&players[i].parker);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, wakes_that_come_before_the_park_are_one);
	tcase_add_test(tc, wakes_come_when_the_monitor_is_released);
	tcase_add_test(tc, a_park_ends_at_its_deadline);
	tcase_add_test(tc, many_are_woken_at_once);
	tcase_add_test(tc, a_thread_that_woke_itself_may_destroy_the_parker);
	tcase_add_test(tc, a_parker_stays_until_it_was_posted);
	tcase_add_test(tc, a_cancelled_park_takes_no_wake_up);
	tcase_add_test(tc, no_wake_up_is_lost);
}

int main(void)
{
	return run_tests("parker", add);
}
