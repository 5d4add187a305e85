/* SPDX-License-Identifier: Apache-2.0 */

#include "tally.h"

#include <errno.h>
#include <stdatomic.h>

const char *const tally_kind_names[] = {"read", "write", "report", "import"};
const char *const tally_outcome_names[] = {"done", "failed", "cancelled"};

/* Each is only counted up, and orders nothing else: relaxed. */
static _Atomic uint64_t counts[TALLY_KINDS][TALLY_OUTCOMES];

void tally_add(enum tally_kind kind, int error)
{
	enum tally_outcome outcome = TALLY_FAILED;

	if (error == 0)
		outcome = TALLY_DONE;
	else if (error == ECANCELED)
		outcome = TALLY_CANCELLED;
	atomic_fetch_add_explicit(&counts[kind][outcome], 1, memory_order_relaxed);
}

uint64_t tally_get(enum tally_kind kind, enum tally_outcome outcome)
{
	return atomic_load_explicit(&counts[kind][outcome], memory_order_relaxed);
}

uint64_t tally_sum(enum tally_outcome outcome)
{
	uint64_t sum = 0;
	int kind;

	for (kind = 0; kind < TALLY_KINDS; kind++)
		sum += tally_get((enum tally_kind)kind, outcome);
	return sum;
}
