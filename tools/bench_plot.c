/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_peers.h"
#include "bench_plot.h"
#include "run_screen.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How many points a line of the distribution has. */
#define STEPS 200

/* After so many lines gnuplot's colours begin again. */
#define COLOURS 8

extern char **environ;

struct plot {
	const char *name, *title, *x, *y;
	const char *settings; /* further commands of gnuplot */
	bool (*has)(const struct row *row);
	/* Writes a row's points for the peer; returns how many. */
	size_t (*points)(const struct results *r, size_t row, size_t peer, FILE *to);
};

static bool is_empty_jobs(const struct row *row)
{
	return strcmp(row->protocol, "jobs") == 0 && row->time_ns == 0 && row->pending_limit == 0 &&
	       strcmp(row->workload, "bounded") != 0 && strcmp(row->workload, "length") != 0;
}

static bool by_workers(const struct row *row)
{
	return is_empty_jobs(row) && row->producers == 1;
}

static bool by_producers(const struct row *row)
{
	return is_empty_jobs(row) && row->workers == 2;
}

static bool by_length(const struct row *row)
{
	return strcmp(row->workload, "length") == 0 && row->time_ns > 0;
}

static bool is_roundtrip(const struct row *row)
{
	return strcmp(row->protocol, "roundtrip") == 0 && row->time_ns == 0;
}

static bool is_start(const struct row *row)
{
	return strcmp(row->protocol, "start") == 0;
}

static double median(const struct results *r, size_t row, size_t peer, const char *name)
{
	const struct figure *f = figures_of(&bench_rows[row]);

	while (strcmp(f->name, name) != 0)
		f++;
	return figure_spread(f, &bench_rows[row], results_series(r, row, peer)).median;
}

static size_t point(double x, double y, FILE *to)
{
	fprintf(to, "%g %g\n", x, y);
	return 1;
}

static size_t at_workers(const struct results *r, size_t row, size_t peer, FILE *to)
{
	return point((double)bench_rows[row].workers, median(r, row, peer, "million_jobs_per_s"),
	             to);
}

static size_t at_producers(const struct results *r, size_t row, size_t peer, FILE *to)
{
	return point((double)bench_rows[row].producers, median(r, row, peer, "million_jobs_per_s"),
	             to);
}

static size_t at_length(const struct results *r, size_t row, size_t peer, FILE *to)
{
	return point((double)bench_rows[row].time_ns / 1e3,
	             median(r, row, peer, "percent_of_ideal"), to);
}

/* The share of jobs that took no longer, of the run whose median is the middle one's. */
static size_t distribution(const struct results *r, size_t row, size_t peer, FILE *to)
{
	const struct series *s = results_series(r, row, peer);
	double middle = median(r, row, peer, "median_us") * 1e3;
	const struct sample *nearest = &s->samples[0];

	for (size_t i = 1; i < s->count; i++) {
		double d = sample_percentile(&s->samples[i], 0.5) - middle;
		double least = sample_percentile(nearest, 0.5) - middle;

		if (d * d < least * least)
			nearest = &s->samples[i];
	}
	for (int i = 0; i <= STEPS; i++)
		point(sample_percentile(nearest, (double)i / STEPS) / 1e3, 100.0 * i / STEPS, to);
	return STEPS + 1;
}

static const struct plot plots[] = {
	{"workers", "Empty jobs, 1 producer", "workers", "million jobs/s",
         "set logscale xy 2\nset format y '%g'\n", by_workers, at_workers},
	{"producers", "Empty jobs, 2 workers", "producers", "million jobs/s",
         "set logscale xy 2\nset format y '%g'\n", by_producers, at_producers},
	{"length", "Throughput by the length of a job, 2 workers", "microseconds a job",
         "% of the ideal", "set logscale x 10\n", by_length, at_length},
	{"roundtrip", "Spawn and wait, one job at a time", "microseconds", "% of the jobs",
         "set logscale x 10\n", is_roundtrip, distribution},
	{"start", "From spawn to start, one job each 200 microseconds", "microseconds",
         "% of the jobs", "set logscale x 10\n", is_start, distribution},
};

static FILE *open_file(const char *folder, const char *name, const char *extension)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s.%s", folder, name, extension) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return fopen(path, "w");
}

static int close_file(FILE *file)
{
	bool failed = ferror(file);

	return fclose(file) || failed ? EIO : 0;
}

/* What the rows of a plot differ in, whichever it is. */
static double order(const struct row *row)
{
	return (double)row->workers * (double)row->producers * (double)(row->time_ns + 1);
}

/* The row of the plot that comes after the one given, which is bench_rows_count for the first: the
   tables have them in the order of their workloads.  Returns bench_rows_count after the last. */
static size_t next_row(const struct plot *p, size_t last)
{
	double from = last < bench_rows_count ? order(&bench_rows[last]) : 0;
	size_t next = bench_rows_count;

	for (size_t row = 0; row < bench_rows_count; row++) {
		if (!p->has(&bench_rows[row]) || order(&bench_rows[row]) <= from)
			continue;
		if (next == bench_rows_count || order(&bench_rows[row]) < order(&bench_rows[next]))
			next = row;
	}
	return next;
}

/* Writes the peer's block; returns how many points it has. */
static size_t write_block(const struct results *r, const struct plot *p, size_t peer, FILE *to)
{
	size_t points = 0;

	for (size_t row = next_row(p, bench_rows_count); row < bench_rows_count;
	     row = next_row(p, row)) {
		if (results_series(r, row, peer)->count)
			points += p->points(r, row, peer, to);
	}
	if (points)
		fputs("\n\n", to);
	return points;
}

static void write_script_head(const struct plot *p, FILE *to)
{
	fprintf(to,
	        "set terminal png size 1000,600\nset output '%s.png'\nset title '%s'\n"
	        "set xlabel '%s'\nset ylabel '%s'\nset key outside right\nset grid\n%splot ",
	        p->name, p->title, p->x, p->y, p->settings);
}

/* Returns an errno value, and in *lines how many peers are in the plot. */
static int write_plot(const struct results *r, const struct plot *p, const char *folder,
                      size_t *lines)
{
	FILE *data = open_file(folder, p->name, "dat");
	FILE *script = data ? open_file(folder, p->name, "gp") : NULL;
	int rc = script ? 0 : errno;

	*lines = 0;
	if (script) {
		write_script_head(p, script);
		for (size_t peer = 0; peer < bench_peers_count; peer++) {
			size_t points = write_block(r, p, peer, data);

			if (points == 0)
				continue;
			fprintf(script, "%s'%s.dat' index %zu with %s lw %d dt %zu title '%s'",
			        *lines ? ", \\\n" : "", p->name, *lines,
			        points > STEPS ? "lines" : "linespoints", peer ? 1 : 3,
			        *lines / COLOURS + 1, bench_peers[peer].name);
			++*lines;
		}
		fputc('\n', script);
		rc = close_file(script);
	}
	if (data && close_file(data) && rc == 0)
		rc = EIO;
	return rc;
}

/* Returns whether gnuplot is there. */
static bool draw(const struct plot *p, const char *folder)
{
	static const char command[] = "cd \"$0\" && exec gnuplot \"$1.gp\"";
	char *args[] = {(char *)"sh",   (char *)"-c",    (char *)command,
	                (char *)folder, (char *)p->name, NULL};
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, "sh", NULL, NULL, args, environ))
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return false;
	if (status)
		screen_say("gnuplot cannot draw %s/%s.gp", folder, p->name);
	return true;
}

static void remove_plot(const struct plot *p, const char *folder)
{
	static const char *const extensions[] = {"gp", "dat"};
	char path[PATH_MAX];

	for (int i = 0; i < 2; i++) {
		if (snprintf(path, sizeof(path), "%s/%s.%s", folder, p->name, extensions[i]) <
		    PATH_MAX)
			unlink(path);
	}
}

int plot_write(const struct results *r, const char *folder)
{
	bool can_draw = true;

	if (mkdir(folder, 0777) && errno != EEXIST)
		return errno;
	for (size_t i = 0; i < sizeof(plots) / sizeof(plots[0]); i++) {
		size_t lines;
		int rc = write_plot(r, &plots[i], folder, &lines);

		if (rc)
			return rc;
		if (lines == 0)
			remove_plot(&plots[i], folder);
		else if (can_draw)
			can_draw = draw(&plots[i], folder);
	}
	if (!can_draw)
		screen_say("the plots in %s are not drawn; install the Debian package gnuplot-nox",
		           folder);
	return 0;
}
