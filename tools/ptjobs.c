/* The command ptjobs: finds the subcommand and hands over to it.

   A subcommand is one row of the table below, whose main function sees its own name as argv[0].

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench.h"
#include "run.h"
#include "status.h"

#include <ptjobs.h>
#include <stdio.h>
#include <string.h>

struct subcommand {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
};

static const struct subcommand subcommands[] = {
	{"run", run_main, "run command lines as jobs, a bounded number at once"},
	{"bench", bench_main, "measure ptjobs beside other pools"},
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void help(FILE *to)
{
	fputs("Usage: ptjobs SUBCOMMAND [ARGUMENT...]\n"
	      "       ptjobs --help | --version\n"
	      "\n"
	      "Subcommands (ptjobs SUBCOMMAND --help says more):\n",
	      to);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		fprintf(to, "  %-8s %s\n", subcommands[i].name, subcommands[i].summary);
}

/* A full disk shows only when the text leaves the buffer. */
static int flushed(void)
{
	if (fflush(stdout) == 0)
		return STATUS_OK;
	perror("ptjobs: cannot write standard output");
	return STATUS_SYSTEM;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help(stdout);
		return flushed();
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("ptjobs %s\n", ptj_version());
		return flushed();
	}
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return subcommands[i].main(argc - 1, argv + 1);
	}
	fprintf(stderr, "ptjobs: there is no subcommand %s; see ptjobs --help\n", argv[1]);
	return STATUS_USAGE;
}
