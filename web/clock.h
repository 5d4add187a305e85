/* Points in time: milliseconds on CLOCK_MONOTONIC.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_now(void);

/* timeout_ms from now: PTJ_INFINITE, and what lies beyond the clock's range, is never. */
int64_t clock_after(int64_t timeout_ms);

/* What is left until then, at least 0; PTJ_INFINITE for never. */
int64_t clock_left(int64_t at);

/* What is left as poll() and epoll_wait() take it: rounded up, -1 for never. */
int clock_poll(int64_t at);

struct timespec clock_timespec(int64_t at);

#endif
