/* SPDX-License-Identifier: Apache-2.0 */

#include "stress_item.h"

#include "stress.h"
#include "stress_venue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct item *item_create(struct venue *venue, enum how how, enum kind kind, uint64_t random)
{
	struct item *item = calloc(1, sizeof(*item));

	must(item);
	item->venue = venue;
	item->how = how;
	item->kind = kind;
	item->random = random | 1;
	atomic_init(&item->code, CALLER_CANCELLED);
	atomic_init(&item->answer, UNKNOWN);
	venue_add(venue, item);
	return item;
}

struct item *item_of(const ptj_job *job)
{
	return ptj_job_arg(job);
}

void item_answered(struct item *item, int code, const void *result)
{
	int before = UNKNOWN;

	if (code != 0 && code != PTJ_EFAILED && code != ECANCELED)
		return;
	must(code || result == item);
	if (!atomic_compare_exchange_strong(&item->answer, &before, code))
		must(before == code);
}

void item_release(void *arg)
{
	struct item *item = arg;

	must(atomic_fetch_add(&item->released, 1) == 0);
}

void item_told(ptj_scheduler *s, const ptj_context *context, void *venue)
{
	struct item *item = item_of(context->job);

	must(item && item->venue == venue && item->venue->s == s);
	if (strcmp(context->message, "Job closing timed out") == 0) {
		must(context->error == ETIMEDOUT);
		must(atomic_fetch_add(&item->straggler_told, 1) == 0);
		return;
	}
	must(strcmp(context->message, "Job processing failed") == 0);
	must(context->error == EIO && strcmp(context->error_message, "meant to") == 0);
	must(ptj_job_error(context->job) == EIO && ptj_job_closed(context->job));
	must(item->how == SHIELDED || atomic_load(&item->released) == 1);
	must(atomic_fetch_add(&item->failure_told, 1) == 0);
}

void item_told_too(ptj_scheduler *s, const ptj_context *context, void *venue)
{
	item_told(s, context, venue);
}

/* ---- The judgement -------------------------------------------------------------------------- */

/* A spawn that returned an error, or was cancelled: there never was a job. */
static void judge_refused(const struct item *item)
{
	int code = atomic_load(&item->code);

	must(code == CALLER_CANCELLED || code == ESHUTDOWN || code == ETIMEDOUT || code == EAGAIN ||
	     code == EINTR);
	must(atomic_load(&item->entered) == 0);
	must(atomic_load(&item->released) == 0);
	must(atomic_load(&item->failure_told) == 0);
	must(atomic_load(&item->straggler_told) == 0);
	must(atomic_load(&item->appeared) == 0);
}

static void judge_cancelled(const struct item *item, int shut)
{
	int answer = atomic_load(&item->answer);

	must(atomic_load(&item->asked) || shut);
	must(answer == ECANCELED || answer == UNKNOWN);
}

static void judge_finished(const struct item *item)
{
	int answer = atomic_load(&item->answer);

	must(atomic_load(&item->entered) == 1);
	must(answer == 0 || answer == UNKNOWN);
}

static void judge_failed(const struct item *item)
{
	int answer = atomic_load(&item->answer);

	must(atomic_load(&item->entered) == 1);
	must(answer == PTJ_EFAILED || answer == UNKNOWN);
	if (!item->queued && !atomic_load(&item->observed) && !atomic_load(&item->straggler_told))
		must(atomic_load(&item->failure_told) == 1);
}

static void judge_fate(const struct item *item, int shut, struct tally *tally)
{
	int over = atomic_load(&item->over);

	if (over != OVER_FAILED || item->queued)
		must(atomic_load(&item->failure_told) == 0);
	switch (over) {
	case OVER_WELL:
		judge_finished(item);
		tally->finished++;
		break;
	case OVER_FAILED:
		judge_failed(item);
		tally->failed++;
		break;
	default:
		judge_cancelled(item, shut);
		tally->cancelled++;
		break;
	}
}

static void judge_spawned(const struct item *item)
{
	must(atomic_load(&item->released) == 1);
	must(atomic_load(&item->appeared) == item->queued ||
	     (item->orphaned && atomic_load(&item->appeared) == 0));
}

/* The caller may have left a function that went on, and heard the fate of one that did not. */
static int shield_began(const struct item *item)
{
	switch (atomic_load(&item->code)) {
	case 0:
		must(atomic_load(&item->over) == OVER_WELL);
		return 1;
	case PTJ_EFAILED:
		must(atomic_load(&item->over) == OVER_FAILED);
		must(atomic_load(&item->failure_told) == 0);
		return 1;
	case ECANCELED:
		must(atomic_load(&item->straggler_told) || atomic_load(&item->over) == NOT_OVER ||
		     atomic_load(&item->over) == OVER_OBEYED);
		return 1;
	case ETIMEDOUT:
	case EINTR:
		return 1;
	case CALLER_CANCELLED:
		return atomic_load(&item->entered) || atomic_load(&item->straggler_told);
	default:
		return 0;
	}
}

void item_judge(const struct item *item, int shut, struct tally *tally)
{
	tally->tried++;
	if (item->how == SHIELDED ? !shield_began(item) : atomic_load(&item->code) != 0) {
		judge_refused(item);
		tally->refused++;
		return;
	}
	if (item->how == SHIELDED)
		tally->shielded++;
	else
		judge_spawned(item);
	judge_fate(item, shut, tally);
	tally->spawned++;
	tally->released += atomic_load(&item->released);
	tally->told += atomic_load(&item->failure_told);
	tally->stragglers += atomic_load(&item->straggler_told);
	tally->appeared += atomic_load(&item->appeared);
}
