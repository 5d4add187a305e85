/* ptjobs: background jobs under control, for POSIX threads.

   A scheduler owns jobs.  At most `limit` of them run at once, at most `pending_limit` more
   wait in line, and every one of them is closed in bounded time.  A job is a pthread start
   routine, so any code written for pthread_create() is a job:

	static void *work(void *arg) { ... return result; }

	ptj_scheduler *s;
	ptj_job *job;
	void *result;

	ptj_scheduler_create(&s, NULL);
	ptj_spawn(s, work, arg, &job);
	if (ptj_job_wait(job, PTJ_INFINITE, &result) == 0)
		use(result);
	ptj_job_unref(job);
	ptj_scheduler_cleanup(&s);

   Conventions.

   Types      Every type is opaque but ptj_context.  No macro, inline function, varargs or
              struct layout is needed to use the library; ptj_constant() names each constant.
   Errors     A function that returns int returns 0 or an error: a positive errno value, or
              PTJ_EFAILED (-1), the job itself failed.  errno is left alone.  An out parameter
              is written only on success, and may be NULL where its text does not say "must".
   Arguments  A NULL handle or a bad argument is EINVAL, or 0 or NULL where the function
              returns no code.
   Timeouts   int64_t milliseconds on CLOCK_MONOTONIC.  PTJ_INFINITE never passes, PTJ_DEFAULT
              is the scheduler's own setting where it has one and else PTJ_INFINITE, 0 does not
              wait.  Any other negative value is EINVAL.  Where that clock cannot be read, as in a
              sandbox that forbids it, every timeout but PTJ_INFINITE has passed, and ptj_sleep()
              returns at once.
   Threads    Every function may be called from any thread at any time, within a job too,
              unless its text says otherwise.
   Blocking   Only the functions that say so block.  Those that are cancellation points
              (pthreads(7)) say so; all others neither act on a cancellation nor lose one.
              Within a job in cooperative mode that is being closed, a call that would block in
              a cancellation point returns EINTR instead.
   Callbacks  Job functions, release functions, handlers, on-cancel callbacks, visitors and thread
              hooks are called with none of the library's locks held.  The library neither
              catches nor minds a longjmp that stays within one of them.
   fork       In the child every scheduler of the parent is dead: each call on it or on one of
              its jobs returns ENOTRECOVERABLE at once, counts and job states are 0,
              ptj_job_unref() and ptj_scheduler_free() release memory and touch no thread.  A
              function that the library called, other than a visitor, and that returns in the
              child ends the thread there, which is the only one, and so the process with it.
   Signals    No function here is async-signal-safe.  Threads of the library block every
              signal but SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS and SIGABRT.
   Leftovers  What a job does to its thread ends with it.  Always: cancellation state and type,
              errno (a job begins with 0).  For the first 64 jobs of a thread in each clock tick
              (1 to 10 ms), those with a name of their own, and before the thread is idle: signal
              mask, thread name, locale (uselocale(3)), floating-point environment.  For the
              first 16, and before the thread is idle: processors (affinity), scheduling policy and
              priority, nice value.  One of many shorter jobs puts them back itself.
              A scheduler's threads have the floating-point environment, processors and scheduling
              of the thread that made it, whoever spawns, unless a thread_start hook sets others or
              the whole process is changed from outside (taskset -a) when there are some.
              A nice value that may not be lowered again stays; the thread ends when it is idle.
              Nothing else is put back: locks stay locked, credentials as they are.
   Limits     No function may be called with the asynchronous cancellation type in force.  A job
              that sets it sets it back before it returns.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_H
#define PTJOBS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PTJ_API __attribute__((visibility("default")))
#else
#define PTJ_API
#endif

#define PTJ_VERSION_MAJOR 0
#define PTJ_VERSION_MINOR 1
#define PTJ_VERSION_PATCH 0

/* Timeouts, in place of a number of milliseconds. */
#define PTJ_INFINITE (-1) /* never passes */
#define PTJ_DEFAULT (-2)  /* the scheduler's own setting */

/* The job itself failed: ptj_job_error() and ptj_job_error_message() say how. */
#define PTJ_EFAILED (-1)

/* Cancellation modes: what a close does to a running job, after its cancelled flag is set, its
   cancel fd is readable, ptj_sleep() is awake and its on-cancel callback has returned. */
#define PTJ_CANCEL_DEFERRED 0    /* pthread_cancel(); acts at cancellation points */
#define PTJ_CANCEL_MASKED 1      /* the same, but the job starts with cancellation disabled */
#define PTJ_CANCEL_COOPERATIVE 2 /* nothing more: the thread is never cancelled */

typedef struct ptj_attr ptj_attr;
typedef struct ptj_scheduler ptj_scheduler;
typedef struct ptj_job_attr ptj_job_attr;
typedef struct ptj_job ptj_job;
typedef struct ptj_completions ptj_completions;

/* The work: a pthread start routine.  Its return value, or pthread_exit()'s, is the job's
   result. */
typedef void *(*ptj_job_fn)(void *arg);

/* Called exactly once on a job's argument after the job's function is over, whatever became of
   the job; on any thread. */
typedef void (*ptj_release_fn)(void *arg);

/* What an exception handler is told.  Everything in it belongs to the library and is valid
   until the handler returns; ptj_job_ref() keeps the job longer. */
typedef struct ptj_context {
	const char *message;           /* "Job processing failed" or "Job closing timed out" */
	ptj_job *job;                  /* NULL where the message is not about one job */
	int error;                     /* the job's error code; ETIMEDOUT for a close */
	const char *error_message;     /* what ptj_job_fail() was given; NULL if nothing */
	void *const *source_traceback; /* where it was spawned; NULL unless in debug mode */
	size_t source_traceback_len;
} ptj_context;

/* Called with cancellation disabled, on whichever thread found out, exactly once for each
   - job that failed while nobody had called wait, poll or close on it, and
   - job that outlasted its scheduler's close.
   A job that failed has ended when its handler has returned: one that takes longer than the close
   timeout makes it a straggler, which the handler is told too, and may go on after
   ptj_scheduler_free().
   Within it ptj_scheduler_close() and ptj_scheduler_wait_and_close() are EDEADLK. */
typedef void (*ptj_exception_handler)(ptj_scheduler *s, const ptj_context *context, void *user);

/* Called on a thread of a scheduler's when it starts, or before it ends. */
typedef void (*ptj_thread_hook)(void *user);

/* ---- Scheduler attributes -------------------------------------------------------------------

   A ptj_attr is a plain value: filled in by setters, read by ptj_scheduler_create(), which
   copies what it needs, and not to be changed by two threads at once.  Each setter returns 0,
   or EINVAL for a NULL attr or a value out of range, and then changes nothing.  Each getter
   returns 0 or EINVAL. */

/* Makes attributes with the defaults.  EINVAL: out is NULL.  ENOMEM. */
PTJ_API int ptj_attr_create(ptj_attr **out);

/* Makes attributes with attr's settings, or the defaults where attr is NULL.  EINVAL: out is NULL.
   ENOMEM. */
PTJ_API int ptj_attr_copy(ptj_attr **out, const ptj_attr *attr);

/* Releases attr.  NULL is allowed. */
PTJ_API void ptj_attr_free(ptj_attr *attr);

/* How many jobs are active at once; 0 for no limit.  100 unless set. */
PTJ_API int ptj_attr_set_limit(ptj_attr *attr, size_t limit);
PTJ_API int ptj_attr_get_limit(const ptj_attr *attr, size_t *out);

/* How many jobs wait in line before ptj_spawn() blocks; 0 for no limit.  10,000 unless set. */
PTJ_API int ptj_attr_set_pending_limit(ptj_attr *attr, size_t pending_limit);
PTJ_API int ptj_attr_get_pending_limit(const ptj_attr *attr, size_t *out);

/* How long a close waits for cancelled jobs: milliseconds or PTJ_INFINITE.  100 unless set. */
PTJ_API int ptj_attr_set_close_timeout(ptj_attr *attr, int64_t timeout_ms);
PTJ_API int ptj_attr_get_close_timeout(const ptj_attr *attr, int64_t *out);

/* How long ptj_scheduler_wait_and_close(s, PTJ_DEFAULT) and ptj_scheduler_cleanup() wait before
   they close: milliseconds or PTJ_INFINITE.  60,000 unless set. */
PTJ_API int ptj_attr_set_wait_timeout(ptj_attr *attr, int64_t timeout_ms);
PTJ_API int ptj_attr_get_wait_timeout(const ptj_attr *attr, int64_t *out);

/* Who hears of failures nobody waits for.  A NULL handler, the default, writes a readable block
   to stderr. */
PTJ_API int ptj_attr_set_exception_handler(ptj_attr *attr, ptj_exception_handler handler,
                                           void *user);
PTJ_API int ptj_attr_get_exception_handler(const ptj_attr *attr, ptj_exception_handler *handler,
                                           void **user);

/* The cancellation mode of jobs and shielded functions that do not set their own: one of
   PTJ_CANCEL_DEFERRED (unless set), PTJ_CANCEL_MASKED, PTJ_CANCEL_COOPERATIVE. */
PTJ_API int ptj_attr_set_cancel_mode(ptj_attr *attr, int mode);
PTJ_API int ptj_attr_get_cancel_mode(const ptj_attr *attr, int *out);

/* The scheduler's name, copied: its threads carry it (the first 15 bytes) while they run no
   named job.  "ptjobs" unless set; NULL sets that again.  ENOMEM.  The getter fills in buf as
   snprintf does and returns the name's length. */
PTJ_API int ptj_attr_set_name(ptj_attr *attr, const char *name);
PTJ_API int ptj_attr_get_name(const ptj_attr *attr, char *buf, size_t size);

/* Debug mode: each spawn records its stack, for ptj_context's source_traceback.  Off unless set
   or unless the environment has PTJOBS_DEBUG=1 when the scheduler is created. */
PTJ_API int ptj_attr_set_debug(ptj_attr *attr, int on);
PTJ_API int ptj_attr_get_debug(const ptj_attr *attr, int *out);

/* The stack size of the scheduler's threads in bytes; 0, the default, for the system's.  EINVAL
   below PTHREAD_STACK_MIN. */
PTJ_API int ptj_attr_set_stack_size(ptj_attr *attr, size_t bytes);
PTJ_API int ptj_attr_get_stack_size(const ptj_attr *attr, size_t *out);

/* How long a thread without work stays: milliseconds or PTJ_INFINITE.  10,000 unless set. */
PTJ_API int ptj_attr_set_idle_timeout(ptj_attr *attr, int64_t timeout_ms);
PTJ_API int ptj_attr_get_idle_timeout(const ptj_attr *attr, int64_t *out);

/* What each of the scheduler's threads calls, for whatever it must be attached to or keep: start
   before its first job, and stop before it ends, on that thread, once each.  A thread that ends by
   itself calls stop when its last job has ended.  One whose job was unwound, by a cancellation or
   by pthread_exit(), calls it after the cleanup handlers of the job and before the job's release
   function, and the job ends later; after it come destructors of thread-specific data.  Neither is
   called in the child of a fork.
   They are called with cancellation disabled, the signal mask of the scheduler's threads and the
   scheduler's name on the thread, all of which is put back afterwards; the locale, floating-point
   environment, processors and scheduling that start sets are those of the thread's jobs.
   ptj_job_self() is NULL, and
   ptj_scheduler_wait(), ptj_scheduler_close() and ptj_scheduler_wait_and_close() are EDEADLK.
   They must return, and soon: a new job waits for start where no thread is idle, and a close waits
   for both, without limit.  user must be valid until
   ptj_scheduler_free() has returned; the thread of a straggler calls stop when that ends, which
   may be later.  NULL, the default, for none.  In the getters fn and user may be NULL. */
PTJ_API int ptj_attr_set_thread_start(ptj_attr *attr, ptj_thread_hook fn, void *user);
PTJ_API int ptj_attr_get_thread_start(const ptj_attr *attr, ptj_thread_hook *fn, void **user);
PTJ_API int ptj_attr_set_thread_stop(ptj_attr *attr, ptj_thread_hook fn, void *user);
PTJ_API int ptj_attr_get_thread_stop(const ptj_attr *attr, ptj_thread_hook *fn, void **user);

/* ---- Scheduler ------------------------------------------------------------------------------ */

/* Makes a scheduler with attr's settings, or the defaults where attr is NULL.  Starts no thread.
   out must not be NULL.  ENOMEM; EINVAL. */
PTJ_API int ptj_scheduler_create(ptj_scheduler **out, const ptj_attr *attr);

/* Closes s as ptj_scheduler_close() does, unless it is closed, and releases it.  No other thread
   may use s during or after this call; job handles stay valid until they are unreferenced, and
   so does everything that a job still running touches.  No report begins after it returned.
   From within s's own jobs, shielded functions, handlers, release functions, on-cancel callbacks
   or visitors it does nothing but call the exception handler with EDEADLK.  Blocks; not a
   cancellation point.  NULL is allowed. */
PTJ_API void ptj_scheduler_free(ptj_scheduler *s);

/* ptj_scheduler_wait_and_close(*s, PTJ_DEFAULT) and ptj_scheduler_free(*s), then sets *s to NULL:
   for __attribute__((cleanup)).  Blocks; not a cancellation point.  NULL and a NULL *s are
   allowed. */
PTJ_API void ptj_scheduler_cleanup(ptj_scheduler **s);

/* Waits until s has neither job nor shielded function, and leaves s open.  Blocks; a cancellation
   point.  ETIMEDOUT; EINTR; EDEADLK from within s's own jobs and callbacks. */
PTJ_API int ptj_scheduler_wait(ptj_scheduler *s, int64_t timeout_ms);

/* Closes s: refuses new jobs with ESHUTDOWN, wakes blocked spawners with it, closes pending jobs
   without running them, cancels every active job and shielded function together, and waits for
   all of them until one close timeout has passed.  Each that outlasts it (a straggler) is
   reported once as "Job closing timed out", goes on in its own thread with its memory valid, and
   is released when it ends.  Calls the handler of stragglers and the release functions of pending
   jobs itself, for as long as they take.  After it, ptj_scheduler_len() is 0.
   Returns 0, also when there were stragglers and when s was closed before; concurrent callers all
   return when it is done.
   Blocks; not a cancellation point.  EDEADLK from within s's own jobs, shielded functions,
   handlers, release functions, on-cancel callbacks and visitors. */
PTJ_API int ptj_scheduler_close(ptj_scheduler *s);

/* Waits as ptj_scheduler_wait() does, jobs spawned meanwhile included, at most timeout_ms
   (PTJ_DEFAULT: the wait timeout), and closes s.  0 also when the time ran out.  Blocks; the wait
   is a cancellation point and a caller cancelled in it leaves s open; the close is none.  EINTR,
   with s left open; EDEADLK as for ptj_scheduler_close(). */
PTJ_API int ptj_scheduler_wait_and_close(ptj_scheduler *s, int64_t timeout_ms);

/* The settings that s was made with.  The timeouts are milliseconds or PTJ_INFINITE. */
PTJ_API size_t ptj_scheduler_limit(const ptj_scheduler *s);
PTJ_API size_t ptj_scheduler_pending_limit(const ptj_scheduler *s);
PTJ_API int64_t ptj_scheduler_close_timeout(const ptj_scheduler *s);
PTJ_API int64_t ptj_scheduler_wait_timeout(const ptj_scheduler *s);

/* Counts, each exact at some moment during the call: permits in use; jobs in line; jobs altogether
   (active, pending, and blocked ones that lent their permit); shielded functions. */
PTJ_API size_t ptj_scheduler_active_count(const ptj_scheduler *s);
PTJ_API size_t ptj_scheduler_pending_count(const ptj_scheduler *s);
PTJ_API size_t ptj_scheduler_len(const ptj_scheduler *s);
PTJ_API size_t ptj_scheduler_shield_count(const ptj_scheduler *s);

/* 1 from the moment a close of s began, else 0. */
PTJ_API int ptj_scheduler_closed(const ptj_scheduler *s);

/* 1 if job is one of s's and has not ended, else 0. */
PTJ_API int ptj_scheduler_contains(const ptj_scheduler *s, const ptj_job *job);

/* Calls visit(job, user) for each job of s, in no particular order, until it returns non-zero,
   and returns that, or 0.  A job that is there throughout is visited once; one that comes or goes
   meanwhile is visited or not.  Spawning and finishing jobs are not held up.  The job passed is
   borrowed for the call; ptj_job_ref() keeps it.  Within visit, ptj_scheduler_close() and
   ptj_scheduler_wait_and_close() are EDEADLK.  EINVAL; ENOTRECOVERABLE. */
PTJ_API int ptj_scheduler_foreach(ptj_scheduler *s, int (*visit)(ptj_job *job, void *user),
                                  void *user);

/* Fills in up to n handles of s's jobs, chosen as ptj_scheduler_foreach() does, and returns how
   many.  Each is a reference of the caller's, for ptj_job_unref(). */
PTJ_API size_t ptj_scheduler_jobs(ptj_scheduler *s, ptj_job **jobs, size_t n);

/* Returns the exception handler, NULL for the default one, and in *user, where user is not NULL,
   its argument. */
PTJ_API ptj_exception_handler ptj_scheduler_get_exception_handler(ptj_scheduler *s, void **user);

/* Replaces the exception handler; NULL for the default one.  A report that is under way on
   another thread may still call the former one.  ENOMEM, and then nothing changed. */
PTJ_API int ptj_scheduler_set_exception_handler(ptj_scheduler *s, ptj_exception_handler handler,
                                                void *user);

/* Calls the exception handler, or the default one, with context. */
PTJ_API int ptj_scheduler_call_exception_handler(ptj_scheduler *s, const ptj_context *context);

/* Writes "<Scheduler jobs=3>", or "<Scheduler closed jobs=3>", to buf as snprintf does; returns
   the length. */
PTJ_API int ptj_scheduler_describe(ptj_scheduler *s, char *buf, size_t size);

/* ---- Job attributes -------------------------------------------------------------------------

   A plain value, as ptj_attr is; used by any number of spawns, which copy what they need. */

/* Makes attributes with the defaults.  EINVAL: out is NULL.  ENOMEM. */
PTJ_API int ptj_job_attr_create(ptj_job_attr **out);

/* Releases attr.  NULL is allowed. */
PTJ_API void ptj_job_attr_free(ptj_job_attr *attr);

/* The job's name, copied; NULL, the default, for "job-N".  ENOMEM. */
PTJ_API int ptj_job_attr_set_name(ptj_job_attr *attr, const char *name);

/* The function that releases the job's argument; NULL, the default, for none. */
PTJ_API int ptj_job_attr_set_release(ptj_job_attr *attr, ptj_release_fn release);

/* The job's cancellation mode, one of PTJ_CANCEL_; the scheduler's unless set. */
PTJ_API int ptj_job_attr_set_cancel_mode(ptj_job_attr *attr, int mode);

/* With on non-zero, a job that ends without having called ptj_job_succeed() or ptj_job_fail() has
   failed with ENODATA: for runtimes whose closures return 0 after an exception. */
PTJ_API int ptj_job_attr_set_explicit_result(ptj_job_attr *attr, int on);

/* The completion queue in which the job appears when it has ended (see there); NULL, the default,
   for none.  The queue may be freed before attr.  ENOTRECOVERABLE. */
PTJ_API int ptj_job_attr_set_completions(ptj_job_attr *attr, ptj_completions *completions);

/* ---- Spawning ------------------------------------------------------------------------------- */

/* Runs fn(arg) as a job of s.  With a permit free the job is active when this returns; else it is
   pending.  While pending_limit jobs are pending it blocks, and is a cancellation point; those who
   block are served in turn, and others only from what places are free beside theirs.  *out, where
   out is not NULL, becomes a handle for ptj_job_unref().
   On any error, and when cancelled, the job never was and arg is the caller's.
   ESHUTDOWN: s is closed, also while blocked.  EAGAIN: no thread can be started and none is
   running.  ENOMEM.  EINTR.  EINVAL: s or fn is NULL, or the attributes' completion queue has been
   freed. */
PTJ_API int ptj_spawn(ptj_scheduler *s, ptj_job_fn fn, void *arg, ptj_job **out);

/* ptj_spawn() with attributes, or NULL for the defaults, and a timeout for the wait while the
   line is full, but for places that others wait for: ETIMEDOUT when it passed, EAGAIN at once with
   0. */
PTJ_API int ptj_spawn_attr(ptj_scheduler *s, const ptj_job_attr *attr, ptj_job_fn fn, void *arg,
                           int64_t timeout_ms, ptj_job **out);

/* ptj_spawn_attr() with the function called symbol in the shared library called library, found as
   dlopen(3) and dlsym(3) find them, or in the program itself and what that has loaded if library
   is NULL: for languages in which it is awkward to have the address of a C function.  The library
   is loaded by the calling thread, with cancellation disabled, and is never unloaded.
   After the two errors of its own, dlerror(3) on this thread has the details.  ELIBACC: the
   library cannot be loaded.  ENOSYS: it has no such symbol.  EINVAL: s or symbol is NULL. */
PTJ_API int ptj_spawn_symbol(ptj_scheduler *s, const ptj_job_attr *attr, const char *library,
                             const char *symbol, void *arg, int64_t timeout_ms, ptj_job **out);

/* Runs fn(arg) on a thread of s's, outside the limit and every count but
   ptj_scheduler_shield_count(), and waits for it.  A caller that is cancelled or whose timeout
   passes is released and fn goes on; ptj_scheduler_wait_and_close() gives it its grace and
   ptj_scheduler_close() cancels it.  fn starts also with timeout 0.  Blocks; a cancellation point.
   0, with the result in *result.  PTJ_EFAILED: fn called ptj_job_fail(); with nobody left
   waiting, the exception handler hears of it.  ECANCELED: cancelled by a close.  ETIMEDOUT.
   EINTR.  ESHUTDOWN: s is closed, fn did not start.  EAGAIN: no thread can be had, fn did not
   start.  ENOMEM; EINVAL. */
PTJ_API int ptj_shield(ptj_scheduler *s, ptj_job_fn fn, void *arg, int64_t timeout_ms,
                       void **result);

/* ---- Job ------------------------------------------------------------------------------------

   A job is pending, then active, then closed; exactly one is true.  It is closed from the moment
   it ended or a close of it began, and stays in its scheduler until it has ended: its function
   has returned or unwound, then its release function, then, where due, the exception handler.

   A handle is valid until it is unreferenced, also after its scheduler is gone.  Whoever calls
   wait, poll or close hears of the job's failure, so the exception handler then does not.

   Within a job, a call that blocks in wait, poll, shield or a spawn lends the job's permit to a
   pending job, and takes one back, before any pending job does, when it goes on; if its timeout
   passed, or its job or scheduler is being closed, it goes on without waiting for one. */

/* Waits until the job has ended.  Any number of threads may, before and after.  Blocks; a
   cancellation point, and a cancelled waiter leaves the job alone.  0, with the result in
   *result.  PTJ_EFAILED: the job failed.  ECANCELED: it was cancelled or never ran.  ETIMEDOUT:
   the timeout passed, and the job has been closed as by ptj_job_close(job, PTJ_DEFAULT) before
   this returns.  EDEADLK: it is the calling job.  EINTR. */
PTJ_API int ptj_job_wait(ptj_job *job, int64_t timeout_ms, void **result);

/* ptj_job_wait(), but leaves the job alone when the timeout passes. */
PTJ_API int ptj_job_poll(ptj_job *job, int64_t timeout_ms, void **result);

/* Marks the job closed, cancels it and waits for its end (PTJ_DEFAULT: at most the scheduler's
   close timeout).  A pending job is dropped without running and its place in line is free at
   once.  0: the job has ended.  ETIMEDOUT: it goes on.  PTJ_EFAILED: it failed on its own while
   being closed.  EDEADLK: it is the calling job.  Blocks; not a cancellation point. */
PTJ_API int ptj_job_close(ptj_job *job, int64_t timeout_ms);

/* The job's state; exactly one is 1 (but see fork, above). */
PTJ_API int ptj_job_pending(const ptj_job *job);
PTJ_API int ptj_job_active(const ptj_job *job);
PTJ_API int ptj_job_closed(const ptj_job *job);

/* How the job failed: the code, and the message or NULL if none was given.  0 and NULL while it
   runs and if it succeeded; ECANCELED if it was cancelled or never ran.  The message is valid as
   long as the handle. */
PTJ_API int ptj_job_error(const ptj_job *job);
PTJ_API const char *ptj_job_error_message(const ptj_job *job);

/* The name, as snprintf does: returns its length. */
PTJ_API int ptj_job_get_name(const ptj_job *job, char *buf, size_t size);

/* Names the job, and the thread that runs it; NULL for "job-N".  name is copied.  ENOMEM. */
PTJ_API int ptj_job_set_name(ptj_job *job, const char *name);

/* The job's number within its scheduler, from 1; 0 for a shielded function.  Never used twice. */
PTJ_API uint64_t ptj_job_id(const ptj_job *job);

/* Writes "<Job active name=job-1>", and the like, to buf as snprintf does; returns the length. */
PTJ_API int ptj_job_describe(const ptj_job *job, char *buf, size_t size);

/* Takes another reference; returns job. */
PTJ_API ptj_job *ptj_job_ref(ptj_job *job);

/* Gives a reference back; the job itself goes on.  NULL is allowed. */
PTJ_API void ptj_job_unref(ptj_job *job);

/* ---- Within a job ---------------------------------------------------------------------------- */

/* The calling job, borrowed; NULL outside a job. */
PTJ_API ptj_job *ptj_job_self(void);

/* Records that the calling job failed, for `return ptj_job_fail(EIO, "disk on fire");`, and
   returns NULL.  message is copied, and dropped where memory is short; NULL for none.  The last
   call of fail and succeed holds, whatever the function returns.  A code of 0 is recorded as
   EINVAL.  ECANCELED from a job that is being closed is a cancellation, not a failure. */
PTJ_API void *ptj_job_fail(int code, const char *message);

/* Records the calling job's result.  EINVAL outside a job. */
PTJ_API int ptj_job_succeed(void *result);

/* 1 once a close of the calling job began, else 0. */
PTJ_API int ptj_job_cancelled(void);

/* A descriptor that becomes readable, and stays so, when a close of the calling job begins: for
   poll().  The library's; valid until the job's function is over.  -1 outside a job and where
   none can be had. */
PTJ_API int ptj_job_cancel_fd(void);

/* Sleeps.  Blocks; a cancellation point.  ECANCELED: a close of the calling job began before or
   meanwhile.  PTJ_INFINITE sleeps until then.  Outside a job it only sleeps.  EINVAL: ms is any
   other negative value, PTJ_DEFAULT too. */
PTJ_API int ptj_sleep(int64_t ms);

/* Has fn(arg) called on the closer's thread when a close of the calling job begins, after the flag
   is set and the cancel fd is readable, and before the thread is cancelled; at once, on this
   thread, if it has begun already.  Replaces a callback registered before.  A NULL fn unregisters
   it, waiting for a callback that is running, unless called from within it; so does the end of the
   job.  EINVAL outside a job.  ENOMEM. */
PTJ_API int ptj_job_on_cancel(void (*fn)(void *arg), void *arg);

/* ---- External jobs ------------------------------------------------------------------------------

   Jobs that the program itself runs, on a thread or event loop of its own: for runtimes whose
   functions cannot be called on the library's threads.  An external job is limited, queued,
   counted, named, closed, waited for and released as any other.  When it gets its permit it is
   active, and is handed out to whoever asks for one; that one does the work, and says when it is
   over:

	ptj_spawn_external(s, NULL, arg, PTJ_INFINITE, NULL);
	...
	while (ptj_external_next(s, PTJ_INFINITE, &job) == 0) {
		rc = work(ptj_job_arg(job), &result);
		ptj_job_finish(job, rc, rc ? "it broke" : NULL, result);
		ptj_job_unref(job);
	}

   A close of a job that was handed out makes ptj_job_closed(job) 1 and its cancel fd readable, and
   calls its on-cancel callback; nothing else happens to it, and whoever runs it finishes it soon:
   with ECANCELED if it obeyed.  One that does not in time is a straggler as any other.  A job that
   is closed before it is handed out never is. */

/* ptj_spawn_attr() for an external job; starts no thread.  The cancellation mode and an explicit
   result mean nothing to it. */
PTJ_API int ptj_spawn_external(ptj_scheduler *s, const ptj_job_attr *attr, void *arg,
                               int64_t timeout_ms, ptj_job **out);

/* A descriptor that is readable while there are external jobs of s's to be handed out: to poll()
   for reading and nothing else.  The scheduler's; valid until it is freed.  -1: s is NULL, or came
   over a fork, or no descriptor is to be had. */
PTJ_API int ptj_external_fd(ptj_scheduler *s);

/* Hands out the external job that has been active longest, and waits for one as long as there is
   none.  *job, which must not be NULL, becomes a reference of the caller's, for ptj_job_unref().
   Any number of threads may ask; each job goes to one of them.  Blocks; a cancellation point, and a
   cancelled caller was handed nothing.  ETIMEDOUT: there was none in that time, with 0 at once.
   ESHUTDOWN: s is closed, also while blocked.  EDEADLK: from within s's own jobs and callbacks.
   EINTR. */
PTJ_API int ptj_external_next(ptj_scheduler *s, int64_t timeout_ms, ptj_job **job);

/* The argument that job was spawned with; what it points to may have been released if the job has
   ended. */
PTJ_API void *ptj_job_arg(const ptj_job *job);

/* Ends an external job that was handed out: with code 0 it succeeded with result, with any other it
   failed so, as by ptj_job_fail(code, message).  ECANCELED for a job that is being closed is a
   cancellation.  Calls the job's release function and, where due, the exception handler, and waits
   for an on-cancel callback that is running.  EINVAL: job is not external.  EPERM: it was not
   handed out yet.  EALREADY: it was finished, or dropped by a close, before.  EDEADLK: from within
   its own callbacks. */
PTJ_API int ptj_job_finish(ptj_job *job, int code, const char *message, void *result);

/* ptj_job_cancel_fd() for an external job that was handed out: a descriptor that becomes readable,
   and stays so, when a close of job begins.  The library's; valid until ptj_job_finish().  -1: job
   is not such a job, or no descriptor is to be had. */
PTJ_API int ptj_external_cancel_fd(ptj_job *job);

/* ptj_job_on_cancel() for an external job that was handed out: has fn(arg) called on the closer's
   thread when a close of job begins, or at once on this one if it has; NULL takes it back, waiting
   for one that is running, unless called from within it.  EINVAL: job is not such a job, or was
   finished meanwhile.  EDEADLK: another one from within it.  ENOMEM. */
PTJ_API int ptj_external_on_cancel(ptj_job *job, void (*fn)(void *arg), void *arg);

/* ---- Completion queues ------------------------------------------------------------------------

   For event loops and other languages: the jobs spawned with a queue in their attributes appear
   there when they have ended, each exactly once, whatever became of it: finished, failed,
   cancelled, closed before it ran, ended long after its scheduler was closed.  Jobs of any number
   of schedulers may share one.

	ptj_completions_create(&q, -1);
	ptj_job_attr_set_completions(attr, q);
	ptj_spawn_attr(s, attr, work, arg, PTJ_INFINITE, NULL);
	...
	poll(&(struct pollfd){.fd = ptj_completions_fd(q), .events = POLLIN}, 1, -1);
	while (ptj_completions_take(q, jobs, 64, 0, &n) == 0)
		for (i = 0; i < n; i++) {
			if (ptj_job_wait(jobs[i], 0, &result) == 0)
				use(result);
			ptj_job_unref(jobs[i]);
		}

   The exception handler does not hear of the failure of a job with a queue, though still of one
   that outlasts its scheduler's close.  A job is in its queue before it counts as ended: who has
   waited for it, or for its scheduler, finds it there, and the descriptor readable. */

/* Makes an empty queue.  out must not be NULL.
   fd -1: the queue has a descriptor of its own, for ptj_completions_fd().
   Else fd is the write end of a pipe, a socket or an eventfd: 8 bytes are written to it (a uint64_t
   with the value 1) each time the queue goes from empty to not empty, and the program reads them
   from the other end.  Where it has no room the write is left out.  fd stays the program's; it is
   used until ptj_completions_free() has returned, never blocks the library, and raises no SIGPIPE.
   ENOMEM; EMFILE and ENFILE: no descriptor is to be had; EBADF: fd is not open for writing; what
   fstat(2) says. */
PTJ_API int ptj_completions_create(ptj_completions **out, int fd);

/* The queue's own descriptor, to poll() for reading and nothing else: readable while there are
   jobs.  It becomes so when the queue goes from empty to not empty, and is reset by the
   ptj_completions_take() that empties it.  The queue's; valid until it is freed.  With a descriptor
   of the program's, that.  -1: c is NULL, or came over a fork. */
PTJ_API int ptj_completions_fd(const ptj_completions *c);

/* Takes the jobs that have been longest in c, at most n of them, and waits for the first as long as
   there is none.  *taken, which must not be NULL, becomes how many; jobs[0] to jobs[*taken - 1] are
   references of the caller's, for ptj_job_unref(), to jobs that have ended.  Any number of threads
   may take; each job goes to one of them.  Blocks; a cancellation point, and a cancelled caller has
   taken nothing.  Within a job it lends the job's permit, as ptj_job_poll() does.
   ETIMEDOUT: there was none in that time, with 0 at once.  EINTR.  EINVAL: also if n is 0. */
PTJ_API int ptj_completions_take(ptj_completions *c, ptj_job **jobs, size_t n, int64_t timeout_ms,
                                 size_t *taken);

/* Releases c, and the jobs that nobody took.  Jobs that are bound to it and have not ended go on,
   and end unobserved; no thread may be within ptj_completions_take(), or call it afterwards.  Does
   not block.  NULL is allowed. */
PTJ_API void ptj_completions_free(ptj_completions *c);

/* ---- Constants ------------------------------------------------------------------------------- */

/* What code means, in English: errno values and PTJ_EFAILED.  Never NULL; never released. */
PTJ_API const char *ptj_strerror(int code);

/* The library's version at run time, "0.1.0". */
PTJ_API const char *ptj_version(void);

/* The value of the constant called name, "PTJ_INFINITE" for one.  ENOENT: there is none.  EINVAL:
   name or value is NULL. */
PTJ_API int ptj_constant(const char *name, int64_t *value);

#ifdef __cplusplus
}
#endif

#endif
