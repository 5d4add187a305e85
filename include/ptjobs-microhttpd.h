/* ptjobs-microhttpd: web handlers that submit background jobs, or are jobs, with GNU libmicrohttpd.

   An application has routes, and after ptj_web_setup() a scheduler, which lives from the server's
   start to its stop.  The handler of an atomic route is a job of that scheduler: it may block,
   while its connection waits and the server's event loop goes on:

	static int hello(ptj_web_request *request, void *user)
	{
		const char *name = ptj_web_param(request, "name");

		return ptj_web_respond(request, 200, NULL, name, strlen(name));
	}

	ptj_web_app_create(&app, NULL);
	ptj_web_setup(app, NULL);
	ptj_web_atomic(app, "GET", "/hello/{name}", hello, NULL);
	ptj_web_start(app, "127.0.0.1", 8080);
	... wait for a signal ...
	ptj_web_stop(app, PTJ_DEFAULT);
	ptj_web_app_free(app);

   The conventions are those of ptjobs.h: functions return 0 or a positive errno value, leave errno
   alone, write out parameters only on success, and answer a NULL handle or a bad argument with
   EINVAL, or 0 or NULL where they return no code.  Timeouts are milliseconds on CLOCK_MONOTONIC.
   Strings that come out belong to the library; those of a request are valid as long as its handler
   runs.  None of the library's locks is held while a function of the program's runs.

   Threads    The functions of an application may be called from any thread.  Those of a request may
              be called by its handler, and until it returns, by threads that the handler waits for.
   fork       In the child a server of the parent's is dead: its functions return ENOTRECOVERABLE,
              and ptj_web_app_free() releases nothing that a thread of the parent's may have held.
   Limits     What a request may take is bounded: ptj_web_set_header_limit(), _body_limit(),
              _receive_timeout(), _connection_limit(), _line_limit().

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_MICROHTTPD_H
#define PTJOBS_MICROHTTPD_H

#include <ptjobs.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ptj_web_app ptj_web_app;
typedef struct ptj_web_route_attr ptj_web_route_attr;
typedef struct ptj_web_request ptj_web_request;

struct MHD_Connection;

/* Answers a request, with ptj_web_respond() or one of its kind, and returns 0; or returns an error,
   a positive errno value, and has failed: the client gets a 500 without the details, and the
   exception handler of the request's scheduler hears of it (or the log, where there is none).  To
   return 0 without an answer is a failure, too (ENODATA), and so is to call ptj_job_fail(); to
   return the EPIPE of a client that is gone is none.  The handler of an atomic route that is
   cancelled is answered with 503. */
typedef int (*ptj_web_handler)(ptj_web_request *request, void *user);

/* Called for each name and value; a non-zero return stops the walk. */
typedef int (*ptj_web_visitor)(const char *name, const char *value, void *user);

/* Called with a line for the log, without a newline, from any thread of the library's. */
typedef void (*ptj_web_log)(const char *message, void *user);

/* ---- Applications ---------------------------------------------------------------------------

   An application is put together by one thread and then started.  From the start to the end of the
   stop it does not change: a function that would change it returns EBUSY. */

/* Makes an application; with a parent it is a sub-application, for ptj_web_mount().  EINVAL; EBUSY:
   the parent has been started; ENOMEM. */
PTJ_API int ptj_web_app_create(ptj_web_app **out, ptj_web_app *parent);

/* Releases app, which is stopped before as by ptj_web_stop(app, 0) if it was started.
   Sub-applications are released by themselves, before or after, but not while they are served.
   Does nothing but write to the log when called from within one of app's handlers.  Blocks; not a
   cancellation point.  NULL is allowed. */
PTJ_API void ptj_web_app_free(ptj_web_app *app);

/* Gives app a scheduler with attr's settings, or the defaults where attr is NULL, of which a copy
   is kept.  It is made when the server starts, and gracefully closed when it stops.  EALREADY: app
   has one; EBUSY; ENOMEM. */
PTJ_API int ptj_web_setup(ptj_web_app *app, const ptj_attr *attr);

/* Has handler called for requests with this method, such as "GET" or "*" for any, and path.  A
   segment "{name}" of the path stands for any one that is not empty, and "{name...}" at its end for
   all that is left, which may be nothing: ptj_web_param() has them.  The first route that was added
   and fits is taken.  "GET" serves "HEAD" as well.
   The handler is called on the server's event loop when the whole request is there, and must not
   block: see ptj_web_atomic().  EEXIST: there is a route for this method and path; EBUSY; ENOMEM;
   EINVAL: also for a method that is no token and a path that does not begin with a slash, has an
   empty name or one twice, or holds a segment "." or "..". */
PTJ_API int ptj_web_route(ptj_web_app *app, const char *method, const char *path,
                          ptj_web_handler handler, void *user);

/* ptj_web_route(), but the handler runs as a job of the scheduler that
   ptj_web_scheduler_from_request() names, while the connection is suspended and the event loop goes
   on; without one the answer is 500.  Where the scheduler's pending queue is full, 503 with
   Retry-After is answered at once, or the request waits in a line: ptj_web_set_line_limit().  A
   client that goes away leaves the job running. */
PTJ_API int ptj_web_atomic(ptj_web_app *app, const char *method, const char *path,
                           ptj_web_handler handler, void *user);

/* ptj_web_route() with attributes, or NULL for the defaults. */
PTJ_API int ptj_web_route_with(ptj_web_app *app, const ptj_web_route_attr *attr, const char *method,
                               const char *path, ptj_web_handler handler, void *user);

/* Has child serve what lies below prefix, such as "/admin": its routes see the rest of the path,
   and may be "/" or "/{rest...}" too.  Routes of parent that fit are taken first; after that the
   first mount that fits, whether or not it has a route.  The prefix is made of plain segments.
   child is one that was created with this parent, or without one, and parent becomes it.  EEXIST:
   the prefix, or child, is mounted already; ELOOP: child is above parent; EBUSY; ENOMEM; EINVAL. */
PTJ_API int ptj_web_mount(ptj_web_app *parent, const char *prefix, ptj_web_app *child);

/* ---- Attributes of a route -------------------------------------------------------------------

   A plain value, read by ptj_web_route_with(), which copies it.  Each setter returns 0 or
   EINVAL. */

PTJ_API int ptj_web_route_attr_create(ptj_web_route_attr **out);
PTJ_API void ptj_web_route_attr_free(ptj_web_route_attr *attr);

/* As ptj_web_atomic(): off unless set.  The settings below, but for the body limit, are for such
   routes only: ptj_web_route_with() returns EINVAL where one is set without it. */
PTJ_API int ptj_web_route_attr_set_atomic(ptj_web_route_attr *attr, int on);

/* Closes the job, as by ptj_job_close(job, 0), when the client goes away before it was answered.
   A client that shuts its sending side down looks so too.  Off unless set. */
PTJ_API int ptj_web_route_attr_set_close_on_disconnect(ptj_web_route_attr *attr, int on);

/* Starts the job when the headers are there; it reads the body with ptj_web_read() as it comes, and
   at most 64 KiB of it are held for it.  Off unless set: then the job starts when the body is in
   memory, for ptj_web_body(). */
PTJ_API int ptj_web_route_attr_set_stream_body(ptj_web_route_attr *attr, int on);

/* The most bytes of body that a request may have; a larger one is answered with 413.  The
   application's limit unless set; 0 for no limit, which needs a streamed body. */
PTJ_API int ptj_web_route_attr_set_body_limit(ptj_web_route_attr *attr, uint64_t bytes);

/* The cancellation mode of the job: the scheduler's unless set. */
PTJ_API int ptj_web_route_attr_set_cancel_mode(ptj_web_route_attr *attr, int mode);

/* The name of the job, which its thread carries; "job-N" unless set.  ENOMEM. */
PTJ_API int ptj_web_route_attr_set_name(ptj_web_route_attr *attr, const char *name);

/* ---- Settings ----------------------------------------------------------------------------------

   Of the application that is started, unless the text says otherwise, and read at the start.  Each
   returns 0, EINVAL, or EBUSY while the application runs. */

/* The threads of the event loop: 1 unless set, at most 64. */
PTJ_API int ptj_web_set_threads(ptj_web_app *app, unsigned threads);

/* How many connections there are at once; more wait to be accepted.  Unless set, or with 0: as many
   as the jobs that may be active, pending and in line, and 1,000 more. */
PTJ_API int ptj_web_set_connection_limit(ptj_web_app *app, size_t limit);

/* How many bytes of memory a connection takes for the head of a request; a longer one is answered
   with 431 or 414.  32 KiB unless set, at least 4 KiB. */
PTJ_API int ptj_web_set_header_limit(ptj_web_app *app, size_t bytes);

/* The most bytes of body that a request may have, for all routes of app and of its sub-applications
   that set none; at least 1.  1 MiB unless set. */
PTJ_API int ptj_web_set_body_limit(ptj_web_app *app, uint64_t bytes);

/* How long a client may take to send the head of a request, from its connection or from the answer
   before; from there its body must come at 1 KiB a second or faster on the average.  A client that
   neither sends nor receives for that long is cut off, too.  1 ms to a day; 30,000 ms unless
   set. */
PTJ_API int ptj_web_set_receive_timeout(ptj_web_app *app, int64_t timeout_ms);

/* How many atomic requests wait in line, first in first out, while the pending queue of app's own
   scheduler is full, before others get a 503.  For any application with a scheduler.  0 unless
   set. */
PTJ_API int ptj_web_set_line_limit(ptj_web_app *app, size_t limit);

/* Serves HTTPS with this certificate chain and key, in PEM; both are copied.  NULL for both takes
   it back.  ENOTSUP: libmicrohttpd was built without TLS; ENOMEM. */
PTJ_API int ptj_web_set_tls(ptj_web_app *app, const char *certificate, const char *key);

/* Who hears what goes wrong and belongs to no scheduler, and what libmicrohttpd has to say.  NULL,
   the default, for nobody. */
PTJ_API int ptj_web_set_log(ptj_web_app *app, ptj_web_log log, void *user);

/* ---- The server ------------------------------------------------------------------------------ */

/* Makes the schedulers, listens at address and port, and serves app and its sub-applications.
   address is a numeric IPv4 or IPv6 address or a host name, or NULL for all of the machine's; port
   0 for any that is free, which ptj_web_port() tells.  EALREADY: app runs; EINVAL: app has a
   parent, or TLS has been set and its certificate or key is bad; EADDRNOTAVAIL: there is no such
   address; what socket(2), bind(2), listen(2) and pthread_create(3) say; ENOMEM.  After an error
   nothing runs.  Blocks while a host name is looked up; not a cancellation point. */
PTJ_API int ptj_web_start(ptj_web_app *app, const char *address, uint16_t port);

/* The port that app listens at; 0 while it does not. */
PTJ_API uint16_t ptj_web_port(const ptj_web_app *app);

/* Stops the server gracefully: listens no more; gives what was accepted at most timeout_ms
   (PTJ_DEFAULT: the wait timeout of app's scheduler, or 60,000) to be received, done and answered,
   and jobs that handlers have spawned, and shielded functions, to end, as
   ptj_scheduler_wait_and_close() does; closes the schedulers; answers whatever is left with 503,
   also where a straggler goes on; cuts off who does not read its answer; and stops the daemon.
   From the beginning new requests are answered with 503, and connections without one closed.  Takes
   at most timeout_ms, the close timeout of each scheduler and ten seconds.  Returns 0, also when
   app did not run; concurrent callers all return when it is done.  Blocks; not a cancellation
   point.  EDEADLK from within app's handlers, jobs and their callbacks. */
PTJ_API int ptj_web_stop(ptj_web_app *app, int64_t timeout_ms);

/* Counts, each exact at some moment during the call, 0 while app does not run: connections to the
   server; requests from their first line to the end of their answer; requests in app's own line. */
PTJ_API size_t ptj_web_connection_count(const ptj_web_app *app);
PTJ_API size_t ptj_web_request_count(const ptj_web_app *app);
PTJ_API size_t ptj_web_line_count(const ptj_web_app *app);

/* ---- With a daemon of the program's own ---------------------------------------------------------

   For a program that starts libmicrohttpd itself, with MHD_ALLOW_SUSPEND_RESUME and any threading
   but MHD_USE_THREAD_PER_CONNECTION, with which atomic routes are answered with 500: libmicrohttpd
   misses resumptions there.  It opens app, passes on three calls, and closes app before it stops
   the daemon:

	static enum MHD_Result access(void *app, struct MHD_Connection *connection, const char *url,
	                              const char *method, const char *version, const char *upload,
	                              size_t *upload_size, void **request)
	{
		... what the program serves itself, with *request NULL or its own ...
		return ptj_web_request_begin(app, connection, url, method, version, upload,
		                             upload_size, request) ? MHD_YES : MHD_NO;
	}

	ptj_web_open(app);
	daemon = MHD_start_daemon(flags | MHD_ALLOW_SUSPEND_RESUME, port, NULL, NULL, access, app,
	                          MHD_OPTION_NOTIFY_COMPLETED, ptj_web_request_end, app,
	                          MHD_OPTION_URI_LOG_CALLBACK, ptj_web_request_uri, app,
	                          MHD_OPTION_END);
	...
	ptj_web_close(app, PTJ_DEFAULT);
	MHD_stop_daemon(daemon);

   The settings of threads, connections, header, receive timeout and TLS mean nothing then: they are
   the daemon's. */

/* Makes the schedulers, without a server.  As ptj_web_start(). */
PTJ_API int ptj_web_open(ptj_web_app *app);

/* ptj_web_stop() but for the daemon and its connections.  Afterwards none of them is suspended, and
   requests are answered with 503; MHD_stop_daemon() is the next call. */
PTJ_API int ptj_web_close(ptj_web_app *app, int64_t timeout_ms);

/* Serves a request, or goes on with it: to be called with the arguments of the access handler,
   whose last is *request, NULL in the first call unless ptj_web_request_uri() made it.  Returns 1
   for MHD_YES and 0 for MHD_NO.  Only on the daemon's threads. */
PTJ_API int ptj_web_request_begin(ptj_web_app *app, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **request);

/* The daemon's MHD_OPTION_NOTIFY_COMPLETED, whose last parameter is an enum
   MHD_RequestTerminationCode; does nothing where *request is NULL. */
PTJ_API void ptj_web_request_end(void *app, struct MHD_Connection *connection, void **request,
                                 int termination);

/* The daemon's MHD_OPTION_URI_LOG_CALLBACK, to be left out where the program sets *request itself.
   With it paths are decoded once they are taken apart, so that "%2F" in a segment is no slash, and
   one that is badly encoded is answered with 400; without it they are as libmicrohttpd decodes
   them. */
PTJ_API void *ptj_web_request_uri(void *app, const char *uri, struct MHD_Connection *connection);

/* ---- Schedulers ------------------------------------------------------------------------------ */

/* The scheduler of this very application: NULL where ptj_web_setup() was not called on it, and
   while it does not run. */
PTJ_API ptj_scheduler *ptj_web_scheduler_from_app(ptj_web_app *app);

/* The scheduler of the application whose route serves the request, else its parent's, and so on;
   NULL if there is none, or the server gave the request up: it is valid until then. */
PTJ_API ptj_scheduler *ptj_web_scheduler_from_request(ptj_web_request *request);

/* The same as a code.  ENOENT: there is none. */
PTJ_API int ptj_web_scheduler(ptj_web_request *request, ptj_scheduler **out);

/* ptj_spawn() on the request's scheduler: the job goes on when the request was answered.  In an
   atomic handler it blocks while the pending queue is full, as ptj_spawn() does; in others EAGAIN.
   ENOENT: there is no scheduler. */
PTJ_API int ptj_web_spawn(ptj_web_request *request, ptj_job_fn fn, void *arg, ptj_job **out);

/* ptj_shield() on the request's scheduler: fn goes on when the handler is cancelled, and is given
   its grace at the stop.  Blocks, so a handler on the event loop holds that up.  ENOENT: there is
   no scheduler. */
PTJ_API int ptj_web_shield(ptj_web_request *request, ptj_job_fn fn, void *arg, int64_t timeout_ms,
                           void **result);

/* ---- A request ------------------------------------------------------------------------------- */

/* The application whose route serves the request; NULL once the server gave the request up. */
PTJ_API ptj_web_app *ptj_web_request_app(const ptj_web_request *request);

/* The method, and the path and query as they were sent. */
PTJ_API const char *ptj_web_method(const ptj_web_request *request);
PTJ_API const char *ptj_web_uri(const ptj_web_request *request);

/* The client's address: "192.0.2.1", "2001:db8::1"; NULL where there is none. */
PTJ_API const char *ptj_web_remote(const ptj_web_request *request);

/* What stood for "{name}" in the path, decoded; NULL if the path has no such name. */
PTJ_API const char *ptj_web_param(const ptj_web_request *request, const char *name);

/* The first value of a query parameter, decoded: "" where it has none, NULL if there is none. */
PTJ_API const char *ptj_web_query(const ptj_web_request *request, const char *name);

/* The first value of a header, whatever the case of its name; NULL if there is none. */
PTJ_API const char *ptj_web_header(const ptj_web_request *request, const char *name);

/* All query parameters, and all headers, in their order; returns what the visitor that stopped it
   returned, or 0. */
PTJ_API int ptj_web_each_query(const ptj_web_request *request, ptj_web_visitor visit, void *user);
PTJ_API int ptj_web_each_header(const ptj_web_request *request, ptj_web_visitor visit, void *user);

/* The body, followed by a 0 that is not counted in *size, which may be NULL; "" where there is
   none.  NULL where it is streamed. */
PTJ_API const void *ptj_web_body(const ptj_web_request *request, size_t *size);

/* Reads up to size bytes of a streamed body, and waits for the first as long as there is none; *got
   becomes how many, and 0 at the end of the body.  Blocks; a cancellation point, and EINTR as
   explained in ptjobs.h.  ETIMEDOUT; EPIPE: the client is gone, or the server gave the request up;
   EMSGSIZE: the body is longer than its limit; EINVAL: the body is not streamed. */
PTJ_API int ptj_web_read(ptj_web_request *request, void *buf, size_t size, int64_t timeout_ms,
                         size_t *got);

/* Reads what is left of a streamed body and writes it to fd; *written, which may be NULL, becomes
   how many bytes that were, also after an error.  timeout_ms is for each wait.  Blocks; a
   cancellation point.  As ptj_web_read(), and what write(2) says. */
PTJ_API int ptj_web_read_to_fd(ptj_web_request *request, int fd, int64_t timeout_ms,
                               uint64_t *written);

/* ---- The answer ---------------------------------------------------------------------------------

   headers are names and values in turn and a NULL at the end, or NULL for none; all is copied, and
   one with an empty value left out.  The answer goes out when the handler has returned 0.
   EALREADY: there is an answer; EPIPE: the server gave the request up; ENOMEM; EINVAL: also for a
   status below 200 or above 599, for a name or value that cannot stand in a header, and for
   Content-Length, Transfer-Encoding, Connection and Date, which are the library's. */

/* Answers with size bytes of body, which are copied. */
PTJ_API int ptj_web_respond(ptj_web_request *request, int status, const char *const *headers,
                            const void *body, size_t size);

/* Answers with size bytes of the file fd from offset on, or all that is left with a size of
   UINT64_MAX.  On success fd is the library's, which closes it.  EINVAL: also if fd is no regular
   file, or shorter. */
PTJ_API int ptj_web_respond_fd(ptj_web_request *request, int status, const char *const *headers,
                               int fd, uint64_t offset, uint64_t size);

/* Begins an answer that the handler of an atomic route writes piece by piece with ptj_web_write();
   it goes out from now on, and ends when the handler returns 0.  With any other end the connection
   is cut off, so that the client knows.  size is the body's, or UINT64_MAX where it is not known.
   What is left of a streamed body is dropped: libmicrohttpd answers when it has all of the request.
   EINVAL: the route is not atomic. */
PTJ_API int ptj_web_stream(ptj_web_request *request, int status, const char *const *headers,
                           uint64_t size);

/* Writes size bytes to the client, and waits while 64 KiB lie before it.  *written, which may be
   NULL, becomes how many were taken, also after an error.  Blocks; a cancellation point, and EINTR
   as explained in ptjobs.h.  ETIMEDOUT; EPIPE: the client is gone, or the server gave the request
   up; EMSGSIZE: it would be more than the size that was announced; EINVAL: no answer was begun. */
PTJ_API int ptj_web_write(ptj_web_request *request, const void *buf, size_t size,
                          int64_t timeout_ms, size_t *written);

/* Records why the handler fails, for the exception handler or the log, and returns code (EINVAL for
   0): for `return ptj_web_fail(request, EIO, "disk on fire");`.  message is copied, and dropped
   where memory is short; NULL for none.  The client sees neither. */
PTJ_API int ptj_web_fail(ptj_web_request *request, int code, const char *message);

#ifdef __cplusplus
}
#endif

#endif
