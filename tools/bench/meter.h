/* What a process has used, and the lines that report it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef METER_H
#define METER_H

#include <stddef.h>
#include <stdint.h>

struct meter {
	int64_t wall_ns, cpu_ns;
	int64_t voluntary, involuntary; /* context switches */
};

/* The time on CLOCK_MONOTONIC. */
int64_t meter_now(void);

struct meter meter_read(void);

/* Writes what was used since `before` as figures of the protocol. */
void meter_report(const struct meter *before, const struct meter *after);
void meter_report_latencies(const int64_t *ns, size_t n);

/* The bytes of memory that the process has touched, without those of files. */
size_t meter_memory(void);

#endif
