/* All that was measured.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "bench_options.h"
#include "bench_series.h"

#include <stdbool.h>
#include <stddef.h>

struct results {
	const struct bench_options *options;
	struct series *series; /* for each row of bench_rows[] one of each peer of bench_peers[] */
};

/* Returns an errno value. */
int results_init(struct results *r, const struct bench_options *options);
void results_destroy(struct results *r);

/* The series of a row and a peer, by their numbers. */
struct series *results_series(const struct results *r, size_t row, size_t peer);

/* Whether any peer's series of the row was to be measured. */
bool results_have_row(const struct results *r, size_t row);

/* What the peer called itself when it was last measured, or "". */
const char *results_version(const struct results *r, size_t peer);

/* The peer's state over all rows: SERIES_ABSENT, SERIES_UNSELECTED, or else SERIES_MEASURED. */
enum series_state results_peer_state(const struct results *r, size_t peer);

/* A figure of the series in that of ptjobs, both medians; NAN where either is not known. */
double results_ratio(const struct results *r, size_t row, size_t peer, const struct figure *figure);

#endif
