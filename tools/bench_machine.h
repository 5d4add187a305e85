/* The machine that was measured on.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>
#include <sys/utsname.h>

struct machine {
	char processor[128]; /* "" if not known */
	long processors;     /* that are online */
	size_t memory;       /* bytes */
	struct utsname system;
};

struct machine machine_describe(void);

#endif
