/* Where the workers of a queue without a lock sleep.

   One worker at most is being woken: whoever finds that one is under way leaves it at that, and
   that worker, once awake and with a job in hand, wakes the next if there is more work.  Waking
   more eagerly costs several times the rate.

   Why no worker sleeps beside a full queue.  A worker counts itself idle and then looks at the
   queue once more; a producer fills the queue and then looks at the count; a full fence stands
   between the two steps of either, so one of them sees the other.  A producer that is content
   with a worker under way is served by it: that worker ends being under way before it looks.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef DOZE_H
#define DOZE_H

#include <stdbool.h>

/* After something was put into the queue, and by a worker that took something from it. */
void doze_wake_one(void);

/* Sleeps until woken; returns at once if ready() says that there is something in the queue, and
   false once doze_end() was called and there is nothing. */
bool doze(bool (*ready)(void));

/* Wakes all, for good. */
void doze_end(void);

#endif
