/* SPDX-License-Identifier: Apache-2.0 */

#include "request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The address of the peer; "" where it has none. */
static void set_remote(struct ptj_web_request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *addr = info ? info->client_addr : NULL;

	if (addr && addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)addr)->sin_addr, r->remote,
		          sizeof(r->remote));
	else if (addr && addr->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)addr)->sin6_addr, r->remote,
		          sizeof(r->remote));
}

struct ptj_web_request *request_create(struct site *site, struct MHD_Connection *connection,
                                       const char *uri, bool encoded)
{
	struct ptj_web_request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->uri = strdup(uri);
	if (!r->uri) {
		free(r);
		return NULL;
	}
	r->site = site;
	r->connection = connection;
	r->encoded = encoded;
	r->refs = 1;
	r->over = true;
	list_init(&r->line_link);
	set_remote(r);
	site_lock(site);
	site_ref_locked(site);
	list_append(&site->requests, &r->link);
	site->request_count++;
	site_unlock(site);
	return r;
}

void request_ref_locked(struct ptj_web_request *r)
{
	r->refs++;
}

void request_unref_unlock(struct ptj_web_request *r)
{
	struct site *site = r->site;
	bool last = --r->refs == 0;

	if (!last) {
		site_unlock(site);
		return;
	}
	site_unref_unlock(site);
	if (r->answer.response)
		MHD_destroy_response(r->answer.response);
	ptj_job_unref(r->job);
	fields_destroy(&r->fields);
	pipe_free(r->in);
	pipe_free(r->out);
	free(r->failure_message);
	free(r->method);
	free(r->uri);
	free(r->body);
	free(r);
}

void request_finish_locked(struct ptj_web_request *r)
{
	struct site *site = r->site;

	r->gone = true;
	r->suspended = false;
	list_remove(&r->link);
	if (--site->request_count == 0)
		pthread_cond_broadcast(&site->quiet);
}

static bool is_suspended(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED)
	               ->suspended == MHD_YES;
}

/* libmicrohttpd goes on with the chunks of a body that it has read, suspended or not.  A second
   suspension would break its lists; if the first has been taken off the request already, it is
   about to be resumed, and called again with more. */
void request_suspend_locked(struct ptj_web_request *r, enum cause cause)
{
	if (is_suspended(r->connection))
		return;
	r->suspended = true;
	r->cause = cause;
	MHD_suspend_connection(r->connection);
}

bool request_unmark_locked(struct ptj_web_request *r)
{
	bool suspended = r->suspended;

	r->suspended = false;
	if (suspended)
		r->site->pins++;
	return suspended;
}

void request_resume_connection(struct site *site, struct MHD_Connection *connection)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	MHD_resume_connection(connection);
	site_unpin(site);
	pthread_setcancelstate(before, NULL);
}

void request_resume_unlock(struct ptj_web_request *r)
{
	struct MHD_Connection *connection = r->connection;
	struct site *site = r->site;
	bool resume = request_unmark_locked(r);

	site_unlock(site);
	if (resume)
		request_resume_connection(site, connection);
}

void request_resume_from(struct ptj_web_request *r, enum cause cause)
{
	site_lock(r->site);
	if (r->cause == cause)
		request_resume_unlock(r);
	else
		site_unlock(r->site);
}

bool request_streams(struct ptj_web_request *r)
{
	bool streams;

	site_lock(r->site);
	streams = r->streams;
	site_unlock(r->site);
	return streams;
}

/* A 503 tells the client when to come again; an answer without it is better than none. */
static void add_standard_headers(struct MHD_Response *response, int status)
{
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
	                        "text/plain; charset=utf-8");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
}

struct MHD_Response *request_text(int status)
{
	char text[128];
	int len = snprintf(text, sizeof(text), "%d %s\n", status,
	                   MHD_get_reason_phrase_for((unsigned)status));
	struct MHD_Response *response =
		MHD_create_response_from_buffer((size_t)len, text, MHD_RESPMEM_MUST_COPY);

	if (response)
		add_standard_headers(response, status);
	return response;
}

void request_answer_locked(struct ptj_web_request *r, struct answer answer)
{
	if (r->phase >= PHASE_ANSWERED) {
		if (answer.response)
			MHD_destroy_response(answer.response);
		return;
	}
	/* What a handler had said before it failed, or the server gave it up. */
	if (r->answer.response && r->answer.response != answer.response)
		MHD_destroy_response(r->answer.response);
	r->answer = answer;
	r->phase = PHASE_ANSWERED;
}

void request_answer_status_locked(struct ptj_web_request *r, int status)
{
	request_answer_locked(r, (struct answer){status, request_text(status)});
}
