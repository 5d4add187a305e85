/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_options.h"
#include "bench_peers.h"
#include "option.h"

#include <getopt.h>
#include <string.h>

#define BENCH "bench" /* as messages name the subcommand */
#define RUNS 5
#define SHORT_RUNS 2
#define TIMEOUT_MS 60000
#define NAME_MAX_LEN 63

const char bench_options_help[] =
	"Usage: ptjobs bench [-s] [-p PEERS] [-w WORKLOADS] [-n RUNS] [-j JOBS] [-t SECONDS]\n"
	"                    [-d FOLDER] [--json FILE] [--plot FOLDER] [--list]\n"
	"\n"
	"Measures ptjobs beside other pools, as far as they were there when ptjobs was built.\n"
	"\n"
	"  -s, --short      the short form, which takes less than a minute\n"
	"  -p PEERS         measure these only, names with commas between them\n"
	"  -w WORKLOADS     measure these only, names with commas between them\n"
	"  -n RUNS          measure each so many times (5 unless given, 2 in the short form)\n"
	"  -j JOBS          have no more than JOBS jobs in a workload\n"
	"  -t SECONDS       give up a run that takes longer (60 unless given)\n"
	"  -d FOLDER        where the peers' programs are\n"
	"  --json FILE      write all figures to FILE, or with - to standard output, as JSON\n"
	"  --plot FOLDER    write scripts and data for gnuplot to FOLDER, and draw them where\n"
	"                   gnuplot is installed\n"
	"  --list           show the peers and workloads, and measure nothing\n"
	"\n"
	"Exit status: 0 all was measured, 1 a run failed, 2 wrong usage, 4 the output cannot be\n"
	"written, 127 the program that measures ptjobs is not found.\n";

static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

static bool is_workload(const char *name)
{
	for (size_t i = 0; i < bench_rows_count; i++) {
		if (strcmp(bench_rows[i].workload, name) == 0)
			return true;
	}
	return false;
}

static bool is_peer(const char *name)
{
	for (size_t i = 0; i < bench_peers_count; i++) {
		if (strcmp(bench_peers[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool check_list(const char *list, bool (*known)(const char *name), const char *what)
{
	const char *at = list;

	for (;;) {
		size_t len = strcspn(at, ",");
		char name[NAME_MAX_LEN + 1];

		if (len > NAME_MAX_LEN)
			return option_wrong(BENCH, what, at);
		memcpy(name, at, len);
		name[len] = '\0';
		if (!known(name))
			return option_wrong(BENCH, what, name);
		if (at[len] == '\0')
			return true;
		at += len + 1;
	}
}

static bool parse_positive(const char *what, const char *text, size_t *out)
{
	return option_count(BENCH, what, text, out) &&
	       (*out > 0 || option_wrong(BENCH, what, text));
}

static bool parse_timeout(const char *text, int64_t *out_ms)
{
	const char *what = "the time of a run is not a number of seconds";

	return option_seconds(BENCH, what, text, out_ms) &&
	       (*out_ms > 0 || option_wrong(BENCH, "no run can be done in no time", text));
}

static bool parse_option(struct bench_options *o, int option, char **argv)
{
	switch (option) {
	case 's':
		o->short_form = true;
		return true;
	case 'p':
		o->peers = optarg;
		return check_list(optarg, is_peer, "there is no such peer");
	case 'w':
		o->workloads = optarg;
		return check_list(optarg, is_workload, "there is no such workload");
	case 'n':
		return parse_positive("that is no number of runs", optarg, &o->runs);
	case 'j':
		return parse_positive("that is no number of jobs", optarg, &o->jobs);
	case 't':
		return parse_timeout(optarg, &o->timeout_ms);
	case 'd':
		o->programs = optarg;
		return true;
	case 'J':
		o->json = optarg;
		return true;
	case 'P':
		o->plots = optarg;
		return true;
	case 'L':
		o->list = true;
		return true;
	case ':':
		return option_wrong(BENCH, "the option needs an argument", argv[optind - 1]);
	default:
		return option_unknown(BENCH, argv[optind - 1]);
	}
}

enum bench_answer bench_options_parse(struct bench_options *options, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"short", no_argument, NULL, 's'},      {"json", required_argument, NULL, 'J'},
		{"plot", required_argument, NULL, 'P'}, {"list", no_argument, NULL, 'L'},
		{"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
	int option;

	*options = (struct bench_options){.jobs = SIZE_MAX, .timeout_ms = TIMEOUT_MS};
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:sp:w:n:j:t:d:h", long_options, NULL)) != -1) {
		if (option == 'h')
			return BENCH_HELP;
		if (!parse_option(options, option, argv))
			return BENCH_WRONG;
	}
	if (optind < argc) {
		option_wrong(BENCH, "there is no such argument", argv[optind]);
		return BENCH_WRONG;
	}
	if (options->runs == 0)
		options->runs = options->short_form ? SHORT_RUNS : RUNS;
	return BENCH_OK;
}

bool bench_options_want_row(const struct bench_options *options, const struct row *row)
{
	if (options->workloads && !list_has(options->workloads, row->workload))
		return false;
	return options->short_form ? row->short_jobs > 0 : row->jobs > 0;
}

bool bench_options_want_peer(const struct bench_options *options, const char *name)
{
	return !options->peers || list_has(options->peers, name);
}

size_t bench_options_jobs(const struct bench_options *options, const struct row *row, size_t share)
{
	size_t jobs = options->short_form ? row->short_jobs : row->jobs;

	if (jobs > options->jobs)
		jobs = options->jobs;
	if (bench_row_is_divisible(row))
		jobs = (jobs + share - 1) / share;
	return jobs;
}
