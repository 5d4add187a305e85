/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_peers.h"
#include "bench_results.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int results_init(struct results *r, const struct bench_options *options)
{
	r->options = options;
	r->series = calloc(bench_rows_count * bench_peers_count, sizeof(*r->series));
	return r->series ? 0 : ENOMEM;
}

void results_destroy(struct results *r)
{
	for (size_t i = 0; i < bench_rows_count * bench_peers_count; i++)
		series_destroy(&r->series[i]);
	free(r->series);
}

struct series *results_series(const struct results *r, size_t row, size_t peer)
{
	return &r->series[row * bench_peers_count + peer];
}

bool results_have_row(const struct results *r, size_t row)
{
	for (size_t peer = 0; peer < bench_peers_count; peer++) {
		enum series_state state = results_series(r, row, peer)->state;

		if (state != SERIES_UNSELECTED && state != SERIES_ABSENT)
			return true;
	}
	return false;
}

const char *results_version(const struct results *r, size_t peer)
{
	for (size_t row = 0; row < bench_rows_count; row++) {
		const struct series *s = results_series(r, row, peer);

		if (s->count)
			return s->samples[0].version;
	}
	return "";
}

enum series_state results_peer_state(const struct results *r, size_t peer)
{
	enum series_state state = SERIES_UNSELECTED;

	for (size_t row = 0; row < bench_rows_count; row++) {
		enum series_state of_row = results_series(r, row, peer)->state;

		if (of_row == SERIES_ABSENT)
			state = SERIES_ABSENT;
		else if (of_row != SERIES_UNSELECTED)
			return SERIES_MEASURED;
	}
	return state;
}

double results_ratio(const struct results *r, size_t row, size_t peer, const struct figure *figure)
{
	struct spread ours = figure_spread(figure, &bench_rows[row], results_series(r, row, 0));
	struct spread its = figure_spread(figure, &bench_rows[row], results_series(r, row, peer));

	/* A figure of 0 has no ratio to anything. */
	if (!ours.known || !its.known || !(ours.median > 0 || ours.median < 0))
		return (double)NAN;
	return its.median / ours.median;
}
