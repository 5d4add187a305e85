/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "deadline.h"

#include <errno.h>
#include <ptjobs.h>

#define NS_PER_US 1000
#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

/* What no clock shows. */
#define UNREADABLE ((int64_t)0)

static int64_t read_clock(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		return UNREADABLE;
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static deadline now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

deadline deadline_in_ms(int64_t ms)
{
	deadline start;

	if (ms == 0)
		return DEADLINE_PAST;
	start = now();
	if (start == UNREADABLE)
		return DEADLINE_PAST;
	if (ms > (DEADLINE_NEVER - start) / NS_PER_MS)
		return DEADLINE_NEVER;
	return start + ms * NS_PER_MS;
}

deadline deadline_in_us(int us)
{
	deadline start = now();

	return start == UNREADABLE ? DEADLINE_PAST : start + (deadline)us * NS_PER_US;
}

int deadline_from_timeout(int64_t timeout_ms, int64_t default_ms, deadline *out)
{
	if (timeout_ms == PTJ_DEFAULT)
		timeout_ms = default_ms;
	if (timeout_ms < PTJ_INFINITE)
		return EINVAL;
	*out = timeout_ms == PTJ_INFINITE ? DEADLINE_NEVER : deadline_in_ms(timeout_ms);
	return 0;
}

bool deadline_passed(deadline at)
{
	deadline present;

	if (at == DEADLINE_NEVER)
		return false;
	if (at == DEADLINE_PAST)
		return true;
	present = now();
	return present == UNREADABLE || at <= present;
}

deadline deadline_earlier(deadline a, deadline b)
{
	return a < b ? a : b;
}

/* Where a time_t has 32 bits, the last second it knows stands for all later ones. */
struct timespec deadline_timespec(deadline at)
{
	int64_t exact = at / NS_PER_S;
	time_t seconds = (time_t)exact;

	if (seconds != exact)
		seconds = INT32_MAX;
	return (struct timespec){.tv_sec = seconds, .tv_nsec = (long)(at % NS_PER_S)};
}

struct timespec deadline_realtime(deadline at)
{
	int64_t real = read_clock(CLOCK_REALTIME);
	deadline present = now();

	if (real == UNREADABLE || present == UNREADABLE)
		return deadline_timespec(DEADLINE_PAST);
	if (at - present > INT64_MAX - real)
		return deadline_timespec(INT64_MAX);
	return deadline_timespec(real + (at - present));
}
