/* Points in time.  Timeouts are relative milliseconds only at the edge of the API; inside, every
   wait has one absolute deadline, so that a wait which is resumed does not grow.

   A deadline is nanoseconds on CLOCK_MONOTONIC.  When that cannot be read, which a sandbox may
   bring about, every deadline but DEADLINE_NEVER has passed: a wait with a timeout ends early then,
   where the alternative would be never.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef int64_t deadline;

#define DEADLINE_NEVER INT64_MAX
#define DEADLINE_PAST ((deadline)0)

/* timeout_ms from now.  PTJ_DEFAULT stands for default_ms, PTJ_INFINITE for never, and so does
   what lies beyond the clock's range.  EINVAL for other negative values. */
int deadline_from_timeout(int64_t timeout_ms, int64_t default_ms, deadline *out);

bool deadline_passed(deadline at);
deadline deadline_earlier(deadline a, deadline b);
deadline deadline_in_ms(int64_t ms);
deadline deadline_in_us(int us);

/* at must not be DEADLINE_NEVER.  The second is on CLOCK_REALTIME, as that stands now. */
struct timespec deadline_timespec(deadline at);
struct timespec deadline_realtime(deadline at);

#endif
