/* What libmicrohttpd calls for a request: when its first line is there, when there is something of
   it or the answer is due, and when it is over.

   The access handler of 0.9.75 is called with the head of a request, then with each piece of its
   body, then until there is an answer.  Three of its ways stand behind what is done here:

   - Suspended in its call for the head, it would be called for the head again; so a connection is
     suspended in later calls only.
   - Resumed, it reads from the connection first if it was about to read when it was suspended, and
     takes an end of the client's input for the end of the client: one that sends its request and
     shuts its side down would get no answer.  So the call that finds no answer yet does nothing the
     first time; libmicrohttpd then settles on waiting, and calls again.  That also
     leaves out a read that finds nothing, which is why it costs nothing.
   - A piece of the body that is not taken stays with it, and is lost in the case before; so each
     piece is taken whole, and the connection suspended when that was too much.

   SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "head.h"
#include "job.h"
#include "keep_errno.h"
#include "watch.h"

/* How much of a body that nobody wants is read, so that its client gets the answer: one that is
   still sending when the connection is closed may lose it to the reset. */
#define DRAIN_MAX ((uint64_t)64 * 1024 * 1024)

/* ---- The answer ------------------------------------------------------------------------------ */

/* Hands the answer to libmicrohttpd.  Without one, for want of memory, the connection is closed. */
static int send_answer(struct ptj_web_request *r, bool closing)
{
	struct MHD_Response *response = r->answer.response;
	enum MHD_Result rc;

	if (!response)
		return MHD_NO;
	if (closing)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	rc = MHD_queue_response(r->connection, (unsigned)r->answer.status, response);
	r->answer.response = NULL;
	MHD_destroy_response(response);
	return rc;
}

/* mu held; released. */
static int send_answer_unlock(struct ptj_web_request *r)
{
	bool closing = r->site->state != SITE_OPEN;

	r->phase = PHASE_SENT;
	site_unlock(r->site);
	return send_answer(r, closing);
}

/* ---- Handlers on the event loop -------------------------------------------------------------- */

static void report(struct ptj_web_request *r, int rc)
{
	ptj_context context = {.message = "Request handler failed",
	                       .error = rc,
	                       .error_message = r->failure_message};

	if (r->scheduler && site_pin(r->site) == 0) {
		ptj_scheduler_call_exception_handler(r->scheduler->scheduler, &context);
		site_unpin(r->site);
		return;
	}
	site_log(r->site, "%s %s: request handler failed: %s%s%s", r->method, r->uri,
	         ptj_strerror(rc), r->failure_message ? ": " : "",
	         r->failure_message ? r->failure_message : "");
}

static void run_inline(struct ptj_web_request *r)
{
	struct inline_handler frame;
	int rc;

	site_enter(r->site, &frame);
	rc = r->route->handler(r, r->route->user);
	if (rc == 0)
		rc = r->failure;
	site_lock(r->site);
	if (rc == 0 && r->answer.status == 0)
		rc = ENODATA;
	if (rc)
		request_answer_status_locked(r, MHD_HTTP_INTERNAL_SERVER_ERROR);
	else
		request_answer_locked(r, r->answer);
	site_unlock(r->site);
	if (rc)
		report(r, rc);
	/* Whoever hears of it cannot stop the server either. */
	site_leave(r->site, &frame);
}

/* ---- The calls of the access handler --------------------------------------------------------- */

/* Refuses a request, at once if what follows is not to be read. */
static int refuse(struct ptj_web_request *r, int status, bool whole, const char *allow)
{
	struct MHD_Response *response = request_text(status);
	bool drain = whole && (r->announced == UINT64_MAX || r->announced <= DRAIN_MAX);

	if (response && allow)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	site_lock(r->site);
	request_answer_locked(r, (struct answer){status, response});
	if (!drain)
		return send_answer_unlock(r);
	site_unlock(r->site);
	return MHD_YES;
}

static void submit(struct ptj_web_request *r)
{
	job_submit(r);
	site_lock(r->site);
	if (!r->given_up && (r->phase == PHASE_LINE || !r->over))
		watch_begin_locked(r);
	site_unlock(r->site);
}

/* Begins to stream the body to a job. */
static int begin_stream(struct ptj_web_request *r)
{
	struct pipe *in = pipe_create(r->obliging);

	if (!in)
		return refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE, true, NULL);
	if (!head_has_body(r))
		pipe_end(in, 0);
	site_lock(r->site);
	r->in = in;
	site_unlock(r->site);
	submit(r);
	return MHD_YES;
}

static int on_head(struct ptj_web_request *r, struct ptj_web_app *root, const char *method)
{
	struct site *site = r->site;
	bool whole, refused;
	char *allow;
	int status = head_read(r, root, method, &whole, &allow), rc;

	site_lock(site);
	refused = site->state != SITE_OPEN;
	if (r->phase == PHASE_HEAD)
		r->phase = head_has_body(r) ? PHASE_BODY : PHASE_WHOLE;
	if (head_has_body(r) && site->clients)
		client_expects_locked(site->clients, r->client);
	else
		client_rests_locked(r->client);
	site_unlock(site);
	if (refused && !status)
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	if (status)
		rc = refuse(r, status, whole, allow);
	else
		rc = r->route->attr.stream_body ? begin_stream(r) : MHD_YES;
	free(allow);
	return rc;
}

/* Keeps a piece of a body for ptj_web_body().  mu not held: the handler does not run yet. */
static int keep(struct ptj_web_request *r, const char *bytes, size_t n)
{
	size_t size = r->body_size ? r->body_size : 4096;
	char *body;

	while (size - r->body_len <= n)
		size *= 2;
	if (size != r->body_size) {
		body = realloc(r->body, size);
		if (!body)
			return ENOMEM;
		r->body = body;
		r->body_size = size;
	}
	memcpy(r->body + r->body_len, bytes, n);
	r->body_len += n;
	r->body[r->body_len] = '\0';
	return 0;
}

/* A body beyond the limit.  What becomes of a handler that is told of it, is answered with 413. */
static void refuse_rest(struct ptj_web_request *r)
{
	site_lock(r->site);
	r->too_large = true;
	if (!r->in)
		request_answer_status_locked(r, MHD_HTTP_CONTENT_TOO_LARGE);
	site_unlock(r->site);
	if (r->in)
		pipe_end(r->in, EMSGSIZE);
}

/* Passes a piece of a body on to the handler that runs, or keeps it for the one that will.  mu not
   held. */
static void take_piece(struct ptj_web_request *r, const char *bytes, size_t n)
{
	if (r->limit && r->received > r->limit) {
		refuse_rest(r);
	} else if (r->in) {
		int rc = pipe_put(r->in, bytes, n);

		if (rc || r->received == r->announced)
			pipe_end(r->in, rc);
	} else if (keep(r, bytes, n)) {
		site_lock(r->site);
		request_answer_status_locked(r, MHD_HTTP_SERVICE_UNAVAILABLE);
		site_unlock(r->site);
	}
}

static int on_body(struct ptj_web_request *r, const char *bytes, size_t n)
{
	struct site *site = r->site;
	bool wanted;

	r->received += n;
	site_lock(site);
	wanted = r->phase < PHASE_ANSWERED;
	if (site->clients)
		client_received_locked(site->clients, r->client, n);
	site_unlock(site);
	if (wanted)
		take_piece(r, bytes, n);
	else if ((r->dropped += n) > DRAIN_MAX)
		return MHD_NO;
	site_lock(site);
	/* Not once all of it is there: see above. */
	if (r->in && pipe_is_full(r->in) && r->phase < PHASE_ANSWERED) {
		client_rests_locked(r->client);
		request_suspend_locked(r, CAUSE_READER);
	}
	site_unlock(site);
	return MHD_YES;
}

/* The whole request is there, and libmicrohttpd waits for the answer. */
static int on_whole(struct ptj_web_request *r)
{
	struct site *site = r->site;
	bool begin;

	site_lock(site);
	client_rests_locked(r->client);
	/* That of a streamed body has begun. */
	if (r->phase == PHASE_BODY)
		r->phase = PHASE_WHOLE;
	if (r->in)
		pipe_end(r->in, 0);
	begin = r->phase == PHASE_WHOLE;
	if (begin && !r->atomic)
		r->phase = PHASE_JOB;
	site_unlock(site);
	if (begin && r->atomic)
		submit(r);
	else if (begin)
		run_inline(r);

	site_lock(site);
	if (r->phase == PHASE_ANSWERED)
		return send_answer_unlock(r);
	if (r->settled)
		request_suspend_locked(r, CAUSE_ANSWER);
	r->settled = true;
	site_unlock(site);
	return MHD_YES;
}

int ptj_web_request_begin(ptj_web_app *app, struct MHD_Connection *connection, const char *url,
                          const char *method, const char *version, const char *upload,
                          size_t *upload_size, void **request)
{
	KEEP_ERRNO;
	struct ptj_web_request *r;
	bool head;
	int rc;

	if (!app || site_is_dead(app_site(app)) || !connection || !url || !method || !version ||
	    !upload_size || !request)
		return MHD_NO;
	r = *request;
	/* Only for want of memory is there none from ptj_web_request_uri(). */
	if (!r && app_site(app)->clients)
		return MHD_NO;
	if (!r) {
		r = request_create(app_site(app), connection, url, false);
		if (!r)
			return MHD_NO;
		*request = r;
	}
	head = !r->method;
	r->chunks = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
	if (head)
		return on_head(r, app, method);
	if (*upload_size == 0)
		return on_whole(r);
	rc = on_body(r, upload, *upload_size);
	*upload_size = 0;
	return rc;
}

/* ---- Begin and end --------------------------------------------------------------------------- */

void *ptj_web_request_uri(void *app, const char *uri, struct MHD_Connection *connection)
{
	KEEP_ERRNO;
	struct ptj_web_request *r;
	struct site *site;
	const union MHD_ConnectionInfo *info;

	if (!app || !uri || !connection)
		return NULL;
	site = app_site(app);
	r = request_create(site, connection, uri, true);
	if (!r || !site->clients)
		return r;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	site_lock(site);
	r->client = client_get_locked(site->clients, info->connect_fd);
	if (r->client)
		r->client->busy = r->client->served = true;
	site_unlock(site);
	return r;
}

/* mu held. */
static void end_client_locked(struct ptj_web_request *r)
{
	struct site *site = r->site;

	if (!r->client)
		return;
	r->client->busy = false;
	client_expects_locked(site->clients, r->client);
	if (site->state != SITE_OPEN)
		client_close_idle_locked(r->client);
}

void ptj_web_request_end(void *app, struct MHD_Connection *connection, void **request,
                         int termination)
{
	KEEP_ERRNO;
	struct ptj_web_request *r;

	(void)connection;
	if (!app || !request || !*request)
		return;
	r = *request;
	*request = NULL;
	site_lock(r->site);
	end_client_locked(r);
	watch_end_locked(r, !r->over && termination != MHD_REQUEST_TERMINATED_COMPLETED_OK);
	if (r->in)
		pipe_end(r->in, EPIPE);
	if (r->streams)
		pipe_end(r->out, EPIPE);
	request_finish_locked(r);
	request_unref_unlock(r);
}
