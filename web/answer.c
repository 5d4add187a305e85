/* What a handler answers: whole, from a file, or piece by piece.

   A whole answer is only kept here, and goes out when the handler has succeeded; one that is
   streamed goes out while the handler runs.  Either way it reaches libmicrohttpd on a thread of the
   daemon's.

   Cancellation is disabled while libmicrohttpd's functions run.

   SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "keep_errno.h"
#include "request.h"
#include "text.h"

enum { READER_BLOCK = 32 * 1024 };

/* ---- Headers --------------------------------------------------------------------------------- */

/* Those that decide where an answer ends. */
static bool is_reserved(const char *name)
{
	static const char *const reserved[] = {"Content-Length", "Transfer-Encoding", "Connection",
	                                       "Date", NULL};
	size_t i;

	for (i = 0; reserved[i]; i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	return false;
}

static int check(int status, const char *const *headers)
{
	if (status < 200 || status > 599)
		return EINVAL;
	for (; headers && *headers; headers += 2)
		if (!headers[1] || !text_is_token(headers[0]) || !text_is_value(headers[1]) ||
		    is_reserved(headers[0]))
			return EINVAL;
	return 0;
}

/* An empty value is a value, but not to libmicrohttpd: such a header is left out. */
static int add_headers(struct MHD_Response *response, const char *const *headers)
{
	for (; headers && *headers; headers += 2)
		if (headers[1][0] &&
		    MHD_add_response_header(response, headers[0], headers[1]) != MHD_YES)
			return ENOMEM;
	return 0;
}

/* ---- Whose answer it becomes ----------------------------------------------------------------- */

/* 0 if r may be answered.  mu held. */
static int may_answer_locked(const struct ptj_web_request *r)
{
	if (r->given_up)
		return EPIPE;
	return r->answer.status ? EALREADY : 0;
}

/* What a job has answered it has done; see job.c for one that somebody else answers for. */
static void succeed(struct ptj_web_request *r)
{
	if (!r->atomic) {
		r->failure = 0;
		return;
	}
	if (ptj_job_self() == r->self) {
		r->failure = 0;
		ptj_job_succeed(NULL);
		return;
	}
	site_lock(r->site);
	r->answered_elsewhere = true;
	site_unlock(r->site);
}

/* Takes over response; for a stream of size bytes, begins it. */
static int install(struct ptj_web_request *r, int status, struct MHD_Response *response,
                   struct pipe *out, uint64_t size)
{
	int rc;

	site_lock(r->site);
	rc = may_answer_locked(r);
	if (rc) {
		site_unlock(r->site);
		MHD_destroy_response(response);
		return rc;
	}
	r->answer = (struct answer){status, response};
	if (!out) {
		site_unlock(r->site);
	} else {
		r->out = out;
		r->out_left = size;
		r->streams = true;
		r->phase = PHASE_ANSWERED;
		if (r->in)
			pipe_end(r->in, EPIPE);
		if (r->gone)
			pipe_end(out, EPIPE);
		request_resume_unlock(r);
	}
	succeed(r);
	return 0;
}

/* Adds the headers to a response, unless it is NULL for want of memory, and installs it. */
static int finish(struct ptj_web_request *r, int status, const char *const *headers,
                  struct MHD_Response *response, struct pipe *out, uint64_t size)
{
	if (!response)
		return ENOMEM;
	if (add_headers(response, headers)) {
		MHD_destroy_response(response);
		return ENOMEM;
	}
	return install(r, status, response, out, size);
}

/* ---- Whole answers --------------------------------------------------------------------------- */

int ptj_web_respond(ptj_web_request *r, int status, const char *const *headers, const void *body,
                    size_t size)
{
	KEEP_ERRNO;
	struct MHD_Response *response;
	int before, rc;

	if (!r || (!body && size > 0) || check(status, headers))
		return EINVAL;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	/* libmicrohttpd only reads it, whatever its type says. */
	response = MHD_create_response_from_buffer(size, (void *)(size ? body : ""),
	                                           size ? MHD_RESPMEM_MUST_COPY
	                                                : MHD_RESPMEM_PERSISTENT);
	rc = finish(r, status, headers, response, NULL, size);
	pthread_setcancelstate(before, NULL);
	return rc;
}

/* Whether size bytes from offset on are there; sets a size of UINT64_MAX to all that are. */
static bool file_has(int fd, uint64_t offset, uint64_t *size)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || offset > (uint64_t)st.st_size)
		return false;
	if (*size == UINT64_MAX)
		*size = (uint64_t)st.st_size - offset;
	return *size <= (uint64_t)st.st_size - offset;
}

int ptj_web_respond_fd(ptj_web_request *r, int status, const char *const *headers, int fd,
                       uint64_t offset, uint64_t size)
{
	KEEP_ERRNO;
	struct MHD_Response *response;
	int before, copy, rc;

	if (!r || fd < 0 || check(status, headers) || !file_has(fd, offset, &size))
		return EINVAL;
	/* The response closes its descriptor when it goes, also where it is refused. */
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return errno;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	response = MHD_create_response_from_fd_at_offset64(size, copy, offset);
	if (!response)
		close(copy);
	rc = finish(r, status, headers, response, NULL, size);
	if (rc == 0)
		close(fd);
	pthread_setcancelstate(before, NULL);
	return rc;
}

/* ---- Streamed answers ------------------------------------------------------------------------ */

/* Where the end of an answer is the end of its connection, libmicrohttpd 0.9.75 marks that closed,
   and with epoll may not come back to it.  It does to one with a timeout of its own, in a
   second. */
static void end_connection(struct ptj_web_request *r)
{
	unsigned now =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_TIMEOUT)
			->connection_timeout;

	MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, now == 1 ? 2u : 1u);
}

/* libmicrohttpd's reader: on a thread of the daemon's.  Nothing to read is no end: it is called
   again when the connection is resumed. */
static ssize_t read_stream(void *cls, uint64_t position, char *buf, size_t max)
{
	struct ptj_web_request *r = cls;
	size_t n = pipe_take(r->out, buf, max);
	int error;

	(void)position;
	if (n > 0)
		return (ssize_t)n;
	site_lock(r->site);
	if (pipe_is_empty(r->out)) {
		request_suspend_locked(r, CAUSE_WRITER);
		site_unlock(r->site);
		return 0;
	}
	site_unlock(r->site);
	n = pipe_take(r->out, buf, max);
	if (n > 0)
		return (ssize_t)n;
	error = pipe_error(r->out);
	if (error || !r->chunks)
		end_connection(r);
	return error ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
}

/* Whether an answer has no body, whatever the handler writes. */
static bool is_bodiless(const struct ptj_web_request *r, int status)
{
	return strcmp(r->method, "HEAD") == 0 || status == MHD_HTTP_NO_CONTENT ||
	       status == MHD_HTTP_NOT_MODIFIED;
}

int ptj_web_stream(ptj_web_request *r, int status, const char *const *headers, uint64_t size)
{
	KEEP_ERRNO;
	struct MHD_Response *response;
	struct pipe *out;
	int before, rc;

	if (!r || !r->atomic || check(status, headers))
		return EINVAL;
	out = pipe_create(r->obliging);
	if (!out)
		return ENOMEM;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	response = MHD_create_response_from_callback(size == UINT64_MAX ? MHD_SIZE_UNKNOWN : size,
	                                             READER_BLOCK, read_stream, r, NULL);
	/* To a HEAD, too, libmicrohttpd sends the last chunk, and the client would take it for the
	   next answer. */
	if (response && size == UINT64_MAX && is_bodiless(r, status))
		MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	rc = finish(r, status, headers, response, out, size);
	pthread_setcancelstate(before, NULL);
	if (rc)
		pipe_free(out);
	return rc;
}

int ptj_web_write(ptj_web_request *r, const void *buf, size_t size, int64_t timeout_ms,
                  size_t *written)
{
	KEEP_ERRNO;
	const char *from = buf;
	int64_t until;
	size_t done = 0;
	int rc = 0;

	if (!r || (!buf && size > 0) || timeout_ms < PTJ_DEFAULT || !request_streams(r))
		return EINVAL;
	if (written)
		*written = 0;
	if (r->out_left != UINT64_MAX && size > r->out_left)
		return EMSGSIZE;
	until = clock_after(timeout_ms);
	while (done < size) {
		size_t n = size - done;

		if (!is_bodiless(r, r->answer.status))
			rc = pipe_write(r->out, from + done, n, until, &n);
		if (rc)
			break;
		done += n;
		if (written)
			*written = done;
		request_resume_from(r, CAUSE_WRITER);
	}
	if (r->out_left != UINT64_MAX)
		r->out_left -= done;
	return rc;
}
