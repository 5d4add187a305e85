/* web-sqlite: notes in an SQLite database, over HTTP.

   SQLite blocks, so each request that needs it is a job: at most LIMIT of them at once, and so many
   more in line.  The event loop serves the rest by itself.

	page      /                  what the scheduler does, to look at in a browser
	notes     /api/notes         read and written
	report    /api/report        slow; it ends when its client goes away
	imports   /api/imports       background jobs, with their progress
	status    /api/jobs          the jobs there are
	          /metrics           counts, for Prometheus

   SIGTERM stops it: whatever it has accepted is answered first, and what takes longer than the
   grace is interrupted and answered, too.

   SPDX-License-Identifier: Apache-2.0 */

#include "database.h"
#include "imports.h"
#include "notes.h"
#include "number.h"
#include "page.h"
#include "report.h"
#include "status.h"

#include <ptjobs-microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LEAST_LIMIT 2 /* for an import, and for requests beside it */
#define PENDING_LIMIT 200
#define GRACE_MS 3000 /* for what was accepted before a stop */
#define CLOSE_MS 2000 /* for what was interrupted after it */

struct options {
	int64_t port;
	int64_t limit;
	char *database;
};

static int usage(void)
{
	fputs("Usage: web-sqlite [-p PORT] [-d DATABASE] [-l LIMIT]\n"
	      "\n"
	      "  -p PORT      listen at this port of 127.0.0.1; 8080 unless given, 0 for any\n"
	      "  -d DATABASE  the file with the notes; notes.db unless given\n"
	      "  -l LIMIT     the most jobs at once; 4 unless given, 2 at least\n",
	      stderr);
	return 2;
}

static bool parse(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt(argc, argv, "p:d:l:")) != -1) {
		bool ok = true;

		if (option == 'p')
			ok = number_parse(optarg, 0, UINT16_MAX, &options->port);
		else if (option == 'l')
			ok = number_parse(optarg, LEAST_LIMIT, 1000, &options->limit);
		else if (option == 'd')
			options->database = optarg;
		else
			return false;
		if (!ok)
			return false;
	}
	return optind == argc;
}

/* Hears of jobs that failed. */
static void report_failure(ptj_scheduler *s, const ptj_context *context, void *user)
{
	(void)s;
	(void)user;
	fprintf(stderr, "web-sqlite: %s: %s\n", context->message,
	        context->error_message ? context->error_message : ptj_strerror(context->error));
}

static void write_log(const char *message, void *user)
{
	(void)user;
	fprintf(stderr, "web-sqlite: %s\n", message);
}

/* The database is used by a thread that must not be cancelled within it: cooperative mode. */
static int set_up_scheduler(ptj_web_app *app, const struct options *options)
{
	ptj_attr *attr;
	int error = ptj_attr_create(&attr);

	if (error != 0)
		return error;
	ptj_attr_set_name(attr, "web-sqlite");
	ptj_attr_set_limit(attr, (size_t)options->limit);
	ptj_attr_set_pending_limit(attr, PENDING_LIMIT);
	ptj_attr_set_wait_timeout(attr, GRACE_MS);
	ptj_attr_set_close_timeout(attr, CLOSE_MS);
	ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE);
	ptj_attr_set_exception_handler(attr, report_failure, NULL);
	ptj_attr_set_thread_start(attr, database_thread_start, options->database);
	ptj_attr_set_thread_stop(attr, database_thread_stop, options->database);
	error = ptj_web_setup(app, attr);
	ptj_attr_free(attr);
	return error;
}

static int set_up(ptj_web_app *app, const struct options *options)
{
	int (*const parts[])(ptj_web_app *) = {page_add_routes, notes_add_routes, report_add_routes,
	                                       imports_add_routes, status_add_routes};
	int error = ptj_web_set_log(app, write_log, NULL);
	size_t i;

	if (error == 0)
		error = set_up_scheduler(app, options);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]) && error == 0; i++)
		error = parts[i](app);
	return error;
}

/* Serves until there is a signal.  Returns 0 or an error. */
static int serve(ptj_web_app *app, const struct options *options, const sigset_t *signals)
{
	int error = ptj_web_start(app, "127.0.0.1", (uint16_t)options->port);
	int signo;

	if (error != 0)
		return error;
	printf("http://127.0.0.1:%u/\n", (unsigned)ptj_web_port(app));
	sigwait(signals, &signo);
	puts("draining");
	error = ptj_web_stop(app, PTJ_DEFAULT);
	puts("stopped");
	return error;
}

int main(int argc, char **argv)
{
	static char database[] = "notes.db";
	struct options options = {.port = 8080, .limit = 4, .database = database};
	ptj_web_app *app = NULL;
	sigset_t signals;
	int error;

	if (!parse(argc, argv, &options))
		return usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (!database_create(options.database))
		return 1;
	error = ptj_web_app_create(&app, NULL);
	if (error == 0)
		error = set_up(app, &options);
	if (error == 0)
		error = serve(app, &options, &signals);
	if (error != 0)
		fprintf(stderr, "web-sqlite: %s\n", ptj_strerror(error));
	ptj_web_app_free(app);
	return error != 0;
}
