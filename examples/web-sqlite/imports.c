/* SPDX-License-Identifier: Apache-2.0 */

#include "imports.h"

#include "body.h"
#include "database.h"
#include "import_job.h"
#include "number.h"
#include "reply.h"
#include "task.h"

#include <errno.h>

#define BODY_LIMIT (16 << 20)
#define MOST_RATE 1000
#define COLUMNS " id, state, done, total "

static const char is_array_of_notes[] =
	"SELECT json_type(?1) = 'array' AND NOT EXISTS (SELECT 1 FROM json_each(?1) "
	"WHERE CASE type WHEN 'object' THEN json_type(value, '$.title') IS NOT 'text' "
	"OR json_extract(value, '$.title') = '' "
	"OR coalesce(json_type(value, '$.text'), 'text') <> 'text' ELSE 1 END)";
static const char what_is_array[] = "the body must be an array of notes";

/* Imports leave half of the scheduler's permits to others: to who asks how far they are, for
   one. */
static int64_t most_imports(ptj_web_request *request)
{
	return (int64_t)ptj_scheduler_limit(ptj_web_scheduler_from_request(request)) / 2;
}

/* Writes the import down; *id becomes its number, or 0 where there are too many. */
static int create(ptj_web_request *request, sqlite3 *db, int64_t rate, int64_t *id)
{
	sqlite3_stmt *stmt;
	int error;

	body_prepare(
		request, db,
		"INSERT INTO imports (total, rate) SELECT json_array_length(?1), ?2 "
		"WHERE (SELECT count(*) FROM imports WHERE state IN ('waiting', 'running')) < ?3",
		&stmt);
	sqlite3_bind_int64(stmt, 2, rate);
	sqlite3_bind_int64(stmt, 3, most_imports(request));
	error = database_run(db, stmt);
	*id = error == 0 && sqlite3_changes(db) > 0 ? sqlite3_last_insert_rowid(db) : 0;
	if (*id == 0)
		return error;
	body_prepare(request, db,
	             "INSERT INTO sources SELECT ?2, key, json_extract(value, '$.title'), "
	             "coalesce(json_extract(value, '$.text'), '') FROM json_each(?1)",
	             &stmt);
	sqlite3_bind_int64(stmt, 2, *id);
	return database_run(db, stmt);
}

static int cancel(sqlite3 *db, int64_t id)
{
	sqlite3_stmt *stmt =
		database_prepare(db, "UPDATE imports SET state = 'cancelled' "
	                             "WHERE id = ?1 AND state IN ('waiting', 'running')");

	sqlite3_bind_int64(stmt, 1, id);
	return database_run(db, stmt);
}

/* Answers with the state of an import. */
static int show(ptj_web_request *request, sqlite3 *db, int64_t id, int status, const char *location)
{
	sqlite3_stmt *stmt = database_prepare(db, "SELECT" COLUMNS "FROM imports WHERE id = ?1");

	sqlite3_bind_int64(stmt, 1, id);
	return reply_row(request, db, stmt, status, location);
}

/* POST /api/imports?rate=N: begins an import, of at most N notes a second, and answers at once with
   the place where its progress is. */
static int start(ptj_web_request *request, sqlite3 *db)
{
	const char *query = ptj_web_query(request, "rate");
	ptj_job *job;
	int64_t rate = 0, id;
	int error;

	if (query && !number_parse(query, 1, MOST_RATE, &rate))
		return reply_error(request, 400, "the rate is a number from 1 to 1000");
	if (!body_is(request, db, is_array_of_notes, what_is_array, &error))
		return error;
	if (create(request, db, rate, &id) != 0) {
		error = reply_failure(request, db);
		cancel(db, id);
		return error;
	}
	if (id == 0)
		return reply_error(request, 503, "there are too many imports");
	error = ptj_web_spawn(request, import_job_run, (void *)(intptr_t)id, &job);
	if (error != 0) {
		cancel(db, id);
		return reply_error(request, 503, "the server takes no more jobs");
	}
	/* Where there is no memory for the name, the import is only not to be closed. */
	import_job_name(job, id);
	ptj_job_unref(job);
	return show(request, db, id, 202, "/api/imports/");
}

static int list(ptj_web_request *request, sqlite3 *db)
{
	return reply_rows(
		request, db,
		database_prepare(db, "SELECT" COLUMNS "FROM imports ORDER BY id DESC LIMIT 20"));
}

/* The number in the path; 0, which no import has, if it is none. */
static int64_t id_of(ptj_web_request *request)
{
	int64_t id;

	return number_parse(ptj_web_param(request, "id"), 1, INT64_MAX, &id) ? id : 0;
}

static int poll_import(ptj_web_request *request, sqlite3 *db)
{
	return show(request, db, id_of(request), 200, NULL);
}

/* DELETE /api/imports/ID: what is imported stays.  The state is what cancels it; the close saves it
   from sleeping, or from waiting in line, till it sees that. */
static int stop(ptj_web_request *request, sqlite3 *db)
{
	int64_t id = id_of(request);

	if (cancel(db, id) != 0)
		return reply_failure(request, db);
	import_job_close(ptj_web_scheduler_from_request(request), id);
	return show(request, db, id, 200, NULL);
}

static const struct task tasks[] = {
	{"GET", "/api/imports", .kind = TALLY_READ, .handle = list},
	{"POST", "/api/imports", .kind = TALLY_WRITE, .body_limit = BODY_LIMIT, .handle = start},
	{"GET", "/api/imports/{id}", .kind = TALLY_READ, .handle = poll_import},
	{"DELETE", "/api/imports/{id}", .kind = TALLY_WRITE, .handle = stop},
};

int imports_add_routes(ptj_web_app *app)
{
	return task_add_routes(app, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
