/* SPDX-License-Identifier: Apache-2.0 */

#include "status.h"

#include "reply.h"
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* ---- GET /api/jobs ---- */

/* The page shows no more than so many. */
#define MOST_JOBS 200

struct listing {
	struct json *json;
	unsigned listed;
};

static const char *state_of(const ptj_job *job)
{
	if (ptj_job_pending(job))
		return "pending";
	return ptj_job_active(job) ? "active" : "closing";
}

static int write_job(ptj_job *job, void *user)
{
	struct listing *listing = user;
	char name[64];

	ptj_job_get_name(job, name, sizeof(name));
	json_open(listing->json, '{');
	json_number_member(listing->json, "id", (int64_t)ptj_job_id(job));
	json_string_member(listing->json, "name", name);
	json_string_member(listing->json, "state", state_of(job));
	json_close(listing->json, '}');
	return ++listing->listed == MOST_JOBS;
}

static void write_jobs(struct json *json, ptj_scheduler *s)
{
	struct listing listing = {.json = json};

	json_name(json, "jobs");
	json_open(json, '[');
	ptj_scheduler_foreach(s, write_job, &listing);
	json_close(json, ']');
}

static int jobs(ptj_web_request *request, void *user)
{
	ptj_scheduler *s = ptj_web_scheduler_from_request(request);
	struct json json;
	int i;

	(void)user;
	json_begin(&json);
	json_open(&json, '{');
	json_number_member(&json, "limit", (int64_t)ptj_scheduler_limit(s));
	json_number_member(&json, "active", (int64_t)ptj_scheduler_active_count(s));
	json_number_member(&json, "pending", (int64_t)ptj_scheduler_pending_count(s));
	for (i = 0; i < TALLY_OUTCOMES; i++)
		json_number_member(&json, tally_outcome_names[i],
		                   (int64_t)tally_sum((enum tally_outcome)i));
	write_jobs(&json, s);
	json_close(&json, '}');
	return reply_json(request, 200, NULL, &json);
}

/* ---- GET /metrics, in the text format of Prometheus ---- */

static void write_gauge(FILE *out, const char *name, const char *help, size_t value)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %zu\n", name, help, name, name, value);
}

static void write_tally(FILE *out)
{
	static const char name[] = "notes_jobs_ended_total";
	int kind, outcome;

	fprintf(out, "# HELP %s Jobs that have ended.\n# TYPE %s counter\n", name, name);
	for (kind = 0; kind < TALLY_KINDS; kind++)
		for (outcome = 0; outcome < TALLY_OUTCOMES; outcome++)
			fprintf(out, "%s{kind=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", name,
			        tally_kind_names[kind], tally_outcome_names[outcome],
			        tally_get((enum tally_kind)kind, (enum tally_outcome)outcome));
}

static void write_metrics(FILE *out, const ptj_web_app *app, ptj_scheduler *s)
{
	write_gauge(out, "ptjobs_limit", "The most jobs that are active at once.",
	            ptj_scheduler_limit(s));
	write_gauge(out, "ptjobs_pending_limit", "The most jobs that wait in line.",
	            ptj_scheduler_pending_limit(s));
	write_gauge(out, "ptjobs_jobs", "Jobs that have not ended.", ptj_scheduler_len(s));
	write_gauge(out, "ptjobs_active_jobs", "Permits in use.", ptj_scheduler_active_count(s));
	write_gauge(out, "ptjobs_pending_jobs", "Jobs in line.", ptj_scheduler_pending_count(s));
	write_gauge(out, "ptjobs_shielded_functions", "Shielded functions that have not ended.",
	            ptj_scheduler_shield_count(s));
	write_gauge(out, "ptjobs_web_connections", "Connections to the server.",
	            ptj_web_connection_count(app));
	write_gauge(out, "ptjobs_web_requests", "Requests that are not answered to the end.",
	            ptj_web_request_count(app));
	write_tally(out);
}

static int metrics(ptj_web_request *request, void *user)
{
	static const char *const headers[] = {"Content-Type",
	                                      "text/plain; version=0.0.4; charset=utf-8", NULL};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int error = ENOMEM;

	(void)user;
	if (!out)
		return error;
	write_metrics(out, ptj_web_request_app(request), ptj_web_scheduler_from_request(request));
	if (fclose(out) == 0)
		error = ptj_web_respond(request, 200, headers, text, size);
	free(text);
	return error;
}

int status_add_routes(ptj_web_app *app)
{
	int error = ptj_web_route(app, "GET", "/api/jobs", jobs, NULL);

	return error != 0 ? error : ptj_web_route(app, "GET", "/metrics", metrics, NULL);
}
