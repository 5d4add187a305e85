/* SPDX-License-Identifier: Apache-2.0 */

#include "report.h"

#include "database.h"
#include "reply.h"
#include "task.h"

/* GET /api/report: the ten notes whose title most other notes mention.  It compares every note with
   every other, so ten times the notes take a hundred times as long: ten seconds for some four
   thousand.  Nobody waits for nothing: when the client goes away, or the server stops, the job is
   closed, SQLite interrupted, and the thread free for other work. */
static int report(ptj_web_request *request, sqlite3 *db)
{
	return reply_rows(
		request, db,
		database_prepare(db, "SELECT id, title, (SELECT count(*) FROM notes AS other WHERE "
	                             "other.id <> notes.id AND instr(lower(other.text), "
	                             "lower(notes.title)) > 0) "
	                             "AS mentions FROM notes ORDER BY mentions DESC, id LIMIT 10"));
}

static const struct task tasks[] = {
	{"GET", "/api/report", .kind = TALLY_REPORT, .ends_with_client = true, .handle = report},
};

int report_add_routes(ptj_web_app *app)
{
	return task_add_routes(app, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
