/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_clock.h"

#include <limits.h>
#include <ptjobs.h>
#include <time.h>

int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_after(int64_t ms)
{
	return ms == PTJ_INFINITE ? CLOCK_NEVER : clock_now() + ms;
}

int clock_poll_timeout(int64_t until)
{
	int64_t left;

	if (until == CLOCK_NEVER)
		return -1;
	left = until - clock_now();
	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}
