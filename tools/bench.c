/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench.h"
#include "bench_json.h"
#include "bench_options.h"
#include "bench_peers.h"
#include "bench_plot.h"
#include "bench_results.h"
#include "bench_table.h"
#include "run_clock.h"
#include "run_screen.h"
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUMBER_MAX 24
#define PROGRESS_MAX 160

struct bench {
	struct bench_options options;
	struct results results;
	char programs[PATH_MAX];
	size_t steps, done; /* runs to take, and taken */
	int64_t started;
};

/* The programs are in a folder bench/ beside ptjobs where that was built and not installed.
   libtool has the program itself in a folder .libs below. */
static bool find_built(char *folder, size_t size)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *name;

	if (len < 0)
		return false;
	path[len] = '\0';
	name = strrchr(path, '/');
	*name = '\0';
	name = strrchr(path, '/');
	if (name && strcmp(name, "/.libs") == 0)
		*name = '\0';
	return (size_t)snprintf(folder, size, "%s/bench", path) < size && access(folder, X_OK) == 0;
}

static bool find_programs(struct bench *b)
{
	const char *folder = b->options.programs ? b->options.programs : PROGRAMS_DIR;

	if (!b->options.programs && find_built(b->programs, sizeof(b->programs)))
		return true;
	return (size_t)snprintf(b->programs, sizeof(b->programs), "%s", folder) <
	       sizeof(b->programs);
}

static bool program_path(const struct bench *b, size_t peer, char *path)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", b->programs, bench_peers[peer].program);

	return len < PATH_MAX && access(path, X_OK) == 0;
}

static enum series_state intention(const struct bench *b, size_t row, size_t peer)
{
	char path[PATH_MAX];

	if (!bench_options_want_row(&b->options, &bench_rows[row]) ||
	    !bench_options_want_peer(&b->options, bench_peers[peer].name))
		return SERIES_UNSELECTED;
	return program_path(b, peer, path) ? SERIES_MEASURED : SERIES_ABSENT;
}

static void plan(struct bench *b)
{
	for (size_t row = 0; row < bench_rows_count; row++) {
		for (size_t peer = 0; peer < bench_peers_count; peer++) {
			struct series *s = results_series(&b->results, row, peer);

			s->state = intention(b, row, peer);
			s->jobs = bench_options_jobs(&b->options, &bench_rows[row],
			                             bench_peers[peer].share);
			if (s->state == SERIES_MEASURED)
				b->steps += bench_row_runs(&bench_rows[row], b->options.runs);
		}
	}
}

static void show_progress(const struct bench *b, const struct row *row, size_t peer)
{
	int64_t spent = clock_now() - b->started;
	char text[PROGRESS_MAX];
	size_t percent = b->done * 100 / b->steps;
	int64_t left =
		b->done ? spent * (int64_t)(b->steps - b->done) / (int64_t)b->done / 1000 : 0;

	snprintf(text, sizeof(text), "%zu %%, %s: %s: %s, about %" PRId64 ":%02d left", percent,
	         row->workload, row->title, bench_peers[peer].name, left / 60, (int)(left % 60));
	if (screen_has_progress())
		screen_progress(text);
}

static void take_sample(struct bench *b, size_t row, size_t peer)
{
	const struct row *what = &bench_rows[row];
	struct series *series = results_series(&b->results, row, peer);
	char path[PATH_MAX], numbers[5][NUMBER_MAX];
	char *args[] = {path,
	                (char *)bench_peers[peer].name,
	                (char *)what->protocol,
	                numbers[0],
	                numbers[1],
	                numbers[2],
	                numbers[3],
	                numbers[4],
	                NULL};

	if (series->state == SERIES_UNSELECTED || series->state == SERIES_ABSENT)
		return;
	program_path(b, peer, path);
	snprintf(numbers[0], NUMBER_MAX, "%zu", series->jobs);
	snprintf(numbers[1], NUMBER_MAX, "%zu", what->workers);
	snprintf(numbers[2], NUMBER_MAX, "%zu", what->producers);
	snprintf(numbers[3], NUMBER_MAX, "%" PRId64, what->time_ns);
	snprintf(numbers[4], NUMBER_MAX, "%zu", what->pending_limit);
	show_progress(b, what, peer);
	series_add(series, args, b->options.timeout_ms);
	b->done++;
}

static void measure_row(struct bench *b, size_t row)
{
	if (!screen_has_progress())
		screen_say("%s: %s", bench_rows[row].workload, bench_rows[row].title);
	for (size_t run = 0; run < bench_row_runs(&bench_rows[row], b->options.runs); run++) {
		for (size_t peer = 0; peer < bench_peers_count; peer++)
			take_sample(b, row, peer);
	}
}

/* Standard output has one or the other. */
static bool json_on_stdout(const struct bench *b)
{
	return b->options.json && strcmp(b->options.json, "-") == 0;
}

static FILE *table_file(const struct bench *b)
{
	return json_on_stdout(b) ? stderr : stdout;
}

/* Before the measurement, which takes minutes, so that what cannot be written is known before. */
static bool open_json(const struct bench *b, FILE **json)
{
	const char *name = b->options.json;

	*json = NULL;
	if (!name)
		return true;
	*json = json_on_stdout(b) ? stdout : fopen(name, "we");
	if (!*json)
		screen_say("cannot write %s: %s", name, strerror(errno));
	return *json != NULL;
}

static bool write_json(const struct bench *b, FILE *json)
{
	if (!json)
		return true;
	json_write(&b->results, json);
	if (json == stdout || (!ferror(json) && fclose(json) == 0))
		return true;
	screen_say("cannot write %s", b->options.json);
	return false;
}

static bool write_plots(const struct bench *b)
{
	int rc = b->options.plots ? plot_write(&b->results, b->options.plots) : 0;

	if (rc)
		screen_say("cannot write %s: %s", b->options.plots, strerror(rc));
	return rc == 0;
}

static void measure(struct bench *b)
{
	FILE *to = table_file(b);

	b->started = clock_now();
	table_head(&b->results, to);
	for (size_t row = 0; row < bench_rows_count; row++) {
		if (!results_have_row(&b->results, row))
			continue;
		measure_row(b, row);
		screen_take(fileno(to));
		table_row(&b->results, row, to);
		fflush(to);
		screen_give(fileno(to));
	}
	screen_take(fileno(to));
	table_foot(&b->results, to);
	screen_give(fileno(to));
}

static bool any_failed(const struct bench *b)
{
	for (size_t i = 0; i < bench_rows_count * bench_peers_count; i++) {
		if (b->results.series[i].state == SERIES_FAILED)
			return true;
	}
	return false;
}

static int flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	screen_say("cannot write standard output: %s", strerror(errno));
	return STATUS_SYSTEM;
}

static int bench(struct bench *b)
{
	char path[PATH_MAX];
	FILE *json;

	plan(b);
	if (b->options.list) {
		table_list(&b->results, stdout);
		return flushed(STATUS_OK);
	}
	if (!program_path(b, 0, path)) {
		screen_say("there is no program %s", path);
		return STATUS_NOT_FOUND;
	}
	if (!open_json(b, &json))
		return STATUS_SYSTEM;
	measure(b);
	if (!write_json(b, json) || !write_plots(b))
		return STATUS_SYSTEM;
	return flushed(any_failed(b) ? STATUS_FAILED : STATUS_OK);
}

int bench_main(int argc, char **argv)
{
	static struct bench b;
	int status = STATUS_SYSTEM;

	switch (bench_options_parse(&b.options, argc, argv)) {
	case BENCH_HELP:
		fputs(bench_options_help, stdout);
		return flushed(STATUS_OK);
	case BENCH_WRONG:
		return STATUS_USAGE;
	case BENCH_OK:
		break;
	}
	screen_open();
	if (!find_programs(&b)) {
		screen_say("the folder's name is too long");
		return STATUS_USAGE;
	}
	if (results_init(&b.results, &b.options)) {
		screen_say("there is no memory for the results");
		return status;
	}
	status = bench(&b);
	results_destroy(&b.results);
	return status;
}
