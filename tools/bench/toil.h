/* Computing for a given time.

   A job of 10 µs is a number of rounds of a loop and not a look at the clock until 10 µs have
   passed: with more threads than processors the latter would end early, while others run.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef TOIL_H
#define TOIL_H

#include <stdint.h>

/* Finds out how many rounds of the loop take ns.  Not from two threads at once. */
void toil_prepare(int64_t ns);

/* Computes for about as long. */
void toil(void);

#endif
