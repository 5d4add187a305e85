/* Counts the jobs that have ended, which their scheduler forgets.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>

enum tally_kind { TALLY_READ, TALLY_WRITE, TALLY_REPORT, TALLY_IMPORT, TALLY_KINDS };
enum tally_outcome { TALLY_DONE, TALLY_FAILED, TALLY_CANCELLED, TALLY_OUTCOMES };

extern const char *const tally_kind_names[TALLY_KINDS];
extern const char *const tally_outcome_names[TALLY_OUTCOMES];

/* A job of this kind is over; error is what it returned. */
void tally_add(enum tally_kind kind, int error);

uint64_t tally_get(enum tally_kind kind, enum tally_outcome outcome);

/* The same for all kinds. */
uint64_t tally_sum(enum tally_outcome outcome);

#endif
