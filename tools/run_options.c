/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "option.h"
#include "run_options.h"

#include <getopt.h>
#include <ptjobs.h>
#include <unistd.h>

#define GRACE_MS 60000
#define CLOSE_MS 2000
#define RUN "run" /* as messages name the subcommand */

const char run_options_help[] =
	"Usage: ptjobs run [-l LIMIT] [-q PENDING_LIMIT] [-t SECONDS] [-g SECONDS] [-c SECONDS]\n"
	"                  [-0] [-a FILE] [-k] [COMMAND [ARG...]]\n"
	"\n"
	"Runs each line of the input as a job: as a shell command or, with COMMAND, as its last\n"
	"argument, or in place of {} wherever that stands in COMMAND and its arguments.\n"
	"\n"
	"  -l LIMIT          run at most LIMIT jobs at once; 0 for as many as possible\n"
	"                    (the number of processors unless given)\n"
	"  -q PENDING_LIMIT  read at most PENDING_LIMIT lines ahead; 0 for no limit\n"
	"                    (LIMIT unless given)\n"
	"  -t SECONDS        close a job that takes longer, which has then failed\n"
	"  -g SECONDS        let the jobs go on for SECONDS after a signal (60 unless given)\n"
	"  -c SECONDS        kill a job SECONDS after it was asked to end (2 unless given)\n"
	"  -0                the input is separated by NUL bytes, not by newlines\n"
	"  -a FILE           read FILE, not standard input\n"
	"  -k                write the jobs' output in the order of the input\n"
	"\n"
	"The output of a job is written when it ends, in one piece.  The first SIGINT or SIGTERM\n"
	"stops the reading and lets the jobs end, the second ends them.\n"
	"\n"
	"Exit status: 0 all jobs succeeded, 1 a job failed, 2 wrong usage, 3 the input cannot be\n"
	"read, 4 the output cannot be written or resources lack, 126 COMMAND cannot be run,\n"
	"127 COMMAND is not found, 128+N ended by signal N.\n";

static bool parse_timeout(const char *text, int64_t *out_ms)
{
	if (!option_seconds(RUN, "the time of a job is not a number of seconds", text, out_ms))
		return false;
	return *out_ms > 0 || option_wrong(RUN, "no job can be done in no time", text);
}

static void set_defaults(struct run_options *options)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	*options = (struct run_options){
		.limit = processors > 0 ? (size_t)processors : 1,
		.pending_limit = PENDING_AS_LIMIT,
		.timeout_ms = PTJ_INFINITE,
		.grace_ms = GRACE_MS,
		.close_ms = CLOSE_MS,
	};
}

static bool parse_option(struct run_options *options, int option, char **argv)
{
	switch (option) {
	case 'l':
		return option_count(RUN, "the limit is not a number", optarg, &options->limit);
	case 'q':
		return option_count(RUN, "the pending limit is not a number", optarg,
		                    &options->pending_limit);
	case 't':
		return parse_timeout(optarg, &options->timeout_ms);
	case 'g':
		return option_seconds(RUN, "the grace is not a number of seconds", optarg,
		                      &options->grace_ms);
	case 'c':
		return option_seconds(RUN, "the close timeout is not a number of seconds", optarg,
		                      &options->close_ms);
	case '0':
		options->null_separated = true;
		return true;
	case 'a':
		options->file = optarg;
		return true;
	case 'k':
		options->keep_order = true;
		return true;
	case ':':
		return option_lacking(RUN);
	default:
		return option_unknown(RUN, argv[optind - 1]);
	}
}

enum options_answer run_options_parse(struct run_options *options, int argc, char **argv)
{
	static const struct option long_options[] = {{"help", no_argument, NULL, 'h'},
	                                             {NULL, 0, NULL, 0}};
	int option;

	set_defaults(options);
	opterr = 0;
	/* The plus sign leaves COMMAND's options to COMMAND. */
	while ((option = getopt_long(argc, argv, "+:l:q:t:g:c:0a:kh", long_options, NULL)) != -1) {
		if (option == 'h')
			return OPTIONS_HELP;
		if (!parse_option(options, option, argv))
			return OPTIONS_WRONG;
	}
	if (optind < argc)
		options->command = argv + optind;
	return OPTIONS_OK;
}
