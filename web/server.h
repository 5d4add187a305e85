/* The server of an application: a daemon of libmicrohttpd's that does not listen, and a socket that
   the site's loop accepts from.

   libmicrohttpd could accept by itself, but MHD_quiesce_daemon() of 0.9.75, which makes it stop,
   removes the socket from an epoll set that the daemon's threads remove it from as well, and the
   later one ends the process.  This way it is also known when all that had been connected has been
   accepted, and the limit of connections holds without anybody being refused: more wait in the
   socket's queue.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef SERVER_H
#define SERVER_H

#include "app.h"
#include "client.h"
#include "loop.h"

struct server {
	struct site *site;         /* read-only */
	struct MHD_Daemon *daemon; /* read-only */
	struct clients clients;
	size_t limit;         /* of connections; read-only */
	uint16_t port;        /* read-only */
	int fd;               /* that listens; the loop's thread's; -1: no longer */
	bool paused;          /* guarded by mu; the loop does not wait for fd */
	bool deaf;            /* guarded by mu; nothing is accepted any more, and fd is closed */
	bool waking;          /* guarded by mu; the task wake is posted */
	struct source source; /* of fd */
	struct task tick;     /* cuts off who is late; tries again after a pause */
	struct task wake;     /* ends a pause */
	struct task deafen;   /* accepts what is there, and closes fd */
};

/* Listens.  As ptj_web_start(). */
int server_create(struct server **out, struct ptj_web_app *app, const char *address, uint16_t port);

/* Starts the daemon, and accepts connections. */
int server_start(struct server *server, struct ptj_web_app *app);

/* Accepts what has connected, and listens no more.  Only once the server was started. */
void server_deafen(struct server *server);

/* Stops the daemon, which has no requests. */
void server_stop(struct server *server);

void server_free(struct server *server);

/* How often the loop is to run server->tick, in milliseconds. */
int server_period(const struct ptj_web_app *app);

#endif
