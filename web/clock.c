/* SPDX-License-Identifier: Apache-2.0 */

#include "clock.h"

#include <limits.h>
#include <ptjobs.h>

int64_t clock_now(void)
{
	struct timespec now;

	/* It cannot fail with this clock. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_after(int64_t timeout_ms)
{
	int64_t now = clock_now();

	return timeout_ms < 0 || timeout_ms > CLOCK_NEVER - now ? CLOCK_NEVER : now + timeout_ms;
}

int64_t clock_left(int64_t at)
{
	int64_t now;

	if (at == CLOCK_NEVER)
		return PTJ_INFINITE;
	now = clock_now();
	return at > now ? at - now : 0;
}

int clock_poll(int64_t at)
{
	int64_t left = clock_left(at);

	if (left <= 0)
		return (int)left;
	/* The clock was rounded down. */
	return left < INT_MAX ? (int)left + 1 : INT_MAX;
}

struct timespec clock_timespec(int64_t at)
{
	return (struct timespec){.tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000};
}
