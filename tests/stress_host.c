/* SPDX-License-Identifier: Apache-2.0 */

#include "stress_host.h"

#include "stress.h"
#include "stress_venue.h"

#include <errno.h>

enum { HELD_AT_ONCE = 4 };

static void count_call(void *item)
{
	must(atomic_fetch_add(&((struct item *)item)->called, 1) == 0);
}

void host_begin(ptj_job *job)
{
	struct item *item = item_of(job);

	must(item->how == EXTERNAL);
	must(atomic_fetch_add(&item->entered, 1) == 0);
	must(!atomic_load(&item->released));
	must(!ptj_job_pending(job));
	if (item->kind == CALLS || item->kind == OBEYS) {
		must(ptj_external_cancel_fd(job) >= 0);
		must(ptj_external_on_cancel(job, count_call, item) == 0);
	}
}

/* Says how it went before it is finished: from then on the item may be judged. */
void host_finish(ptj_job *job)
{
	struct item *item = item_of(job);
	int code = item->kind == FAILS ? EIO : 0;

	if (item->kind == STUBBORN)
		venue_outlast(item->venue);
	if (item->kind == OBEYS && ptj_job_closed(job)) {
		code = ECANCELED;
		must(atomic_load(&item->asked) || atomic_load(&item->venue->shut));
	}
	atomic_store(&item->over, code == 0           ? OVER_WELL
	                          : code == ECANCELED ? OVER_OBEYED
	                                              : OVER_FAILED);
	must(ptj_job_finish(job, code, code ? "meant to" : NULL, code ? NULL : item) == 0);
	must(ptj_job_finish(job, 0, NULL, NULL) == EALREADY);
	ptj_job_unref(job);
}

/* The stubborn come last, since they may have the host stand. */
static void finish_all(ptj_job **held, int *n)
{
	int i, stubborn;

	for (stubborn = 0; stubborn <= 1; stubborn++)
		for (i = 0; i < *n; i++)
			if (held[i] && (item_of(held[i])->kind == STUBBORN) == stubborn) {
				host_finish(held[i]);
				held[i] = NULL;
			}
	*n = 0;
}

void *host_main(void *venue)
{
	struct venue *v = venue;
	ptj_job *held[HELD_AT_ONCE];
	int n = 0, code;

	while ((code = ptj_external_next(v->s, n > 0 ? 2 : PTJ_INFINITE, &held[n])) != ESHUTDOWN) {
		must(code == 0 || code == ETIMEDOUT);
		if (code == 0)
			host_begin(held[n++]);
		if (n == HELD_AT_ONCE || code == ETIMEDOUT)
			finish_all(held, &n);
	}
	finish_all(held, &n);
	return NULL;
}
