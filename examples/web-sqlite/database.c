/* SPDX-License-Identifier: Apache-2.0 */

#include "database.h"

#include <errno.h>
#include <stdio.h>

/* sources has what is to be imported.  A trigger counts what an import has done, so that the count
   is right whenever it is read, and tells which note is next.  Another throws away what an import
   that is over has not done. */
static const char schema[] =
	"PRAGMA journal_mode = wal;"
	"CREATE TABLE IF NOT EXISTS notes ("
	" id INTEGER PRIMARY KEY,"
	" title TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),"
	" import INTEGER);"
	"CREATE TABLE IF NOT EXISTS imports ("
	" id INTEGER PRIMARY KEY,"
	" state TEXT NOT NULL DEFAULT 'waiting',"
	" done INTEGER NOT NULL DEFAULT 0,"
	" total INTEGER NOT NULL,"
	" rate INTEGER NOT NULL);"
	"CREATE TABLE IF NOT EXISTS sources ("
	" import INTEGER NOT NULL,"
	" position INTEGER NOT NULL,"
	" title TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" PRIMARY KEY (import, position)) WITHOUT ROWID;"
	"CREATE TRIGGER IF NOT EXISTS imported AFTER INSERT ON notes WHEN new.import IS NOT NULL "
	"BEGIN UPDATE imports SET done = done + 1 WHERE id = new.import; END;"
	"CREATE TRIGGER IF NOT EXISTS ended AFTER UPDATE OF state ON imports "
	"WHEN new.state NOT IN ('waiting', 'running') "
	"BEGIN DELETE FROM sources WHERE import = new.id; END;"
	"UPDATE imports SET state = 'stopped' WHERE state IN ('waiting', 'running')";

/* A statement that finds the database locked sleeps for so long and tries again, so often. */
#define RETRY_MS 2
#define RETRIES 5000

/* sqlite3_interrupt() does nothing to a handle that runs no statement, and is forgotten when the
   last statement ends.  So as long as a job may be interrupted there is one: the guard, which has
   returned its first row and not the second.  Whenever the close comes then, the next step of any
   statement sees it. */
static const char guard_sql[] = "SELECT 1 UNION ALL SELECT 2";

static _Thread_local struct {
	sqlite3 *handle;
	sqlite3_stmt *guard;
} mine;

/* ptj_sleep() says when the job is being closed. */
static int try_again(void *user, int times)
{
	(void)user;
	return times < RETRIES && ptj_sleep(RETRY_MS) == 0;
}

static bool open_database(const char *path, sqlite3 **db)
{
	if (sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		return false;
	/* With a write-ahead log that outlives a crash of the program, and of the machine but for
	   the last writes. */
	return sqlite3_busy_handler(*db, try_again, NULL) == SQLITE_OK &&
	       sqlite3_exec(*db, "PRAGMA synchronous = normal", NULL, NULL, NULL) == SQLITE_OK;
}

bool database_create(const char *path)
{
	sqlite3 *db = NULL;
	bool ok =
		open_database(path, &db) && sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK;

	if (!ok)
		fprintf(stderr, "web-sqlite: %s: %s\n", path, sqlite3_errmsg(db));
	sqlite3_close(db);
	return ok;
}

void database_thread_start(void *path)
{
	if (open_database(path, &mine.handle))
		mine.guard = database_prepare(mine.handle, guard_sql);
}

void database_thread_stop(void *path)
{
	(void)path;
	sqlite3_finalize(mine.guard);
	sqlite3_close(mine.handle);
}

/* Runs on the thread that closes the job.  It never hits another job: ptj_job_on_cancel() has
   waited for it before database_leave() returns. */
static void interrupt(void *db)
{
	sqlite3_interrupt(db);
}

sqlite3 *database_enter(void)
{
	if (!mine.guard || sqlite3_step(mine.guard) != SQLITE_ROW)
		return NULL;
	if (ptj_job_on_cancel(interrupt, mine.handle) == 0)
		return mine.handle;
	sqlite3_reset(mine.guard);
	return NULL;
}

void database_leave(void)
{
	ptj_job_on_cancel(NULL, NULL);
	sqlite3_reset(mine.guard);
}

sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	return stmt;
}

int database_run(sqlite3 *db, sqlite3_stmt *stmt)
{
	int error;

	if (!stmt)
		return database_error(db);
	error = sqlite3_step(stmt) == SQLITE_DONE ? 0 : database_error(db);
	sqlite3_finalize(stmt);
	return error;
}

int database_error(sqlite3 *db)
{
	switch (sqlite3_errcode(db)) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_INTERRUPT:
	case SQLITE_BUSY:
		return ptj_job_cancelled() ? ECANCELED : EBUSY;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_FULL:
		return ENOSPC;
	default:
		return EIO;
	}
}
