/* SPDX-License-Identifier: Apache-2.0 */

#include "give_up.h"

#include <errno.h>

#include "watch.h"

static void give_up_locked(struct ptj_web_request *r)
{
	r->given_up = true;
	if (r->phase != PHASE_SENT)
		request_answer_status_locked(r, MHD_HTTP_SERVICE_UNAVAILABLE);
	if (r->in)
		pipe_end(r->in, EPIPE);
	if (r->streams)
		pipe_end(r->out, EPIPE);
	watch_end_locked(r, false);
}

void give_up_all(struct site *site)
{
	struct link resuming, *at;

	list_init(&resuming);
	site_lock(site);
	site->state = SITE_CLOSED;
	while ((at = list_pop(&site->requests)) != NULL) {
		struct ptj_web_request *r = container_of(at, struct ptj_web_request, link);

		give_up_locked(r);
		list_append(request_unmark_locked(r) ? &resuming : &site->given_up, at);
	}
	site_unlock(site);
	/* Until it is resumed nobody else touches the link of one that was suspended. */
	while ((at = list_pop(&resuming)) != NULL)
		request_resume_connection(
			site, container_of(at, struct ptj_web_request, link)->connection);
}
