/* SPDX-License-Identifier: Apache-2.0 */

#include "line.h"

#include <errno.h>
#include <signal.h>

#include "request.h"

/* The first of the line; NULL when the line has been closed and is empty.  mu held; released
   meanwhile. */
static struct ptj_web_request *next_locked(struct line *line)
{
	struct link *first;

	while (list_empty(&line->requests) && line->open)
		pthread_cond_wait(&line->work, &line->site->mu);
	first = list_pop(&line->requests);
	return first ? container_of(first, struct ptj_web_request, line_link) : NULL;
}

static void *serve_line(void *arg)
{
	struct line *line = arg;
	struct ptj_web_request *r;

	site_lock(line->site);
	while ((r = next_locked(line)) != NULL) {
		site_unlock(line->site);
		line->serve(r);
		site_lock(line->site);
		line->count--;
	}
	site_unlock(line->site);
	return NULL;
}

int line_open(struct line *line, struct site *site, size_t limit, line_serve serve)
{
	sigset_t all, before;
	int rc;

	site_lock(site);
	*line = (struct line){.site = site, .limit = limit, .serve = serve, .open = limit > 0};
	list_init(&line->requests);
	site_unlock(site);
	if (limit == 0)
		return 0;
	rc = pthread_cond_init(&line->work, NULL);
	if (rc)
		goto closed;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&line->thread, NULL, serve_line, line);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return 0;
	pthread_cond_destroy(&line->work);
closed:
	line->open = false;
	return rc;
}

void line_close(struct line *line)
{
	if (!line->site)
		return;
	site_lock(line->site);
	if (!line->open) {
		site_unlock(line->site);
		return;
	}
	line->open = false;
	pthread_cond_signal(&line->work);
	site_unlock(line->site);
	pthread_join(line->thread, NULL);
	pthread_cond_destroy(&line->work);
}

bool line_is_busy_locked(const struct line *line)
{
	return line->count > 0;
}

bool line_join_locked(struct line *line, struct ptj_web_request *r)
{
	if (!line->open || line->count >= line->limit)
		return false;
	line->count++;
	r->phase = PHASE_LINE;
	list_append(&line->requests, &r->line_link);
	pthread_cond_signal(&line->work);
	return true;
}

bool line_leave_locked(struct line *line, struct ptj_web_request *r)
{
	if (list_empty(&r->line_link))
		return false;
	list_remove(&r->line_link);
	line->count--;
	return true;
}
