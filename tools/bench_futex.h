/* Counts the futex system calls of the programs that are started meanwhile, by the kernel's own
   counter for them, which root may use.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_FUTEX_H
#define BENCH_FUTEX_H

#include <stdbool.h>

/* For futex_count_end(), whatever it returns. */
int futex_count_begin(void);

/* How many calls there were, by programs that have ended.  False where nobody counted them. */
bool futex_count_end(int counter, double *calls);

#endif
