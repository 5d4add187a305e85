/* The database: a handle of its own for each thread of the scheduler, which a job may use without
   a lock, and which a close of that job interrupts.

   The scheduler's thread hooks open the handle before a thread's first job, and close it after the
   last.  SQLite keeps writers apart; one that finds another at work tries again, until its job is
   closed.  Jobs that use it run in cooperative mode: a thread that is within SQLite must not be
   cancelled.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef DATABASE_H
#define DATABASE_H

#include <ptjobs.h>
#include <sqlite3.h>
#include <stdbool.h>

/* Makes the file path and its tables where there are none.  Says on stderr what is wrong with it,
   if it returns false. */
bool database_create(const char *path);

/* The thread hooks.  path is the file. */
void database_thread_start(void *path);
void database_thread_stop(void *path);

/* The handle of the calling job's thread; NULL where it could not be opened.  From now on a close
   of the job interrupts whatever statement it runs, until database_leave(). */
sqlite3 *database_enter(void);

/* The end of a job, or of the part of it that a close may interrupt. */
void database_leave(void);

/* Prepares a statement, or returns NULL. */
sqlite3_stmt *database_prepare(sqlite3 *db, const char *sql);

/* Runs stmt, which returns no rows, and finalizes it.  Returns 0 or an error; NULL is one. */
int database_run(sqlite3 *db, sqlite3_stmt *stmt);

/* What went wrong in the last call, as a job's error: ECANCELED where a close of it interrupted it.
   0: nothing. */
int database_error(sqlite3 *db);

#endif
