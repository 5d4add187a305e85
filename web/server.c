/* SPDX-License-Identifier: Apache-2.0 */

#include "server.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

enum {
	CONNECTIONS_MORE = 1000,  /* than there may be jobs */
	CONNECTIONS_MAX = 100000, /* where the jobs have no limit */
};

/* ---- Accepting ------------------------------------------------------------------------------- */

static void listen_for(struct server *server, bool on)
{
	server->paused = !on;
	loop_change(server->site->loop, server->fd, on ? EPOLLIN : 0, &server->source);
}

/* Hands a connection to the daemon, which closes it if it cannot take it. */
static void hand_over(struct server *server, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct client *c;
	int rc;

	site_lock(server->site);
	rc = client_add_locked(&server->clients, fd);
	site_unlock(server->site);
	if (rc) {
		close(fd);
		return;
	}
	if (MHD_add_connection(server->daemon, fd, addr, len) == MHD_YES)
		return;
	/* Only this thread makes descriptors of clients: the number still means this one. */
	site_lock(server->site);
	c = client_get_locked(&server->clients, fd);
	if (c && !c->begun)
		client_remove_locked(&server->clients, c);
	site_unlock(server->site);
}

/* Accepts one connection.  0; EAGAIN: there is none; or why not. */
static int accept_one(struct server *server)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr;
	socklen_t len = sizeof(addr);
	int fd = accept4(server->fd, &addr.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		hand_over(server, fd, &addr.any, len);
	else if (errno != ECONNABORTED && errno != EINTR)
		return errno;
	return 0;
}

static bool is_full(struct server *server)
{
	bool full;

	site_lock(server->site);
	full = server->clients.count >= server->limit;
	site_unlock(server->site);
	return full;
}

/* Accepts until nobody is there, or there is no room; then the loop does not wait for more until
   somebody has left. */
static void accept_all(struct server *server)
{
	int rc = 0;

	while (rc == 0 && !is_full(server))
		rc = accept_one(server);
	if (rc == EAGAIN)
		return;
	site_lock(server->site);
	if (rc || server->clients.count >= server->limit)
		listen_for(server, false);
	site_unlock(server->site);
}

static void ready(struct source *source, uint32_t events)
{
	(void)events;
	accept_all(container_of(source, struct server, source));
}

static void resume_locked(struct server *server)
{
	if (server->fd >= 0 && server->paused && server->clients.count < server->limit)
		listen_for(server, true);
}

static void wake(struct task *task)
{
	struct server *server = container_of(task, struct server, wake);

	site_lock(server->site);
	server->waking = false;
	resume_locked(server);
	site_unlock(server->site);
}

static void tick(struct task *task)
{
	struct server *server = container_of(task, struct server, tick);

	site_lock(server->site);
	clients_expire_locked(&server->clients);
	resume_locked(server);
	site_unlock(server->site);
}

/* No more are accepted than may have been there at the beginning: clients that go on coming do not
   hold up the stop. */
static void deafen(struct task *task)
{
	struct server *server = container_of(task, struct server, deafen);
	int i;

	for (i = 0; i <= SOMAXCONN && accept_one(server) == 0; i++)
		;
	loop_remove(server->site->loop, server->fd);
	close(server->fd);
	server->fd = -1;
	site_lock(server->site);
	server->deaf = true;
	pthread_cond_broadcast(&server->site->quiet);
	site_unlock(server->site);
}

void server_deafen(struct server *server)
{
	loop_post(server->site->loop, &server->deafen);
	site_lock(server->site);
	while (!server->deaf)
		pthread_cond_wait(&server->site->quiet, &server->site->mu);
	site_unlock(server->site);
}

/* ---- What the daemon tells ------------------------------------------------------------------- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct server *server = cls;
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	struct client *c;

	(void)context;
	site_lock(server->site);
	c = client_get_locked(&server->clients, fd);
	if (c && code == MHD_CONNECTION_NOTIFY_STARTED) {
		c->begun = true;
		if (server->site->state != SITE_OPEN)
			client_close_idle_locked(c);
	} else if (c) {
		client_remove_locked(&server->clients, c);
		pthread_cond_broadcast(&server->site->quiet);
		if (server->paused && !server->waking) {
			server->waking = true;
			loop_post(server->site->loop, &server->wake);
		}
	}
	site_unlock(server->site);
}

__attribute__((format(printf, 2, 0))) static void on_message(void *cls, const char *format,
                                                             va_list args)
{
	struct server *server = cls;
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	site_log(server->site, "libmicrohttpd: %s", line);
}

static enum MHD_Result on_access(void *app, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **request)
{
	return ptj_web_request_begin(app, connection, url, method, version, upload, upload_size,
	                             request)
	               ? MHD_YES
	               : MHD_NO;
}

static void on_end(void *app, struct MHD_Connection *connection, void **request,
                   enum MHD_RequestTerminationCode code)
{
	ptj_web_request_end(app, connection, request, code);
}

/* ---- Start and stop -------------------------------------------------------------------------- */

static int add_jobs(struct ptj_web_app *app, void *sum)
{
	size_t limit = 0, pending = 0, *total = sum;

	if (!app->attr)
		return 0;
	ptj_attr_get_limit(app->attr, &limit);
	ptj_attr_get_pending_limit(app->attr, &pending);
	if (limit == 0 || pending == 0 || limit > CONNECTIONS_MAX || pending > CONNECTIONS_MAX ||
	    app->line_limit > CONNECTIONS_MAX)
		*total = CONNECTIONS_MAX;
	else
		*total += limit + pending + app->line_limit;
	return 0;
}

static size_t connection_limit(struct ptj_web_app *app)
{
	size_t limit = CONNECTIONS_MORE;

	if (app->connection_limit)
		return app->connection_limit;
	app_each(app, add_jobs, &limit);
	return limit < CONNECTIONS_MAX ? limit : CONNECTIONS_MAX;
}

int server_period(const struct ptj_web_app *app)
{
	int64_t quarter = app->receive_timeout / 4;

	if (quarter < 10)
		return 10;
	return quarter < 1000 ? (int)quarter : 1000;
}

int server_create(struct server **out, struct ptj_web_app *app, const char *address, uint16_t port)
{
	struct server *server = calloc(1, sizeof(*server));
	int rc;

	if (!server)
		return ENOMEM;
	server->site = app->site;
	server->limit = connection_limit(app);
	server->port = port;
	server->source.ready = ready;
	server->tick.run = tick;
	server->wake.run = wake;
	server->deafen.run = deafen;
	clients_init(&server->clients, app->site, app->receive_timeout);
	rc = listen_at(address, &server->port, &server->fd);
	if (rc) {
		free(server);
		return rc;
	}
	*out = server;
	return 0;
}

/* The daemon's threads take no signal that is meant for the program, but those that a handler
   causes by itself. */
static void block_signals(sigset_t *before)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
	sigset_t mask;
	size_t i;

	sigfillset(&mask);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&mask, own[i]);
	pthread_sigmask(SIG_SETMASK, &mask, before);
}

/* Never reached: each thread may have all connections, those that were in the socket's queue at a
   stop, and a few that have ended, which libmicrohttpd counts a moment longer than it says. */
static unsigned daemon_limit(const struct server *server, unsigned threads)
{
	unsigned more = SOMAXCONN + 64, most = UINT_MAX / threads - more;

	return ((server->limit < most ? (unsigned)server->limit : most) + more) * threads;
}

static struct MHD_Daemon *start_daemon(struct server *server, struct ptj_web_app *app)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET |
	                 MHD_ALLOW_SUSPEND_RESUME | (app->log ? MHD_USE_ERROR_LOG : 0) |
	                 (app->certificate ? MHD_USE_TLS : 0);
	struct MHD_OptionItem extra[] = {
		{app->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
	         (intptr_t)app->threads, NULL},
		{MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem tls[] = {
		{app->certificate ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
	         app->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, app->key},
		{MHD_OPTION_END, 0, NULL}};

	return MHD_start_daemon(flags, 0, NULL, NULL, on_access, app, MHD_OPTION_EXTERNAL_LOGGER,
	                        on_message, server, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	                        app->header_limit, MHD_OPTION_CONNECTION_LIMIT,
	                        daemon_limit(server, app->threads), MHD_OPTION_CONNECTION_TIMEOUT,
	                        (unsigned)((app->receive_timeout + 999) / 1000),
	                        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
	                        on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_end, app,
	                        MHD_OPTION_URI_LOG_CALLBACK, ptj_web_request_uri, app,
	                        MHD_OPTION_ARRAY, extra, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

int server_start(struct server *server, struct ptj_web_app *app)
{
	sigset_t before;

	block_signals(&before);
	errno = 0;
	server->daemon = start_daemon(server, app);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!server->daemon && errno)
		return errno;
	if (!server->daemon)
		return app->certificate ? EINVAL : ENOMEM;
	return loop_add(server->site->loop, server->fd, EPOLLIN, &server->source);
}

void server_stop(struct server *server)
{
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	server->daemon = NULL;
}

void server_free(struct server *server)
{
	if (server->fd >= 0)
		close(server->fd);
	clients_destroy(&server->clients);
	free(server);
}
