/* The text of the progress line:

	4 active, 10 pending, 120 of 1000 done, 2 failed, 51.2/s, 0:17 left

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_PROGRESS_H
#define RUN_PROGRESS_H

#include "run_tally.h"

#include <ptjobs.h>

/* Without what is left where the number of jobs is not known. */
void progress_describe(ptj_scheduler *s, struct tally *tally, char *buf, size_t size);

#endif
