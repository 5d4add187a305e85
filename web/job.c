/* SPDX-License-Identifier: Apache-2.0 */

#include "job.h"

#include <errno.h>

/* ---- The job --------------------------------------------------------------------------------- */

static void *run(void *arg)
{
	struct ptj_web_request *r = arg;
	bool excused;
	int rc;

	r->self = ptj_job_self();
	rc = r->route->handler(r, r->route->user);
	r->returned = true;
	site_lock(r->site);
	excused = rc == 0 ? r->answered_elsewhere : rc == EPIPE && r->gone;
	site_unlock(r->site);
	/* ptj_web_fail() has recorded its message already, and an answer that the job itself gave
	   that it succeeded; what it recorded afterwards holds. */
	if (excused)
		ptj_job_succeed(NULL);
	else if (rc && rc != r->failure)
		ptj_job_fail(rc, NULL);
	return NULL;
}

/* What is answered where the handler has not succeeded.  mu held. */
static int failure_status(const struct ptj_web_request *r, int error)
{
	if (error == ECANCELED)
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	return r->too_large ? MHD_HTTP_CONTENT_TOO_LARGE : MHD_HTTP_INTERNAL_SERVER_ERROR;
}

/* A streamed answer is whole only if its handler says so and kept to the size it had announced. */
static void end_stream(struct ptj_web_request *r, int error)
{
	bool whole = error == 0 && r->returned && (r->out_left == 0 || r->out_left == UINT64_MAX);

	pipe_end(r->out, whole ? 0 : EIO);
}

/* The release function of the job: its function is over, or never ran. */
static void over(void *arg)
{
	struct ptj_web_request *r = arg;
	struct MHD_Connection *connection = r->connection;
	struct site *site = r->site;
	int error = r->self ? ptj_job_error(r->self) : ECANCELED;
	ptj_job *job;
	bool resume;

	site_lock(site);
	r->over = true;
	job = r->job;
	r->job = NULL;
	if (r->streams)
		end_stream(r, error);
	else if (error || !r->answer.status)
		request_answer_status_locked(r, failure_status(r, error));
	else
		request_answer_locked(r, r->answer);
	if (r->in)
		pipe_end(r->in, EPIPE);
	/* Suspended, the connection keeps the daemon's reference to r until it is resumed. */
	resume = request_unmark_locked(r);
	request_unref_unlock(r);
	if (resume)
		request_resume_connection(site, connection);
	ptj_job_unref(job);
}

/* ---- Its start ------------------------------------------------------------------------------- */

void job_prepare(struct route *route)
{
	ptj_job_attr_set_release(route->job_attr, over);
	/* No answer is a failure. */
	ptj_job_attr_set_explicit_result(route->job_attr, 1);
}

/* The job has a reference before it can end. */
static void begin_locked(struct ptj_web_request *r)
{
	r->phase = PHASE_JOB;
	r->over = false;
	request_ref_locked(r);
}

static void begin_failed_locked(struct ptj_web_request *r)
{
	r->over = true;
	r->refs--;
}

/* The handle of a job that may have ended by now, or whose client has left meanwhile. */
static void keep_handle(struct ptj_web_request *r, ptj_job *job)
{
	bool left;

	if (!job)
		return;
	site_lock(r->site);
	left = r->left;
	if (!r->over)
		r->job = ptj_job_ref(job);
	site_unlock(r->site);
	if (left)
		ptj_job_close(job, 0);
	ptj_job_unref(job);
}

/* mu not held. */
static int spawn(struct ptj_web_request *r, int64_t timeout_ms)
{
	ptj_job *job = NULL;
	int rc = ptj_spawn_attr(r->scheduler->scheduler, r->route->job_attr, run, r, timeout_ms,
	                        r->route->attr.close_on_disconnect ? &job : NULL);

	if (rc == 0)
		keep_handle(r, job);
	return rc;
}

/* Puts r in line; 503 where that is full.  The line has a reference. */
static void join_locked(struct ptj_web_request *r)
{
	if (line_join_locked(&r->scheduler->line, r))
		request_ref_locked(r);
	else
		request_answer_status_locked(r, MHD_HTTP_SERVICE_UNAVAILABLE);
}

static void submit_pinned(struct ptj_web_request *r)
{
	int rc;

	site_lock(r->site);
	if (r->phase >= PHASE_ANSWERED || line_is_busy_locked(&r->scheduler->line)) {
		if (r->phase < PHASE_ANSWERED)
			join_locked(r);
		site_unlock(r->site);
		return;
	}
	begin_locked(r);
	site_unlock(r->site);
	rc = spawn(r, 0);
	if (rc == 0)
		return;
	site_lock(r->site);
	begin_failed_locked(r);
	if (rc == EAGAIN && r->phase < PHASE_ANSWERED)
		join_locked(r);
	else
		request_answer_status_locked(r, MHD_HTTP_SERVICE_UNAVAILABLE);
	site_unlock(r->site);
}

static void refuse(struct ptj_web_request *r, int status)
{
	site_lock(r->site);
	request_answer_status_locked(r, status);
	site_unlock(r->site);
}

void job_submit(struct ptj_web_request *r)
{
	if (!r->scheduler) {
		site_log(r->site, "%s %s: the route is atomic, and there is no scheduler",
		         r->method, r->uri);
		refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR);
	} else if (site_pin(r->site)) {
		refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE);
	} else {
		submit_pinned(r);
		site_unpin(r->site);
	}
}

void job_serve_line(struct ptj_web_request *r)
{
	struct site *site = r->site;
	int rc;

	site_lock(site);
	if (r->phase == PHASE_LINE && !r->left) {
		begin_locked(r);
		site_unlock(site);
		rc = spawn(r, PTJ_INFINITE);
		site_lock(site);
		if (rc)
			begin_failed_locked(r);
	} else {
		rc = ECANCELED;
	}
	if (rc) {
		struct MHD_Connection *connection = r->connection;
		bool resume = request_unmark_locked(r);

		request_answer_status_locked(r, MHD_HTTP_SERVICE_UNAVAILABLE);
		request_unref_unlock(r);
		if (resume)
			request_resume_connection(site, connection);
		return;
	}
	request_unref_unlock(r);
}

/* ---- Its client leaves ----------------------------------------------------------------------- */

void job_leave(struct ptj_web_request *r)
{
	ptj_job *job = NULL;

	site_lock(r->site);
	r->left = true;
	if (r->phase == PHASE_LINE && line_leave_locked(&r->scheduler->line, r)) {
		r->refs--;
		request_answer_status_locked(r, MHD_HTTP_SERVICE_UNAVAILABLE);
		request_resume_unlock(r);
		return;
	}
	if (r->job)
		job = ptj_job_ref(r->job);
	site_unlock(r->site);
	if (job)
		ptj_job_close(job, 0);
	ptj_job_unref(job);
}
