/* SPDX-License-Identifier: Apache-2.0 */

#include "import_job.h"

#include "database.h"
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
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

struct import {
	sqlite3 *db;
	int64_t id;
	int64_t rate;        /* the most notes in a second; 0: as many as there can be */
	sqlite3_stmt *notes; /* a row for each: title and text */
};

/* Makes the import a running one.  With nothing to do, because it was cancelled before, import->notes
   is NULL. */
static int begin(struct import *import)
{
	sqlite3_stmt *stmt =
		database_prepare(import->db, "UPDATE imports SET state = 'running' WHERE id = ?1 "
	                                     "AND state = 'waiting' RETURNING rate, "
	                                     "(SELECT notes FROM sources WHERE import = ?1)");
	int rc;

	sqlite3_bind_int64(stmt, 1, import->id);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		/* Binding copies the array, so that no table is being read while it is walked. */
		import->notes = database_prepare(
			import->db,
			"SELECT json_extract(value, '$.title'), "
			"coalesce(json_extract(value, '$.text'), '') FROM json_each(?1)");
		sqlite3_bind_value(import->notes, 1, sqlite3_column_value(stmt, 1));
		import->rate = sqlite3_column_int64(stmt, 0);
		rc = import->notes ? sqlite3_step(stmt) : SQLITE_ERROR;
	}
	sqlite3_finalize(stmt);
	if (rc == SQLITE_DONE)
		return 0;
	return rc == SQLITE_ERROR ? EIO : database_error(import->db);
}

/* Inserts a note, if the import is still running. */
static int insert(struct import *import)
{
	sqlite3_stmt *stmt = database_prepare(
		import->db, "INSERT INTO notes (title, text, import) SELECT ?1, ?2, id "
			    "FROM imports WHERE id = ?3 AND state = 'running'");
	int error;

	sqlite3_bind_value(stmt, 1, sqlite3_column_value(import->notes, 0));
	sqlite3_bind_value(stmt, 2, sqlite3_column_value(import->notes, 1));
	sqlite3_bind_int64(stmt, 3, import->id);
	error = database_run(import->db, stmt);
	if (error == 0 && sqlite3_changes(import->db) == 0)
		return ECANCELED;
	return error;
}

static int finish(sqlite3 *db, int64_t id, const char *state)
{
	sqlite3_stmt *stmt = database_prepare(db, "UPDATE imports SET state = ?2 "
	                                          "WHERE id = ?1 AND state = 'running'");

	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_text(stmt, 2, state, -1, SQLITE_STATIC);
	return database_run(db, stmt);
}

/* Each note is a transaction, so that requests that write come in between. */
static int work(struct import *import)
{
	int error = begin(import), rc;

	if (error != 0 || !import->notes)
		return error;
	while ((rc = sqlite3_step(import->notes)) == SQLITE_ROW) {
		error = insert(import);
		if (error == 0 && import->rate > 0)
			error = ptj_sleep(1000 / import->rate);
		if (error != 0)
			return error;
	}
	if (rc != SQLITE_DONE)
		return database_error(import->db);
	return finish(import->db, import->id, "done");
}

void *import_job_run(void *id)
{
	struct import import = {.db = database_enter(), .id = (intptr_t)id};
	char message[200] = "the database cannot be opened";
	int error = EIO;

	if (import.db) {
		error = work(&import);
		snprintf(message, sizeof(message), "%s", sqlite3_errmsg(import.db));
		sqlite3_finalize(import.notes);
		if (error != 0 && error != ECANCELED)
			finish(import.db, import.id, "failed");
		database_leave();
	}
	tally_add(TALLY_IMPORT, error);
	return error == 0 ? NULL : ptj_job_fail(error, message);
}
