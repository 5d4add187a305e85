/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_clock.h"
#include "run_tally.h"

#include <inttypes.h>
#include <stdio.h>

void tally_init(struct tally *t)
{
	*t = (struct tally){.start = clock_now()};
	pthread_mutex_init(&t->mu, NULL);
}

void tally_destroy(struct tally *t)
{
	pthread_mutex_destroy(&t->mu);
}

void tally_start(struct tally *t)
{
	pthread_mutex_lock(&t->mu);
	t->n.running++;
	if (t->n.peak < t->n.running)
		t->n.peak = t->n.running;
	pthread_mutex_unlock(&t->mu);
}

void tally_end(struct tally *t, enum tally_end end)
{
	pthread_mutex_lock(&t->mu);
	t->n.running--;
	t->n.done += end != TALLY_DROPPED;
	t->n.failed += end == TALLY_FAILED;
	t->n.dropped += end == TALLY_DROPPED;
	pthread_mutex_unlock(&t->mu);
}

void tally_drop(struct tally *t)
{
	pthread_mutex_lock(&t->mu);
	t->n.dropped++;
	pthread_mutex_unlock(&t->mu);
}

void tally_set_total(struct tally *t, uint64_t total)
{
	pthread_mutex_lock(&t->mu);
	t->n.total = total;
	pthread_mutex_unlock(&t->mu);
}

void tally_set_output_error(struct tally *t, int error)
{
	pthread_mutex_lock(&t->mu);
	t->n.output_error = error;
	pthread_mutex_unlock(&t->mu);
}

struct counts tally_counts(struct tally *t)
{
	struct counts n;

	pthread_mutex_lock(&t->mu);
	n = t->n;
	pthread_mutex_unlock(&t->mu);
	return n;
}

static double seconds_since(int64_t start)
{
	int64_t ms = clock_now() - start;

	return (double)(ms ? ms : 1) / 1000;
}

double tally_rate(const struct tally *t, const struct counts *n)
{
	return (double)n->done / seconds_since(t->start);
}

void tally_describe(struct tally *t, char *buf, size_t size)
{
	struct counts n = tally_counts(t);
	char jobs[32], dropped[48] = "";

	snprintf(jobs, sizeof(jobs), "%" PRIu64 " job%s", n.done, n.done == 1 ? "" : "s");
	if (n.dropped)
		snprintf(dropped, sizeof(dropped), ", %" PRIu64 " not finished", n.dropped);
	snprintf(buf, size, "%s, %" PRIu64 " failed%s, %.2f s, %.1f jobs/s, at most %zu at once",
	         jobs, n.failed, dropped, seconds_since(t->start), tally_rate(t, &n), n.peak);
}
