/* Waits for all jobs of a pool that cannot: the jobs are counted, as a program would do that uses
   such a pool.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef COUNT_H
#define COUNT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* There will be so many jobs, and more than none. */
void count_start(size_t jobs);

/* Called by each job at its end. */
void count_one(void);

/* Waits for the last. */
void count_wait(void);

#ifdef __cplusplus
}
#endif

#endif
