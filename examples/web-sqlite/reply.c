/* SPDX-License-Identifier: Apache-2.0 */

#include "reply.h"

#include "database.h"

#include <errno.h>
#include <inttypes.h>

int reply_json(ptj_web_request *request, int status, const char *location, struct json *json)
{
	const char *const headers[] = {"Content-Type",
	                               "application/json",
	                               "Cache-Control",
	                               "no-store",
	                               location ? "Location" : NULL,
	                               location,
	                               NULL};
	int error = json_end(json);

	if (error == 0)
		error = ptj_web_respond(request, status, headers, json->text, json->size);
	json_free(json);
	return error;
}

int reply_error(ptj_web_request *request, int status, const char *message)
{
	struct json json;

	json_begin(&json);
	json_open(&json, '{');
	json_string_member(&json, "error", message);
	json_close(&json, '}');
	return reply_json(request, status, NULL, &json);
}

int reply_failure(ptj_web_request *request, sqlite3 *db)
{
	return ptj_web_fail(request, database_error(db), sqlite3_errmsg(db));
}

static void write_column(struct json *json, sqlite3_stmt *stmt, int i)
{
	const char *text;

	json_name(json, sqlite3_column_name(stmt, i));
	if (sqlite3_column_type(stmt, i) == SQLITE_INTEGER) {
		json_number(json, sqlite3_column_int64(stmt, i));
		return;
	}
	text = (const char *)sqlite3_column_text(stmt, i);
	if (text)
		json_text(json, text, (size_t)sqlite3_column_bytes(stmt, i));
	else
		json_null(json);
}

static void write_row(struct json *json, sqlite3_stmt *stmt)
{
	int i;

	json_open(json, '{');
	for (i = 0; i < sqlite3_column_count(stmt); i++)
		write_column(json, stmt, i);
	json_close(json, '}');
}

int reply_rows(ptj_web_request *request, sqlite3 *db, sqlite3_stmt *stmt)
{
	struct json json;
	int rc;

	if (!stmt)
		return reply_failure(request, db);
	json_begin(&json);
	json_open(&json, '[');
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		write_row(&json, stmt);
	json_close(&json, ']');
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE)
		return reply_json(request, 200, NULL, &json);
	json_free(&json);
	return reply_failure(request, db);
}

int reply_row(ptj_web_request *request, sqlite3 *db, sqlite3_stmt *stmt, int status,
              const char *location)
{
	char place[64];
	struct json json;
	bool found;
	int rc;

	if (!stmt)
		return reply_failure(request, db);
	json_begin(&json);
	rc = sqlite3_step(stmt);
	found = rc == SQLITE_ROW;
	if (found) {
		write_row(&json, stmt);
		snprintf(place, sizeof(place), "%s%" PRId64, location ? location : "",
		         (int64_t)sqlite3_column_int64(stmt, 0));
		/* What a statement with RETURNING has written is committed at its end. */
		rc = sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE && found)
		return reply_json(request, status, location ? place : NULL, &json);
	json_free(&json);
	if (rc != SQLITE_DONE)
		return reply_failure(request, db);
	return reply_error(request, 404, "there is no such thing");
}
