/* The command line of `ptjobs bench`.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench_rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_options {
	const char *programs;  /* the folder of the peers' programs; NULL for the usual one */
	const char *peers;     /* names with commas between them; NULL for all */
	const char *workloads; /* the same */
	const char *json;      /* a file, - for standard output, or NULL */
	const char *plots;     /* a folder or NULL */
	size_t jobs;           /* at most so many in each row */
	size_t runs;
	int64_t timeout_ms; /* of each run */
	bool short_form;
	bool list; /* what there is, in place of a measurement */
};

enum bench_answer {
	BENCH_OK,
	BENCH_HELP, /* was asked for; options is not filled in */
	BENCH_WRONG /* and a sentence on standard error says why */
};

enum bench_answer bench_options_parse(struct bench_options *options, int argc, char **argv);

bool bench_options_want_row(const struct bench_options *options, const struct row *row);
bool bench_options_want_peer(const struct bench_options *options, const char *name);

/* How many jobs of the row a peer is given that takes one in share. */
size_t bench_options_jobs(const struct bench_options *options, const struct row *row, size_t share);

/* What `ptjobs bench --help` shows. */
extern const char bench_options_help[];

#endif
