/* Looking for a moment whether something happens, before the thread sleeps until it does.

   A thread that sleeps on an otherwise idle processor takes 20 to 60 us to be back, and who spawns
   jobs one by one and waits for each pays that twice a job.  Looking for as long as a wake-up takes
   costs at most twice what the better of the two would have (Karlin, Manasse, McGeoch and Owicki,
   "Competitive randomized algorithms for nonuniform problems", SODA 1990).  Two rules keep that
   seldom: a thread that looked in vain a few times in a row sleeps at once, all but one time in
   many, until it is lucky; and at most half of the processors are looked from, none if there is
   but one.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef SPIN_H
#define SPIN_H

#include <stdbool.h>

/* Looks at what is() says about what until it is true, or it is time to sleep.  No lock held. */
void spin_until(bool (*is)(const void *what), const void *what);

/* In the child of a fork: the parent's threads that were looking are not there. */
void spin_in_child(void);

#endif
