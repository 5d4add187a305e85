/* SPDX-License-Identifier: Apache-2.0 */

#include "stress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed;

void broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not %s (seed %" PRIu64 ")\n", file, line, what, seed);
	abort();
}

static long number_from(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? strtol(text, NULL, 0) : otherwise;
}

long stress_begin(long rounds, unsigned stall_s)
{
	rounds = number_from("PTJ_STRESS", rounds);
	seed = (uint64_t)number_from("PTJ_SEED", (long)time(NULL) ^ ((long)getpid() << 20));
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	alarm(stall_s * (unsigned)(rounds > 0 ? rounds : 1));
	return rounds;
}

uint64_t stress_seed(void)
{
	return seed;
}

void stress_await_zero(const atomic_int *count)
{
	int ms;

	for (ms = 0; atomic_load(count) != 0; ms++) {
		must(ms < PATIENCE_MS);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

/* xorshift64*. */
unsigned choose(uint64_t *state, unsigned n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (unsigned)((*state * UINT64_C(2685821657736338717)) >> 33) % n;
}
