/* SPDX-License-Identifier: Apache-2.0 */

#include "notes.h"

#include "body.h"
#include "database.h"
#include "number.h"
#include "reply.h"
#include "task.h"

#define COLUMNS " id, title, text, created "

/* What a note must be; "text" may be missing. */
static const char is_note[] = "SELECT json_type(?1, '$.title') IS 'text' "
			      "AND json_extract(?1, '$.title') <> '' "
			      "AND coalesce(json_type(?1, '$.text'), 'text') = 'text'";
static const char what_is_note[] = "a note is an object with a title and perhaps a text";

/* The number in the path; 0, which no note has, if it is none. */
static int64_t id_of(ptj_web_request *request)
{
	int64_t id;

	return number_parse(ptj_web_param(request, "id"), 1, INT64_MAX, &id) ? id : 0;
}

/* GET /api/notes?q=TEXT&before=ID: the newest that contain the text, and are older than that
   one. */
static int list(ptj_web_request *request, sqlite3 *db)
{
	const char *wanted = ptj_web_query(request, "q");
	const char *before = ptj_web_query(request, "before");
	int64_t limit = INT64_MAX;
	sqlite3_stmt *stmt;

	if (before && !number_parse(before, 1, INT64_MAX, &limit))
		return reply_error(request, 400, "before is not the number of a note");
	stmt = database_prepare(db, "WITH pattern(p) AS (SELECT '%' || replace(replace(replace(?1, "
	                            "'\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%') "
	                            "SELECT" COLUMNS "FROM notes, pattern WHERE id < ?2 "
	                            "AND (title LIKE p ESCAPE '\\' OR text LIKE p ESCAPE '\\') "
	                            "ORDER BY id DESC LIMIT 50");
	sqlite3_bind_text(stmt, 1, wanted ? wanted : "", -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, limit);
	return reply_rows(request, db, stmt);
}

static int read_note(ptj_web_request *request, sqlite3 *db)
{
	sqlite3_stmt *stmt = database_prepare(db, "SELECT" COLUMNS "FROM notes WHERE id = ?1");

	sqlite3_bind_int64(stmt, 1, id_of(request));
	return reply_row(request, db, stmt, 200, NULL);
}

static int add(ptj_web_request *request, sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int answer;

	if (!body_is(request, db, is_note, what_is_note, &answer))
		return answer;
	body_prepare(request, db,
	             "INSERT INTO notes (title, text) SELECT json_extract(?1, '$.title'), "
	             "coalesce(json_extract(?1, '$.text'), '') RETURNING" COLUMNS,
	             &stmt);
	return reply_row(request, db, stmt, 201, "/api/notes/");
}

static int change(ptj_web_request *request, sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int answer;

	if (!body_is(request, db, is_note, what_is_note, &answer))
		return answer;
	body_prepare(request, db,
	             "UPDATE notes SET title = json_extract(?1, '$.title'), "
	             "text = coalesce(json_extract(?1, '$.text'), '') WHERE id = ?2 "
	             "RETURNING" COLUMNS,
	             &stmt);
	sqlite3_bind_int64(stmt, 2, id_of(request));
	return reply_row(request, db, stmt, 200, NULL);
}

static int erase(ptj_web_request *request, sqlite3 *db)
{
	sqlite3_stmt *stmt =
		database_prepare(db, "DELETE FROM notes WHERE id = ?1 RETURNING" COLUMNS);

	sqlite3_bind_int64(stmt, 1, id_of(request));
	return reply_row(request, db, stmt, 200, NULL);
}

static const struct task tasks[] = {
	{"GET", "/api/notes", .kind = TALLY_READ, .handle = list},
	{"POST", "/api/notes", .kind = TALLY_WRITE, .handle = add},
	{"GET", "/api/notes/{id}", .kind = TALLY_READ, .handle = read_note},
	{"PUT", "/api/notes/{id}", .kind = TALLY_WRITE, .handle = change},
	{"DELETE", "/api/notes/{id}", .kind = TALLY_WRITE, .handle = erase},
};

int notes_add_routes(ptj_web_app *app)
{
	return task_add_routes(app, tasks, sizeof(tasks) / sizeof(tasks[0]));
}
