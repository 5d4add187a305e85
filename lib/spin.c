/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "spin.h"

#include "deadline.h"
#include "per_thread.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* Checked by tests/test_spin.c. */
enum {
	SPIN_US = 50,
	LOOKS = 16,         /* between two looks at the clock */
	MISSES_ALLOWED = 4, /* in a row */
	TRIED_ONE_IN = 32   /* after those */
};

/* The calling thread's, as far as it spins. */
static PER_THREAD unsigned misses, passed_over;

/* How many threads spin, and may.  Relaxed: they bound a cost and guard nothing.  The second is 0
   until somebody has counted the processors. */
static atomic_int spinning;
static atomic_int most;

/* The process's, as its first thread has them: the calling thread may be pinned to one. */
static int count_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(getpid(), sizeof(set), &set) == 0
	               ? CPU_COUNT(&set)
	               : (int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* -1: none may. */
static int most_spinning(void)
{
	int n = atomic_load_explicit(&most, memory_order_relaxed);

	if (n == 0) {
		n = count_processors() / 2;
		if (n < 1)
			n = -1;
		atomic_store_explicit(&most, n, memory_order_relaxed);
	}
	return n;
}

void spin_in_child(void)
{
	atomic_store_explicit(&spinning, 0, memory_order_relaxed);
}

static bool is_worth_it(void)
{
	return misses < MISSES_ALLOWED || ++passed_over % TRIED_ONE_IN == 0;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#endif
}

static bool comes_soon(bool (*is)(const void *what), const void *what)
{
	deadline until = deadline_in_us(SPIN_US);
	int i;

	do {
		for (i = 0; i < LOOKS; i++) {
			if (is(what))
				return true;
			relax();
		}
	} while (!deadline_passed(until));
	return false;
}

void spin_until(bool (*is)(const void *what), const void *what)
{
	if (!is_worth_it())
		return;
	if (atomic_fetch_add_explicit(&spinning, 1, memory_order_relaxed) < most_spinning())
		misses = comes_soon(is, what) ? 0 : misses + 1;
	atomic_fetch_sub_explicit(&spinning, 1, memory_order_relaxed);
}
