/* The body of a request, which must be JSON.  SQLite's functions parse it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BODY_H
#define BODY_H

#include <ptjobs-microhttpd.h>
#include <sqlite3.h>
#include <stdbool.h>

/* Prepares sql with the body as ?1.  *stmt is NULL where that fails. */
void body_prepare(ptj_web_request *request, sqlite3 *db, const char *sql, sqlite3_stmt **stmt);

/* Whether the request says that its body is JSON, it is UTF-8, and sql, a condition on ?1, is true
   of it.  sql is asked only of well-formed JSON.  Else *answer is what the handler returns: it has
   answered, with message where it was the condition, or failed. */
bool body_is(ptj_web_request *request, sqlite3 *db, const char *sql, const char *message,
             int *answer);

#endif
