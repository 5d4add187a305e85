/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_json.h"
#include "bench_machine.h"
#include "bench_peers.h"

#include <inttypes.h>
#include <math.h>
#include <ptjobs.h>
#include <time.h>

/* Bytes beyond ASCII are UTF-8 of our own titles. */
static void write_string(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(to, "\\%c", c);
		else if (c < ' ')
			fprintf(to, "\\u%04x", c);
		else
			fputc(c, to);
	}
	fputc('"', to);
}

static void write_member(const char *name, const char *text, FILE *to)
{
	fprintf(to, "\"%s\": ", name);
	write_string(text, to);
}

static void write_number(double number, FILE *to)
{
	if (isfinite(number))
		fprintf(to, "%.9g", number);
	else
		fputs("null", to);
}

static const char *state_name(enum series_state state)
{
	switch (state) {
	case SERIES_UNSELECTED:
		break;
	case SERIES_ABSENT:
		return "absent";
	case SERIES_CANNOT:
		return "cannot";
	case SERIES_FAILED:
		return "failed";
	case SERIES_MEASURED:
		return "measured";
	}
	return "not selected";
}

static void write_head(const struct results *r, FILE *to)
{
	struct machine m = machine_describe();
	time_t now = time(NULL);
	struct tm utc;
	char date[32] = "";

	if (gmtime_r(&now, &utc))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	write_member("ptjobs", ptj_version(), to);
	fputs(",\n ", to);
	write_member("date", date, to);
	fprintf(to, ",\n \"runs\": %zu,\n \"short\": %s,\n \"machine\": {", r->options->runs,
	        r->options->short_form ? "true" : "false");
	write_member("processor", m.processor, to);
	fprintf(to, ", \"processors\": %ld, \"memory_bytes\": %zu, ", m.processors, m.memory);
	write_member("system", m.system.sysname, to);
	fputs(", ", to);
	write_member("release", m.system.release, to);
	fputc('}', to);
}

static void write_peers(const struct results *r, FILE *to)
{
	const char *comma = "";

	for (size_t i = 0; i < bench_peers_count; i++) {
		enum series_state state = results_peer_state(r, i);

		if (state == SERIES_UNSELECTED)
			continue;
		fprintf(to, "%s\n  {", comma);
		write_member("name", bench_peers[i].name, to);
		fputs(", ", to);
		write_member("title", bench_peers[i].title, to);
		fputs(", ", to);
		write_member("state", state_name(state), to);
		fputs(", ", to);
		write_member("version", results_version(r, i), to);
		fputc('}', to);
		comma = ",";
	}
}

static void write_figure(const struct results *r, size_t row, size_t peer, const struct figure *f,
                         FILE *to)
{
	const struct series *series = results_series(r, row, peer);
	struct spread s = figure_spread(f, &bench_rows[row], series);

	fprintf(to, "\"%s\": {\"median\": ", f->name);
	write_number(s.known ? s.median : (double)NAN, to);
	fputs(", \"least\": ", to);
	write_number(s.known ? s.least : (double)NAN, to);
	fputs(", \"most\": ", to);
	write_number(s.known ? s.most : (double)NAN, to);
	fputs(", \"ratio\": ", to);
	write_number(results_ratio(r, row, peer, f), to);
	fputs(", \"runs\": [", to);
	for (size_t i = 0; i < series->count; i++) {
		fputs(i ? ", " : "", to);
		write_number(figure_of(f, &bench_rows[row], series, i), to);
	}
	fputs("]}", to);
}

static void write_series(const struct results *r, size_t row, size_t peer, FILE *to)
{
	const struct row *what = &bench_rows[row];
	const struct series *series = results_series(r, row, peer);
	const char *comma = "";

	fputs("\n  {", to);
	write_member("workload", what->workload, to);
	fputs(", ", to);
	write_member("title", what->title, to);
	fprintf(to,
	        ", \"workers\": %zu, \"producers\": %zu, \"time_ns\": %" PRId64
	        ", \"pending_limit\": %zu, \"jobs\": %zu,\n   ",
	        what->workers, what->producers, what->time_ns, what->pending_limit, series->jobs);
	write_member("peer", bench_peers[peer].name, to);
	fputs(", ", to);
	write_member("state", state_name(series->state), to);
	if (series->state == SERIES_FAILED) {
		fputs(", ", to);
		write_member("reason", series->reason, to);
	}
	fputs(", \"figures\": {", to);
	if (series->state == SERIES_MEASURED) {
		for (const struct figure *f = figures_of(what); f->name; f++) {
			fprintf(to, "%s\n    ", comma);
			write_figure(r, row, peer, f, to);
			comma = ",";
		}
	}
	fputs("}}", to);
}

static void write_results(const struct results *r, FILE *to)
{
	const char *comma = "";

	for (size_t row = 0; row < bench_rows_count; row++) {
		for (size_t peer = 0; peer < bench_peers_count; peer++) {
			enum series_state state = results_series(r, row, peer)->state;

			if (state == SERIES_UNSELECTED || state == SERIES_ABSENT)
				continue;
			fputs(comma, to);
			write_series(r, row, peer, to);
			comma = ",";
		}
	}
}

void json_write(const struct results *r, FILE *to)
{
	fputc('{', to);
	write_head(r, to);
	fputs(",\n \"peers\": [", to);
	write_peers(r, to);
	fputs("],\n \"results\": [", to);
	write_results(r, to);
	fputs("]}\n", to);
}
