/* Starting and stopping: the order in which what serves an application comes and goes.

   A stop goes by these steps, and each makes the next one bounded:

   1. SITE_DRAINING: new requests are answered with 503.  Nothing is accepted any more, and
      connections without a request end.
   2. Requests are received, done and answered, and the schedulers wait for what jobs are left,
      until the timeout.
   3. The schedulers are closed: no handler runs but stragglers', no request is in line.
   4. SITE_CLOSED: what has no answer gets a 503; from now on no connection is suspended.
   5. The answers go out, for a while; then what is left of the connections is cut off, and
      libmicrohttpd ends their requests.
   6. The daemon stops, which has neither requests nor suspended connections; the loop; the
      schedulers are released, which no call of a straggler's is using.

   SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "clock.h"
#include "give_up.h"
#include "job.h"
#include "keep_errno.h"
#include "server.h"

enum {
	WAIT_TIMEOUT_MS = 60000, /* of a stop, without a scheduler to say so */
	FLUSH_MS = 5000,         /* how long answers may take to go out at the end of it */
};

/* ---- Opening --------------------------------------------------------------------------------- */

static int close_scheduler(struct ptj_web_app *app, void *until)
{
	if (app->scheduler)
		ptj_scheduler_wait_and_close(app->scheduler, clock_left(*(int64_t *)until));
	return 0;
}

static int end_line(struct ptj_web_app *app, void *unused)
{
	(void)unused;
	line_close(&app->line);
	return 0;
}

static int free_scheduler(struct ptj_web_app *app, void *unused)
{
	ptj_scheduler *s = app->scheduler;
	struct site *site = app_site(app);

	(void)unused;
	site_lock(site);
	app->scheduler = NULL;
	site_unlock(site);
	ptj_scheduler_free(s);
	return 0;
}

static int open_app(struct ptj_web_app *app, void *site)
{
	ptj_scheduler *s = NULL;
	size_t i;
	int rc;

	for (i = 0; i < app->route_count; i++)
		if (app->routes[i].attr.atomic)
			job_prepare(&app->routes[i]);
	if (!app->attr)
		return 0;
	rc = ptj_scheduler_create(&s, app->attr);
	if (rc)
		return rc;
	site_lock(site);
	app->scheduler = s;
	site_unlock(site);
	return line_open(&app->line, site, app->line_limit, job_serve_line);
}

static void close_apps(struct ptj_web_app *app)
{
	int64_t now = clock_now();

	app_each(app, close_scheduler, &now);
	app_each(app, end_line, NULL);
	app_each(app, free_scheduler, NULL);
}

static void set_state(struct site *site, enum site_state state)
{
	site_lock(site);
	site->state = state;
	site_unlock(site);
}

/* Makes what serves app; undone after an error. */
static int make(struct ptj_web_app *app, struct server *server)
{
	struct site *site = app->site;
	int rc = loop_start(&site->loop, server ? server_period(app) : 0,
	                    server ? &server->tick : NULL);

	if (rc)
		return rc;
	site->server = server;
	site->clients = server ? &server->clients : NULL;
	rc = app_each(app, open_app, site);
	/* A request may come as soon as the server was started. */
	if (rc == 0)
		set_state(site, SITE_OPEN);
	if (rc == 0 && server)
		rc = server_start(server, app);
	if (rc == 0)
		return 0;
	set_state(site, SITE_OFF);
	if (server)
		server_stop(server);
	loop_stop(site->loop);
	close_apps(app);
	site->clients = NULL;
	site->server = NULL;
	return rc;
}

static int begin(struct site *site)
{
	int rc = 0;

	if (site_is_dead(site))
		return ENOTRECOVERABLE;
	site_lock(site);
	if (site->state != SITE_OFF || site->starting)
		rc = EALREADY;
	else
		site->starting = true;
	site_unlock(site);
	if (rc == 0)
		atomic_store_explicit(&site->owner, getpid(), memory_order_relaxed);
	return rc;
}

/* Says that it is open, or is not after all. */
static void begun(struct site *site, int rc)
{
	site_lock(site);
	if (rc)
		atomic_store_explicit(&site->owner, 0, memory_order_relaxed);
	site->starting = false;
	pthread_cond_broadcast(&site->off);
	site_unlock(site);
}

static int start(struct ptj_web_app *app, bool listens, const char *address, uint16_t port)
{
	struct server *server = NULL;
	int before, rc;

	if (!app || app->parent)
		return EINVAL;
	rc = begin(app->site);
	if (rc)
		return rc;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	app->site->log = app->log;
	app->site->log_user = app->log_user;
	if (listens)
		rc = server_create(&server, app, address, port);
	if (rc == 0)
		rc = make(app, server);
	if (rc && server)
		server_free(server);
	begun(app->site, rc);
	pthread_setcancelstate(before, NULL);
	return rc;
}

int ptj_web_open(ptj_web_app *app)
{
	KEEP_ERRNO;

	return start(app, false, NULL, 0);
}

int ptj_web_start(ptj_web_app *app, const char *address, uint16_t port)
{
	KEEP_ERRNO;

	return start(app, true, address, port);
}

/* ---- Closing --------------------------------------------------------------------------------- */

/* Whether the calling thread is within a job of app's scheduler, or one of its callbacks. */
static int is_inside(struct ptj_web_app *app, void *unused)
{
	(void)unused;
	return app->scheduler && ptj_scheduler_wait(app->scheduler, 0) == EDEADLK ? EDEADLK : 0;
}

/* The same of all there is.  Somebody else may be stopping it at the same time; once its schedulers
   cannot be pinned they have ended, but for stragglers, and those nobody waits for. */
static bool is_called_from_within(struct ptj_web_app *app)
{
	bool inside = site_is_inside(app->site);

	if (!inside && site_pin(app->site) == 0) {
		inside = app_each(app, is_inside, NULL) != 0;
		site_unpin(app->site);
	}
	return inside;
}

/* Step 1.  False where it is off, when whoever else was stopping it is done. */
static bool drain(struct site *site)
{
	bool mine;

	site_lock(site);
	while (site->starting)
		site_wait_locked(site, &site->off, CLOCK_NEVER);
	mine = site->state == SITE_OPEN;
	if (mine)
		site->state = SITE_DRAINING;
	if (mine && site->clients)
		clients_close_idle_locked(site->clients);
	while (!mine && site->state != SITE_OFF)
		site_wait_locked(site, &site->off, CLOCK_NEVER);
	site_unlock(site);
	if (mine && site->server)
		server_deafen(site->server);
	return mine;
}

static bool connections_left_locked(const struct site *site)
{
	return site->request_count > 0 || (site->clients && site->clients->count > 0);
}

/* Step 5. */
static void flush(struct site *site)
{
	int64_t until = clock_after(FLUSH_MS);

	site_lock(site);
	while (connections_left_locked(site) && site_wait_locked(site, &site->quiet, until))
		;
	if (site->clients) {
		clients_cut_off_locked(site->clients);
		site_wait_requests_locked(site, CLOCK_NEVER);
	}
	while (site->pins > 0)
		site_wait_locked(site, &site->quiet, CLOCK_NEVER);
	site_unlock(site);
}

/* The counts look at the clients until then. */
static void forget_server(struct site *site)
{
	site_lock(site);
	site->clients = NULL;
	site->server = NULL;
	site_unlock(site);
}

static void finish(struct site *site)
{
	site_lock(site);
	site->loop = NULL;
	site->state = SITE_OFF;
	atomic_store_explicit(&site->owner, 0, memory_order_relaxed);
	pthread_cond_broadcast(&site->off);
	site_unlock(site);
}

static void stop(struct ptj_web_app *app, int64_t until)
{
	struct site *site = app->site;
	struct server *server = site->server;

	site_lock(site);
	site_wait_requests_locked(site, until);
	site_unlock(site);
	app_each(app, close_scheduler, &until);
	app_each(app, end_line, NULL);
	give_up_all(site);
	flush(site);
	if (server)
		server_stop(server);
	loop_stop(site->loop);
	app_each(app, free_scheduler, NULL);
	forget_server(site);
	if (server)
		server_free(server);
	finish(site);
}

/* The default is the scheduler's own. */
static int64_t deadline(const struct ptj_web_app *app, int64_t timeout_ms)
{
	int64_t wait_ms = WAIT_TIMEOUT_MS;

	if (timeout_ms != PTJ_DEFAULT)
		return clock_after(timeout_ms);
	if (app->attr)
		ptj_attr_get_wait_timeout(app->attr, &wait_ms);
	return clock_after(wait_ms);
}

int ptj_web_close(ptj_web_app *app, int64_t timeout_ms)
{
	KEEP_ERRNO;
	int64_t until;
	int before, rc = 0;

	if (!app || app->parent || timeout_ms < PTJ_DEFAULT)
		return EINVAL;
	if (site_is_dead(app->site))
		return ENOTRECOVERABLE;
	until = deadline(app, timeout_ms);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	if (is_called_from_within(app))
		rc = EDEADLK;
	else if (drain(app->site))
		stop(app, until);
	pthread_setcancelstate(before, NULL);
	return rc;
}

int ptj_web_stop(ptj_web_app *app, int64_t timeout_ms)
{
	return ptj_web_close(app, timeout_ms);
}

/* ---- What runs ------------------------------------------------------------------------------- */

uint16_t ptj_web_port(const ptj_web_app *app)
{
	struct site *site;
	uint16_t port = 0;

	if (!app || site_is_dead(app_site(app)))
		return 0;
	site = app_site(app);
	site_lock(site);
	if (site->state == SITE_OPEN && site->server)
		port = site->server->port;
	site_unlock(site);
	return port;
}

size_t ptj_web_connection_count(const ptj_web_app *app)
{
	struct site *site;
	size_t n = 0;

	if (!app || site_is_dead(app_site(app)))
		return 0;
	site = app_site(app);
	site_lock(site);
	if (site->state != SITE_OFF && site->clients)
		n = site->clients->count;
	site_unlock(site);
	return n;
}

size_t ptj_web_request_count(const ptj_web_app *app)
{
	struct site *site;
	size_t n;

	if (!app || site_is_dead(app_site(app)))
		return 0;
	site = app_site(app);
	site_lock(site);
	n = site->state != SITE_OFF ? site->request_count : 0;
	site_unlock(site);
	return n;
}

size_t ptj_web_line_count(const ptj_web_app *app)
{
	struct site *site;
	size_t n;

	if (!app || site_is_dead(app_site(app)))
		return 0;
	site = app_site(app);
	site_lock(site);
	n = app->line.count;
	site_unlock(site);
	return n;
}

ptj_scheduler *ptj_web_scheduler_from_app(ptj_web_app *app)
{
	struct site *site;
	ptj_scheduler *s;

	if (!app || site_is_dead(app_site(app)))
		return NULL;
	site = app_site(app);
	site_lock(site);
	s = site->state != SITE_OFF ? app->scheduler : NULL;
	site_unlock(site);
	return s;
}
