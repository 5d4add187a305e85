/* SPDX-License-Identifier: Apache-2.0 */

#include "body.h"

#include "database.h"
#include "reply.h"
#include "utf8.h"

#include <string.h>
#include <strings.h>

/* A browser lets no page of another site send this type without asking first, so such a page cannot
   write here behind its reader's back. */
static bool has_type(ptj_web_request *request)
{
	static const char wanted[] = "application/json";
	const char *type = ptj_web_header(request, "Content-Type");
	size_t length = sizeof(wanted) - 1;

	return type && strncasecmp(type, wanted, length) == 0 &&
	       (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

/* SQLite takes any bytes for text, and would end it at a NUL. */
static bool is_text(ptj_web_request *request)
{
	size_t size;
	const char *body = ptj_web_body(request, &size);

	return !memchr(body, '\0', size) && utf8_is_valid(body, size);
}

void body_prepare(ptj_web_request *request, sqlite3 *db, const char *sql, sqlite3_stmt **stmt)
{
	size_t size;
	const char *body = ptj_web_body(request, &size);

	*stmt = database_prepare(db, sql);
	if (!*stmt ||
	    sqlite3_bind_text64(*stmt, 1, body, size, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK)
		return;
	sqlite3_finalize(*stmt);
	*stmt = NULL;
}

/* Asks a question with one row and one column.  Returns 1, 0, or -1 where it cannot be asked. */
static int ask(ptj_web_request *request, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int yes = -1;

	body_prepare(request, db, sql, &stmt);
	if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
		yes = sqlite3_column_int(stmt, 0) != 0;
	sqlite3_finalize(stmt);
	return yes;
}

bool body_is(ptj_web_request *request, sqlite3 *db, const char *sql, const char *message,
             int *answer)
{
	int yes;

	if (!has_type(request)) {
		*answer = reply_error(request, 415, "the body must be application/json");
		return false;
	}
	if (!is_text(request)) {
		*answer = reply_error(request, 400, "the body is not UTF-8");
		return false;
	}
	yes = ask(request, db, "SELECT json_valid(?1)");
	if (yes == 0) {
		*answer = reply_error(request, 400, "the body is not JSON");
		return false;
	}
	if (yes > 0)
		yes = ask(request, db, sql);
	if (yes == 0)
		*answer = reply_error(request, 400, message);
	if (yes < 0)
		*answer = reply_failure(request, db);
	return yes > 0;
}
