/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_machine.h"
#include "bench_peers.h"
#include "bench_table.h"

#include <math.h>
#include <ptjobs.h>
#include <string.h>

#define SPREAD_MAX 32

void table_list(const struct results *r, FILE *to)
{
	const char *last = "";

	fputs("peers:\n", to);
	for (size_t i = 0; i < bench_peers_count; i++) {
		const struct peer_info *p = &bench_peers[i];

		fprintf(to, "  %-12s %s", p->name, p->title);
		if (results_peer_state(r, i) == SERIES_ABSENT)
			fprintf(to, " (not there: %s)", p->package);
		fputc('\n', to);
	}
	fputs("workloads:\n", to);
	for (size_t i = 0; i < bench_rows_count; i++) {
		const struct row *row = &bench_rows[i];

		if (!bench_options_want_row(r->options, row))
			continue;
		fprintf(to, "  %-12s %s\n", strcmp(row->workload, last) ? row->workload : "",
		        row->title);
		last = row->workload;
	}
}

void table_head(const struct results *r, FILE *to)
{
	struct machine m = machine_describe();

	fprintf(to, "ptjobs %s on %s, %ld processors, %s %s; medians of %zu interleaved runs\n",
	        ptj_version(), *m.processor ? m.processor : "an unknown processor", m.processors,
	        m.system.sysname, m.system.release, r->options->runs);
	fputs("(least to most), and how many times the median of ptjobs that is\n", to);
}

static void head_line(const struct figure *figures, FILE *to)
{
	fprintf(to, "  %-12s", "");
	for (const struct figure *f = figures; f->name; f++) {
		fprintf(to, " %12s", f->head);
		if (f->main)
			fprintf(to, " %17s %7s", "", "x ptjobs");
	}
	fputc('\n', to);
}

static void cell(const struct results *r, size_t row, size_t peer, const struct figure *f, FILE *to)
{
	struct spread s = figure_spread(f, &bench_rows[row], results_series(r, row, peer));
	double ratio = results_ratio(r, row, peer, f);
	char spread[SPREAD_MAX] = "", times[SPREAD_MAX] = "-";

	if (!s.known) {
		fprintf(to, f->main ? " %12s %17s %8s" : " %12s", "-", "", "-");
		return;
	}
	fprintf(to, " %12.*f", f->digits, s.median);
	if (!f->main)
		return;
	snprintf(spread, sizeof(spread), "(%.*f to %.*f)", f->digits, s.least, f->digits, s.most);
	if (isfinite(ratio))
		snprintf(times, sizeof(times), "%.2f", ratio);
	fprintf(to, " %17s %8s", spread, times);
}

static void line(const struct results *r, size_t row, size_t peer, FILE *to)
{
	const struct series *s = results_series(r, row, peer);

	if (s->state == SERIES_UNSELECTED || s->state == SERIES_ABSENT)
		return;
	fprintf(to, "  %-12s", bench_peers[peer].name);
	if (s->state == SERIES_CANNOT)
		fprintf(to, " %12s", "-");
	else if (s->state == SERIES_FAILED)
		fprintf(to, "       failed: %s", s->reason);
	else
		for (const struct figure *f = figures_of(&bench_rows[row]); f->name; f++)
			cell(r, row, peer, f, to);
	if (s->count && s->jobs != bench_options_jobs(r->options, &bench_rows[row], 1))
		fprintf(to, "  with %zu jobs", s->jobs);
	fputc('\n', to);
}

void table_row(const struct results *r, size_t row, FILE *to)
{
	const struct row *what = &bench_rows[row];

	fprintf(to, "\n%s: %s; %zu jobs\n", what->workload, what->title,
	        bench_options_jobs(r->options, what, 1));
	head_line(figures_of(what), to);
	for (size_t peer = 0; peer < bench_peers_count; peer++)
		line(r, row, peer, to);
}

void table_foot(const struct results *r, FILE *to)
{
	fputs("\nmeasured:\n", to);
	for (size_t i = 0; i < bench_peers_count; i++) {
		if (results_peer_state(r, i) == SERIES_MEASURED)
			fprintf(to, "  %-12s %s %s\n", bench_peers[i].name, bench_peers[i].title,
			        results_version(r, i));
	}
	for (size_t i = 0; i < bench_peers_count; i++) {
		const struct peer_info *p = &bench_peers[i];

		if (results_peer_state(r, i) == SERIES_ABSENT)
			fprintf(to,
			        "  %-12s %s: left out; install the Debian package %s and build "
			        "again\n",
			        p->name, p->title, p->package);
	}
	fputs("A dash: the peer has no such thing.  Futex calls are those of the whole program, "
	      "and\n"
	      "counted where the kernel lets us, which it does for root.\n",
	      to);
}
