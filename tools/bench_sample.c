/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_futex.h"
#include "bench_program.h"
#include "bench_sample.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define STATUS_CANNOT 3

static const char *const raw_names[] = {
	[RAW_WALL] = "wall_ns",        [RAW_CPU] = "cpu_ns",
	[RAW_VOLUNTARY] = "voluntary", [RAW_INVOLUNTARY] = "involuntary",
	[RAW_BYTES] = "bytes",         [RAW_RETURNED] = "returned",
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A number takes two characters at least, which bounds how many there are. */
static bool read_latencies(struct sample *sample, const char *text)
{
	size_t n = 0;
	char *end;

	free(sample->latencies);
	sample->latencies = calloc(strlen(text) / 2 + 1, sizeof(*sample->latencies));
	if (!sample->latencies)
		return false;
	for (double ns = strtod(text, &end); end != text; ns = strtod(text, &end)) {
		sample->latencies[n++] = ns;
		text = end;
	}
	qsort(sample->latencies, n, sizeof(*sample->latencies), ascending);
	sample->latencies_count = n;
	return *text == '\0' && n > 0;
}

static bool read_raw(struct sample *sample, enum raw raw, const char *text)
{
	char *end;

	sample->raw[raw] = strtod(text, &end);
	sample->has[raw] = end != text && *end == '\0';
	return sample->has[raw];
}

static bool read_line(struct sample *sample, char *line)
{
	char *text = strchr(line, ' ');

	if (!text)
		return false;
	*text++ = '\0';
	if (strcmp(line, "latency_ns") == 0)
		return read_latencies(sample, text);
	if (strcmp(line, "version") == 0) {
		snprintf(sample->version, sizeof(sample->version), "%s", text);
		return true;
	}
	for (size_t i = 0; i < sizeof(raw_names) / sizeof(raw_names[0]); i++) {
		if (strcmp(line, raw_names[i]) == 0)
			return read_raw(sample, (enum raw)i, text);
	}
	return false;
}

static bool read_figures(struct sample *sample, char *output)
{
	char *rest = output;

	for (char *line; (line = strsep(&rest, "\n")) && (rest || *line);) {
		if (!read_line(sample, line))
			return false;
	}
	return sample->has[RAW_WALL] || sample->has[RAW_BYTES];
}

static enum sample_answer judge(int status, char *output, struct sample *sample, char *reason,
                                size_t size)
{
	if (status == PROGRAM_TIMED_OUT)
		snprintf(reason, size, "took too long");
	else if (WIFSIGNALED(status))
		snprintf(reason, size, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == STATUS_CANNOT)
		return SAMPLE_CANNOT;
	else if (WEXITSTATUS(status) != 0)
		snprintf(reason, size, "exit status %d", WEXITSTATUS(status));
	else if (!read_figures(sample, output))
		snprintf(reason, size, "wrote no figures");
	else
		return SAMPLE_TAKEN;
	return SAMPLE_FAILED;
}

enum sample_answer sample_take(char **args, int64_t timeout_ms, struct sample *sample, char *reason,
                               size_t size)
{
	enum sample_answer answer;
	char *output;
	int status, rc, counter;

	*sample = (struct sample){0};
	counter = futex_count_begin();
	rc = program_run(args, timeout_ms, &output, &status);
	sample->has[RAW_FUTEX] = futex_count_end(counter, &sample->raw[RAW_FUTEX]);
	if (rc) {
		snprintf(reason, size, "cannot be run: %s", strerror(rc));
		return SAMPLE_FAILED;
	}
	answer = judge(status, output, sample, reason, size);
	free(output);
	if (answer != SAMPLE_TAKEN)
		sample_destroy(sample);
	return answer;
}

void sample_destroy(struct sample *sample)
{
	free(sample->latencies);
	sample->latencies = NULL;
}

double sample_percentile(const struct sample *sample, double share)
{
	size_t n = sample->latencies_count;

	return n ? sample->latencies[(size_t)(share * (double)(n - 1) + 0.5)] : 0;
}
