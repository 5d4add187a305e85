/* The connections of a server of ours: how many there are, and how long each may take to send a
   request.

   libmicrohttpd tells when it begins and ends with a connection, the latter before it closes the
   descriptor; in between, under site->mu, the descriptor is the connection's.

   It may not see that a client has gone: its epoll set is told only once, and it does not look
   again after a read that left room in its buffer, nor at what happened while a connection was
   suspended.  So the site's loop watches for the end of each, too, and cuts off those that send
   nothing any more while libmicrohttpd waits for them to.

   Nor does it tell of a connection that it closes for want of memory before it has begun.  Its
   place is given back at the next look.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef CLIENT_H
#define CLIENT_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "site.h"

struct client {
	struct clients *clients; /* read-only */
	int fd;                  /* read-only */
	struct source source;    /* of the loop */
	struct task retire;      /* releases it, when the loop cannot be using it any more */
	struct source *listener; /* guarded by mu; told of its end, once, on the loop's thread */
	bool ended;              /* guarded by mu; it has shut its side down, or is gone */
	bool begun;              /* guarded by mu; libmicrohttpd has it */
	bool busy;               /* guarded by mu; there is a request, from its first line on */
	bool served;             /* guarded by mu; there has been one */
	int64_t fresh;    /* until then it is taken to be about to send its first; read-only */
	int64_t deadline; /* guarded by mu; to be cut off then; CLOCK_NEVER for never */
};

/* guarded by mu, but for what is read-only */
struct clients {
	struct site *site;       /* read-only */
	int64_t receive_timeout; /* read-only */
	struct client **by_fd;   /* NULL where there is none */
	size_t size;             /* of by_fd */
	size_t count;
};

void clients_init(struct clients *clients, struct site *site, int64_t receive_timeout);
void clients_destroy(struct clients *clients);

/* Makes a client of a descriptor that was just accepted; whatever stood under its number is gone.
   ENOMEM.  mu held. */
int client_add_locked(struct clients *clients, int fd);

/* The client with this descriptor; NULL if there is none.  mu held. */
struct client *client_get_locked(const struct clients *clients, int fd);

/* mu held. */
void client_remove_locked(struct clients *clients, struct client *client);

/* Waits for a request from now on, with no body received yet; c may be NULL, as below.  mu held. */
void client_expects_locked(struct clients *clients, struct client *c);

/* n more bytes of body have come.  mu held. */
void client_received_locked(struct clients *clients, struct client *c, size_t n);

/* Waits for nothing from the client.  mu held. */
void client_rests_locked(struct client *c);

/* Cuts off those whose time is up, and those that are gone; forgets those that libmicrohttpd has
   dropped.  mu held. */
void clients_expire_locked(struct clients *clients);

/* Closes the receiving side of those without a request: libmicrohttpd serves what has arrived, and
   ends the connection.  One that has just connected has a moment to send its first.  mu held. */
void clients_close_idle_locked(struct clients *clients);
void client_close_idle_locked(struct client *c);

/* Cuts all off.  mu held. */
void clients_cut_off_locked(struct clients *clients);

#endif
