/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "option.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define SECONDS_MAX 1e9

bool option_wrong(const char *subcommand, const char *what, const char *text)
{
	fprintf(stderr, "ptjobs %s: %s: %s; see ptjobs %s --help\n", subcommand, what, text,
	        subcommand);
	return false;
}

bool option_unknown(const char *subcommand, const char *argument)
{
	const char letter[] = {'-', (char)optopt, '\0'};

	if (optopt == 0)
		return option_wrong(subcommand, "there is no such option", argument);
	return option_wrong(subcommand, "there is no such option", letter);
}

bool option_lacking(const char *subcommand)
{
	const char letter[] = {'-', (char)optopt, '\0'};

	return option_wrong(subcommand, "the option needs an argument", letter);
}

bool option_count(const char *subcommand, const char *what, const char *text, size_t *out)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno || n > SIZE_MAX)
		return option_wrong(subcommand, what, text);
	*out = (size_t)n;
	return true;
}

bool option_seconds(const char *subcommand, const char *what, const char *text, int64_t *out_ms)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (end == text || *end != '\0' || !(seconds >= 0 && seconds <= SECONDS_MAX))
		return option_wrong(subcommand, what, text);
	*out_ms = (int64_t)(seconds * 1000 + 0.5);
	return true;
}
