/* Answers in JSON: the rows of a statement, or what was wrong with the request.  Each returns what
   a handler returns.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef REPLY_H
#define REPLY_H

#include "json.h"

#include <ptjobs-microhttpd.h>
#include <sqlite3.h>

/* Answers with what was written to json, and releases that.  location may be NULL. */
int reply_json(ptj_web_request *request, int status, const char *location, struct json *json);

/* Answers with {"error": message}. */
int reply_error(ptj_web_request *request, int status, const char *message);

/* Runs stmt, finalizes it, and answers with an array of its rows, each of which is an object whose
   names are the columns'.  Fails if stmt is NULL, or does. */
int reply_rows(ptj_web_request *request, sqlite3 *db, sqlite3_stmt *stmt);

/* The same with the only row, an object; without one, 404.  location, where it is not NULL, is
   followed by the first column, the row's id. */
int reply_row(ptj_web_request *request, sqlite3 *db, sqlite3_stmt *stmt, int status,
              const char *location);

/* Has the handler fail with what db says. */
int reply_failure(ptj_web_request *request, sqlite3 *db);

#endif
