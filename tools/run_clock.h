/* Time as `ptjobs run` counts it: milliseconds on CLOCK_MONOTONIC.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_CLOCK_H
#define RUN_CLOCK_H

#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_now(void);

/* The moment ms from now; PTJ_INFINITE is CLOCK_NEVER. */
int64_t clock_after(int64_t ms);

/* How long poll() is to wait until then: at least 0, and -1 for CLOCK_NEVER. */
int clock_poll_timeout(int64_t until);

#endif
