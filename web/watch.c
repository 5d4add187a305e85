/* SPDX-License-Identifier: Apache-2.0 */

#include "watch.h"

#include <sys/epoll.h>

#include "client.h"
#include "job.h"

static int socket_of(struct ptj_web_request *r)
{
	return MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
	        ->connect_fd;
}

/* The client shut its side down, or is gone. */
static void ready(struct source *source, uint32_t events)
{
	(void)events;
	job_leave(container_of(source, struct ptj_web_request, source));
}

static void retire(struct task *task)
{
	struct ptj_web_request *r = container_of(task, struct ptj_web_request, task);

	if (r->left_unseen)
		job_leave(r);
	site_lock(r->site);
	request_unref_unlock(r);
}

void watch_begin_locked(struct ptj_web_request *r)
{
	if (!r->route->attr.close_on_disconnect)
		return;
	r->source.ready = ready;
	r->task.run = retire;
	r->watched_fd = socket_of(r);
	/* The loop watches the clients of a server of ours anyway. */
	if (r->client)
		r->client->listener = &r->source;
	else if (loop_add(r->site->loop, r->watched_fd, EPOLLRDHUP | EPOLLONESHOT, &r->source))
		return;
	r->watched = true;
	request_ref_locked(r);
	if (r->client && r->client->ended)
		watch_end_locked(r, true);
}

void watch_end_locked(struct ptj_web_request *r, bool left)
{
	if (!r->watched)
		return;
	r->watched = false;
	r->left_unseen = left;
	if (r->client)
		r->client->listener = NULL;
	else
		loop_remove(r->site->loop, r->watched_fd);
	loop_post(r->site->loop, &r->task);
}
