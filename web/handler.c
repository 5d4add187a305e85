/* What a handler learns of its request, and does with its scheduler.

   SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "keep_errno.h"
#include "request.h"

/* ---- What came ------------------------------------------------------------------------------- */

ptj_web_app *ptj_web_request_app(const ptj_web_request *r)
{
	ptj_web_app *app;

	if (!r)
		return NULL;
	site_lock(r->site);
	app = r->given_up ? NULL : r->app;
	site_unlock(r->site);
	return app;
}

const char *ptj_web_method(const ptj_web_request *r)
{
	return r ? r->method : NULL;
}

const char *ptj_web_uri(const ptj_web_request *r)
{
	return r ? r->uri : NULL;
}

const char *ptj_web_remote(const ptj_web_request *r)
{
	return r && r->remote[0] ? r->remote : NULL;
}

static const char *get(const ptj_web_request *r, enum field_kind kind, const char *name)
{
	return r && name ? fields_get(&r->fields, kind, name) : NULL;
}

const char *ptj_web_param(const ptj_web_request *r, const char *name)
{
	return get(r, FIELD_PARAM, name);
}

const char *ptj_web_query(const ptj_web_request *r, const char *name)
{
	return get(r, FIELD_QUERY, name);
}

const char *ptj_web_header(const ptj_web_request *r, const char *name)
{
	return get(r, FIELD_HEADER, name);
}

int ptj_web_each_query(const ptj_web_request *r, ptj_web_visitor visit, void *user)
{
	return r && visit ? fields_each(&r->fields, FIELD_QUERY, visit, user) : EINVAL;
}

int ptj_web_each_header(const ptj_web_request *r, ptj_web_visitor visit, void *user)
{
	return r && visit ? fields_each(&r->fields, FIELD_HEADER, visit, user) : EINVAL;
}

const void *ptj_web_body(const ptj_web_request *r, size_t *size)
{
	if (!r || r->in)
		return NULL;
	if (size)
		*size = r->body_len;
	return r->body ? r->body : "";
}

/* ---- A body that is streamed ----------------------------------------------------------------- */

int ptj_web_read(ptj_web_request *r, void *buf, size_t size, int64_t timeout_ms, size_t *got)
{
	KEEP_ERRNO;
	int rc;

	if (!r || !buf || size == 0 || !got || timeout_ms < PTJ_DEFAULT || !r->in)
		return EINVAL;
	rc = pipe_read(r->in, buf, size, clock_after(timeout_ms), got);
	/* Not while there is too much still: each time the daemon puts in all that it has read. */
	if (rc == 0 && !pipe_is_full(r->in))
		request_resume_from(r, CAUSE_READER);
	return rc;
}

/* Writes all of it, and counts it in *total; what write(2) says. */
static int write_all(int fd, const char *from, size_t size, uint64_t *total)
{
	while (size > 0) {
		ssize_t n = write(fd, from, size);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			from += n;
			size -= (size_t)n;
			*total += (uint64_t)n;
		}
	}
	return 0;
}

int ptj_web_read_to_fd(ptj_web_request *r, int fd, int64_t timeout_ms, uint64_t *written)
{
	KEEP_ERRNO;
	char buf[16 * 1024];
	uint64_t total = 0;
	size_t got = 0;
	int rc;

	if (fd < 0)
		return EINVAL;
	while ((rc = ptj_web_read(r, buf, sizeof(buf), timeout_ms, &got)) == 0 && got > 0) {
		rc = write_all(fd, buf, got, &total);
		if (rc)
			break;
	}
	if (written && rc != EINVAL)
		*written = total;
	return rc;
}

/* ---- Its scheduler --------------------------------------------------------------------------- */

ptj_scheduler *ptj_web_scheduler_from_request(ptj_web_request *r)
{
	ptj_scheduler *s;

	if (!r || !r->scheduler)
		return NULL;
	site_lock(r->site);
	s = r->given_up ? NULL : r->scheduler->scheduler;
	site_unlock(r->site);
	return s;
}

int ptj_web_scheduler(ptj_web_request *r, ptj_scheduler **out)
{
	ptj_scheduler *s;

	if (!r || !out)
		return EINVAL;
	s = ptj_web_scheduler_from_request(r);
	if (!s)
		return ENOENT;
	*out = s;
	return 0;
}

static void unpin(void *site)
{
	site_unpin(site);
}

/* Keeps the scheduler of r.  ESHUTDOWN: it is on its way out, or was; by now its application may
   have been started again, with another one. */
static int pin(ptj_web_request *r)
{
	bool given_up;
	int rc = site_pin(r->site);

	if (rc)
		return rc;
	site_lock(r->site);
	given_up = r->given_up;
	site_unlock(r->site);
	if (!given_up)
		return 0;
	site_unpin(r->site);
	return ESHUTDOWN;
}

int ptj_web_spawn(ptj_web_request *r, ptj_job_fn fn, void *arg, ptj_job **out)
{
	int rc;

	if (!r || !fn)
		return EINVAL;
	if (!r->scheduler)
		return ENOENT;
	rc = pin(r);
	if (rc)
		return rc;
	pthread_cleanup_push(unpin, r->site);
	rc = ptj_spawn_attr(r->scheduler->scheduler, NULL, fn, arg, r->atomic ? PTJ_INFINITE : 0,
	                    out);
	pthread_cleanup_pop(1);
	return rc;
}

int ptj_web_shield(ptj_web_request *r, ptj_job_fn fn, void *arg, int64_t timeout_ms, void **result)
{
	int rc;

	if (!r || !fn)
		return EINVAL;
	if (!r->scheduler)
		return ENOENT;
	rc = pin(r);
	if (rc)
		return rc;
	pthread_cleanup_push(unpin, r->site);
	rc = ptj_shield(r->scheduler->scheduler, fn, arg, timeout_ms, result);
	pthread_cleanup_pop(1);
	return rc;
}

int ptj_web_fail(ptj_web_request *r, int code, const char *message)
{
	KEEP_ERRNO;

	if (!r)
		return EINVAL;
	if (code == 0)
		code = EINVAL;
	if (r->atomic && ptj_job_self() == r->self) {
		r->failure = code;
		ptj_job_fail(code, message);
	} else if (!r->atomic) {
		r->failure = code;
		free(r->failure_message);
		r->failure_message = message ? strdup(message) : NULL;
	}
	return code;
}
