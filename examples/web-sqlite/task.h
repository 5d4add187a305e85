/* Routes that work on the database, each request a job of the scheduler: this is where atomic
   routes come from, with the handle of the job's thread, a name, and a count of how they end.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef TASK_H
#define TASK_H

#include "tally.h"

#include <ptjobs-microhttpd.h>
#include <sqlite3.h>
#include <stdbool.h>

struct task {
	const char *method;
	const char *path;
	enum tally_kind kind;
	bool ends_with_client; /* the job is closed when its client goes away */
	uint64_t body_limit;   /* 0: the application's */
	int (*handle)(ptj_web_request *request, sqlite3 *db);
};

/* Adds a route for each of n tasks, which must be valid as long as app.  Returns 0 or an error. */
int task_add_routes(ptj_web_app *app, const struct task *tasks, size_t n);

#endif
