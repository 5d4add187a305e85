/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double rate(const struct row *row, const struct series *series, const struct sample *sample)
{
	(void)row;
	return (double)series->jobs / sample->raw[RAW_WALL] * 1e3;
}

static double cpu_each(const struct row *row, const struct series *series,
                       const struct sample *sample)
{
	(void)row;
	return sample->raw[RAW_CPU] / (double)series->jobs;
}

static double cpu_each_us(const struct row *row, const struct series *series,
                          const struct sample *sample)
{
	return cpu_each(row, series, sample) / 1e3;
}

static double switches(const struct row *row, const struct series *series,
                       const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample->raw[RAW_VOLUNTARY] + sample->raw[RAW_INVOLUNTARY];
}

static double switches_each(const struct row *row, const struct series *series,
                            const struct sample *sample)
{
	return switches(row, series, sample) / (double)series->jobs;
}

static double futexes(const struct row *row, const struct series *series,
                      const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample->has[RAW_FUTEX] ? sample->raw[RAW_FUTEX] : (double)NAN;
}

static double futexes_each(const struct row *row, const struct series *series,
                           const struct sample *sample)
{
	return futexes(row, series, sample) / (double)series->jobs;
}

/* Jobs that compute need processors, too, and not only workers. */
static double ideal_ns(const struct row *row, const struct series *series, bool sleeps)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t at_once = row->workers;

	if (!sleeps && processors > 0 && at_once > (size_t)processors)
		at_once = (size_t)processors;
	return (double)series->jobs * (double)row->time_ns / (double)at_once;
}

static double of_ideal(const struct row *row, const struct series *series,
                       const struct sample *sample)
{
	return ideal_ns(row, series, false) / sample->raw[RAW_WALL] * 100;
}

static double over_ideal(const struct row *row, const struct series *series,
                         const struct sample *sample)
{
	return sample->raw[RAW_WALL] / ideal_ns(row, series, true);
}

static double latency_50(const struct row *row, const struct series *series,
                         const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample_percentile(sample, 0.5) / 1e3;
}

static double latency_99(const struct row *row, const struct series *series,
                         const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample_percentile(sample, 0.99) / 1e3;
}

static double bytes_each(const struct row *row, const struct series *series,
                         const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample->raw[RAW_BYTES];
}

static double returned(const struct row *row, const struct series *series,
                       const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample->has[RAW_RETURNED] ? sample->raw[RAW_RETURNED] * 100 : (double)NAN;
}

static double wall_ms(const struct row *row, const struct series *series,
                      const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample->raw[RAW_WALL] / 1e6;
}

static double wall_each_us(const struct row *row, const struct series *series,
                           const struct sample *sample)
{
	(void)row;
	return sample->raw[RAW_WALL] / 1e3 / (double)series->jobs;
}

static double cpu_ms(const struct row *row, const struct series *series,
                     const struct sample *sample)
{
	(void)row;
	(void)series;
	return sample->raw[RAW_CPU] / 1e6;
}

#define END                                \
	{                                  \
		NULL, NULL, 0, false, NULL \
	}

static const struct figure of_jobs[] = {
	{"million_jobs_per_s", "M jobs/s", 3, true, rate},
	{"cpu_ns_per_job", "CPU ns/job", 0, true, cpu_each},
	{"switches_per_job", "switches/job", 5, false, switches_each},
	{"futex_calls_per_job", "futex/job", 5, false, futexes_each},
	END,
};
static const struct figure of_toil[] = {
	{"million_jobs_per_s", "M jobs/s", 3, true, rate},
	{"percent_of_ideal", "% of ideal", 1, false, of_ideal},
	{"cpu_ns_per_job", "CPU ns/job", 0, true, cpu_each},
	{"switches_per_job", "switches/job", 5, false, switches_each},
	{"futex_calls_per_job", "futex/job", 5, false, futexes_each},
	END,
};
static const struct figure of_sleep[] = {
	{"times_ideal", "x ideal", 3, true, over_ideal},
	{"cpu_us_per_job", "CPU us/job", 2, true, cpu_each_us},
	{"switches_per_job", "switches/job", 3, false, switches_each},
	{"futex_calls_per_job", "futex/job", 3, false, futexes_each},
	END,
};
static const struct figure of_latency[] = {
	{"median_us", "median us", 2, true, latency_50},
	{"p99_us", "p99 us", 2, true, latency_99},
	{"cpu_us_per_job", "CPU us/job", 2, false, cpu_each_us},
	{"switches_per_job", "switches/job", 3, false, switches_each},
	{"futex_calls_per_job", "futex/job", 3, false, futexes_each},
	END,
};
static const struct figure of_memory[] = {
	{"bytes_per_pending_job", "bytes/job", 1, true, bytes_each},
	{"percent_returned", "% returned", 1, true, returned},
	END,
};
static const struct figure of_close[] = {
	{"close_ms", "close ms", 2, true, wall_ms},
	{"cpu_ms", "CPU ms", 2, true, cpu_ms},
	{"switches", "switches", 0, false, switches},
	{"futex_calls", "futex calls", 0, false, futexes},
	END,
};
static const struct figure of_cancel[] = {
	{"spawn_and_cancel_us", "whole us", 2, true, wall_each_us},
	{"cancel_median_us", "cancel us", 2, true, latency_50},
	{"cpu_us_per_job", "CPU us/job", 2, false, cpu_each_us},
	{"switches_per_job", "switches/job", 3, false, switches_each},
	{"futex_calls_per_job", "futex/job", 3, false, futexes_each},
	END,
};
static const struct figure of_idle[] = {
	{"cpu_ms", "CPU ms", 3, true, cpu_ms},
	{"wakeups", "wake-ups", 0, true, switches},
	{"futex_calls", "futex calls", 0, false, futexes},
	END,
};

#undef END

const struct figure *figures_of(const struct row *row)
{
	static const struct {
		const char *protocol;
		const struct figure *figures;
	} all[] = {
		{"jobs", of_jobs},         {"handles", of_jobs},  {"sleep", of_sleep},
		{"roundtrip", of_latency}, {"start", of_latency}, {"memory", of_memory},
		{"close", of_close},       {"cancel", of_cancel}, {"idle", of_idle},
	};

	if (strcmp(row->protocol, "jobs") == 0 && row->time_ns)
		return of_toil;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(row->protocol, all[i].protocol) == 0)
			return all[i].figures;
	}
	abort();
}

double figure_of(const struct figure *figure, const struct row *row, const struct series *series,
                 size_t sample)
{
	return figure->of(row, series, &series->samples[sample]);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct spread figure_spread(const struct figure *figure, const struct row *row,
                            const struct series *series)
{
	double *values = calloc(series->count + 1, sizeof(*values));
	struct spread s = {.known = false};
	size_t n = 0;

	if (!values || series->state != SERIES_MEASURED) {
		free(values);
		return s;
	}
	for (size_t i = 0; i < series->count; i++) {
		double value = figure_of(figure, row, series, i);

		if (isfinite(value))
			values[n++] = value;
	}
	qsort(values, n, sizeof(*values), ascending);
	if (n)
		s = (struct spread){true, (values[(n - 1) / 2] + values[n / 2]) / 2, values[0],
		                    values[n - 1]};
	free(values);
	return s;
}

static void fail(struct series *series)
{
	series->state = SERIES_FAILED;
	for (size_t i = 0; i < series->count; i++)
		sample_destroy(&series->samples[i]);
	series->count = 0;
}

void series_add(struct series *series, char **args, int64_t timeout_ms)
{
	struct sample *samples, sample;

	if (series->state != SERIES_MEASURED)
		return;
	switch (sample_take(args, timeout_ms, &sample, series->reason, sizeof(series->reason))) {
	case SAMPLE_TAKEN:
		samples = reallocarray(series->samples, series->count + 1, sizeof(*samples));
		if (!samples)
			abort();
		series->samples = samples;
		samples[series->count++] = sample;
		return;
	case SAMPLE_CANNOT:
		series->state = SERIES_CANNOT;
		return;
	case SAMPLE_FAILED:
		fail(series);
		return;
	}
}

void series_destroy(struct series *series)
{
	for (size_t i = 0; i < series->count; i++)
		sample_destroy(&series->samples[i]);
	free(series->samples);
}
