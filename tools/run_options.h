/* The command line of `ptjobs run`.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef RUN_OPTIONS_H
#define RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENDING_AS_LIMIT SIZE_MAX

struct run_options {
	size_t limit;         /* 0 for as many as there can be */
	size_t pending_limit; /* 0 for no limit, PENDING_AS_LIMIT unless given */
	int64_t timeout_ms;   /* of each job, or PTJ_INFINITE */
	int64_t grace_ms;     /* from the first signal to the close */
	int64_t close_ms;     /* from SIGTERM to SIGKILL */
	bool null_separated;
	bool keep_order;
	const char *file; /* NULL for standard input */
	char **command;   /* NULL where each line is a shell command */
};

enum options_answer {
	OPTIONS_OK,
	OPTIONS_HELP, /* was asked for; options is not filled in */
	OPTIONS_WRONG /* and a sentence on standard error says why */
};

enum options_answer run_options_parse(struct run_options *options, int argc, char **argv);

/* What `ptjobs run --help` shows. */
extern const char run_options_help[];

#endif
