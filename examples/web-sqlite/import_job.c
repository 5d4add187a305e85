/* SPDX-License-Identifier: Apache-2.0 */

#include "import_job.h"

#include "database.h"
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ---- Its name ---- */

struct search {
	char name[32];
	ptj_job *found;
};

static void name_of(int64_t id, char *name, size_t size)
{
	snprintf(name, size, "import-%" PRId64, id);
}

int import_job_name(ptj_job *job, int64_t id)
{
	char name[32];

	name_of(id, name, sizeof(name));
	return ptj_job_set_name(job, name);
}

static int find(ptj_job *job, void *user)
{
	struct search *search = user;
	char name[sizeof(search->name)];

	ptj_job_get_name(job, name, sizeof(name));
	if (strcmp(name, search->name) != 0)
		return 0;
	search->found = ptj_job_ref(job);
	return 1;
}

void import_job_close(ptj_scheduler *s, int64_t id)
{
	struct search search = {.found = NULL};

	name_of(id, search.name, sizeof(search.name));
	if (ptj_scheduler_foreach(s, find, &search) == 1)
		ptj_job_close(search.found, PTJ_DEFAULT);
	ptj_job_unref(search.found);
}

/* ---- Its work ---- */

/* Makes the import a running one; *rate becomes the most notes in a second, 0 for as many as there
   can be.  Does nothing if it was cancelled before. */
static int begin(sqlite3 *db, int64_t id, int64_t *rate)
{
	sqlite3_stmt *stmt =
		database_prepare(db, "UPDATE imports SET state = 'running' "
	                             "WHERE id = ?1 AND state = 'waiting' RETURNING rate");
	int rc;

	sqlite3_bind_int64(stmt, 1, id);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*rate = sqlite3_column_int64(stmt, 0);
		rc = sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : database_error(db);
}

/* Inserts the next note; *more becomes whether there was one, and the import was still running. */
static int insert(sqlite3 *db, int64_t id, bool *more)
{
	sqlite3_stmt *stmt = database_prepare(
		db, "INSERT INTO notes (title, text, import) "
		    "SELECT sources.title, sources.text, id FROM imports JOIN sources "
		    "ON import = id AND position = done WHERE id = ?1 AND state = 'running'");
	int error;

	sqlite3_bind_int64(stmt, 1, id);
	error = database_run(db, stmt);
	*more = error == 0 && sqlite3_changes(db) > 0;
	return error;
}

/* ECANCELED: the import is not running any more. */
static int finish(sqlite3 *db, int64_t id, const char *state)
{
	sqlite3_stmt *stmt = database_prepare(db, "UPDATE imports SET state = ?2 "
	                                          "WHERE id = ?1 AND state = 'running'");
	int error;

	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_text(stmt, 2, state, -1, SQLITE_STATIC);
	error = database_run(db, stmt);
	return error == 0 && sqlite3_changes(db) == 0 ? ECANCELED : error;
}

/* Each note is a transaction of its own, and no statement is open between two: requests that write
   come in between, which a statement that still reads would not survive. */
static int work(sqlite3 *db, int64_t id)
{
	int64_t rate = 0;
	bool more = true;
	int error = begin(db, id, &rate);

	while (error == 0 && more) {
		error = insert(db, id, &more);
		if (error == 0 && more && rate > 0)
			error = ptj_sleep(1000 / rate);
	}
	return error == 0 ? finish(db, id, "done") : error;
}

void *import_job_run(void *arg)
{
	int64_t id = (intptr_t)arg;
	char message[200] = "the database cannot be opened";
	sqlite3 *db = database_enter();
	int error = EIO;

	if (db) {
		error = work(db, id);
		snprintf(message, sizeof(message), "%s", sqlite3_errmsg(db));
		if (error != 0 && error != ECANCELED)
			finish(db, id, "failed");
		database_leave();
	}
	tally_add(TALLY_IMPORT, error);
	/* Who cancelled the import may not have come to close this job yet: that is no failure. */
	if (error == 0 || (error == ECANCELED && !ptj_job_cancelled()))
		return NULL;
	return ptj_job_fail(error, message);
}
