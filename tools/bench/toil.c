/* SPDX-License-Identifier: Apache-2.0 */

#include "meter.h"
#include "toil.h"

#define TRIALS 50
#define TRIAL_ROUNDS 20000

static uint64_t rounds; /* read-only while threads run */

/* Each round needs the result of the one before, and the compiler cannot tell the result. */
static void compute(uint64_t n)
{
	uint64_t x = n;

	while (n--) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x));
	}
}

/* What is not the fastest trial was interrupted. */
void toil_prepare(int64_t ns)
{
	int64_t best = INT64_MAX;

	if (ns == 0)
		return;
	for (int i = 0; i < TRIALS; i++) {
		int64_t start = meter_now(), took;

		compute(TRIAL_ROUNDS);
		took = meter_now() - start;
		if (took < best)
			best = took;
	}
	rounds = (uint64_t)((double)ns * TRIAL_ROUNDS / (double)best + 0.5);
}

void toil(void)
{
	compute(rounds);
}
