/* What the stress programs share: a seed, chance, and the end at the first broken promise.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_H
#define PTJOBS_TESTS_STRESS_H

#include <stdatomic.h>
#include <stdint.h>

enum { PATIENCE_MS = 120000 /* passes only when something is broken */ };

/* For a function that a cancellation unwinds while the address of one of its locals is known:
   AddressSanitizer leaves such a frame poisoned for the frames that come after it. */
#define UNWOUND __attribute__((no_sanitize_address))

#define must(condition)                                         \
	do {                                                    \
		if (!(condition))                               \
			broken(__FILE__, __LINE__, #condition); \
	} while (0)

_Noreturn void broken(const char *file, int line, const char *what);

/* Sets the seed, from PTJ_SEED or as the clock has it, and prints it; returns how many rounds
   PTJ_STRESS asks for.  The process is killed when they take longer than stall_s seconds each. */
long stress_begin(long rounds, unsigned stall_s);

uint64_t stress_seed(void);

/* Looks again and again, until count is 0. */
void stress_await_zero(const atomic_int *count);

/* Less than n; each thread has a state of its own, which is not 0. */
unsigned choose(uint64_t *state, unsigned n);

#endif
