/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_progress.h"

#include <inttypes.h>
#include <stdio.h>

static void describe_left(double seconds, char *buf, size_t size)
{
	uint64_t s = (uint64_t)(seconds + 0.5);

	if (s >= 3600)
		snprintf(buf, size, ", %" PRIu64 ":%02u:%02u left", s / 3600,
		         (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	else
		snprintf(buf, size, ", %u:%02u left", (unsigned)(s / 60), (unsigned)(s % 60));
}

void progress_describe(ptj_scheduler *s, struct tally *tally, char *buf, size_t size)
{
	struct counts n = tally_counts(tally);
	double rate = tally_rate(tally, &n);
	char done[64], left[48] = "";

	if (n.total)
		snprintf(done, sizeof(done), "%" PRIu64 " of %" PRIu64, n.done, n.total);
	else
		snprintf(done, sizeof(done), "%" PRIu64, n.done);
	if (n.done && n.done <= n.total)
		describe_left((double)(n.total - n.done) / rate, left, sizeof(left));
	snprintf(buf, size, "%zu active, %zu pending, %s done, %" PRIu64 " failed, %.1f/s%s",
	         ptj_scheduler_active_count(s), ptj_scheduler_pending_count(s), done, n.failed,
	         rate, left);
}
