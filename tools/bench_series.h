/* What is known of one peer in one row: its samples, and the figures that users see.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include "bench_rows.h"
#include "bench_sample.h"

#define REASON_MAX 96

enum series_state {
	SERIES_UNSELECTED, /* -p or -w leaves it out */
	SERIES_ABSENT,     /* there is no program */
	SERIES_CANNOT,     /* the peer has no such thing */
	SERIES_FAILED,     /* a run failed, and so no figure is shown */
	SERIES_MEASURED
};

struct series {
	enum series_state state;
	size_t jobs; /* that the peer was given */
	size_t count;
	struct sample *samples;
	char reason[REASON_MAX]; /* of a failure */
};

/* A figure, computed from a sample.  A peer's ratio is its median in that of ptjobs. */
struct figure {
	const char *name; /* in JSON */
	const char *head; /* in the table */
	int digits;       /* after the point */
	bool main;        /* the table has its spread and ratio, too */
	double (*of)(const struct row *row, const struct series *series,
	             const struct sample *sample);
};

struct spread {
	bool known;
	double median, least, most;
};

/* The figures of a row, up to one without a name. */
const struct figure *figures_of(const struct row *row);

double figure_of(const struct figure *figure, const struct row *row, const struct series *series,
                 size_t sample);
struct spread figure_spread(const struct figure *figure, const struct row *row,
                            const struct series *series);

/* Takes one more sample, unless one has failed before. */
void series_add(struct series *series, char **args, int64_t timeout_ms);
void series_destroy(struct series *series);

#endif
