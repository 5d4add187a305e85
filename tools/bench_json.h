/* The results as JSON for programs, with every run's figures.

	{"ptjobs": "0.1.0", "date": "2026-11-21T10:00:00Z", "runs": 5, "short": false,
	 "machine": {"processor": ..., "processors": ..., "memory_bytes": ..., "system": ...},
	 "peers": [{"name": "glib", "title": ..., "state": ..., "version": ...}, ...],
	 "results": [{"workload": "empty", "title": ..., "workers": ..., "producers": ...,
	              "time_ns": ..., "pending_limit": ..., "jobs": ..., "peer": "glib",
	              "state": ..., "figures": {"million_jobs_per_s": {"median": ..., "least": ...,
	              "most": ..., "ratio": ..., "runs": [...]}, ...}}, ...]}

   A state is "measured", "cannot", "failed", in results with a reason, or "absent".  A number that
   is not known is null.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include "bench_results.h"

#include <stdio.h>

void json_write(const struct results *r, FILE *to);

#endif
