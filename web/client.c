/* SPDX-License-Identifier: Apache-2.0 */

#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"

enum {
	BYTES_PER_SECOND = 1024, /* the slowest that a body may come */
	FRESH_MS = 500,          /* from a connection to the first request on it, at a stop */
};

void clients_init(struct clients *clients, struct site *site, int64_t receive_timeout)
{
	*clients = (struct clients){.site = site, .receive_timeout = receive_timeout};
}

void clients_destroy(struct clients *clients)
{
	size_t i;

	for (i = 0; i < clients->size; i++)
		free(clients->by_fd[i]);
	free(clients->by_fd);
}

static int reserve(struct clients *clients, size_t fd)
{
	size_t size = clients->size ? clients->size : 64;
	struct client **by_fd;

	while (size <= fd)
		size *= 2;
	if (size == clients->size)
		return 0;
	by_fd = realloc(clients->by_fd, size * sizeof(struct client *));
	if (!by_fd)
		return ENOMEM;
	memset(by_fd + clients->size, 0, (size - clients->size) * sizeof(struct client *));
	clients->by_fd = by_fd;
	clients->size = size;
	return 0;
}

/* On the loop's thread. */
static void note_end(struct source *source, uint32_t events)
{
	struct client *c = container_of(source, struct client, source);
	struct source *listener;

	site_lock(c->clients->site);
	c->ended = true;
	/* What has arrived stays readable; but libmicrohttpd's epoll set gets a new event. */
	if (c->begun)
		shutdown(c->fd, SHUT_RD);
	listener = c->listener;
	c->listener = NULL;
	site_unlock(c->clients->site);
	if (listener)
		listener->ready(listener, events);
}

static void retire(struct task *task)
{
	free(container_of(task, struct client, retire));
}

int client_add_locked(struct clients *clients, int fd)
{
	struct client *c;

	if (reserve(clients, (size_t)fd))
		return ENOMEM;
	/* One that libmicrohttpd closed before it began, for want of memory. */
	if (clients->by_fd[fd])
		client_remove_locked(clients, clients->by_fd[fd]);
	c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->clients = clients;
	c->fd = fd;
	c->source.ready = note_end;
	c->retire.run = retire;
	c->fresh = clock_after(FRESH_MS);
	if (loop_add(clients->site->loop, fd, EPOLLRDHUP | EPOLLONESHOT, &c->source)) {
		free(c);
		return ENOMEM;
	}
	clients->by_fd[fd] = c;
	clients->count++;
	client_expects_locked(clients, c);
	return 0;
}

struct client *client_get_locked(const struct clients *clients, int fd)
{
	return (size_t)fd < clients->size ? clients->by_fd[fd] : NULL;
}

void client_remove_locked(struct clients *clients, struct client *client)
{
	clients->by_fd[client->fd] = NULL;
	client->begun = false;
	clients->count--;
	loop_remove(clients->site->loop, client->fd);
	loop_post(clients->site->loop, &client->retire);
}

void client_expects_locked(struct clients *clients, struct client *c)
{
	if (c)
		c->deadline = clock_after(clients->receive_timeout);
}

void client_received_locked(struct clients *clients, struct client *c, size_t n)
{
	int64_t most;

	if (!c)
		return;
	most = clock_after(clients->receive_timeout);
	if (c->deadline != CLOCK_NEVER)
		c->deadline += (int64_t)n * 1000 / BYTES_PER_SECOND;
	if (c->deadline > most)
		c->deadline = most;
}

void client_rests_locked(struct client *c)
{
	if (c)
		c->deadline = CLOCK_NEVER;
}

static void each_begun(struct clients *clients, void (*visit)(struct client *c))
{
	size_t i;

	for (i = 0; i < clients->size; i++)
		if (clients->by_fd[i] && clients->by_fd[i]->begun)
			visit(clients->by_fd[i]);
}

static void cut_off(struct client *c)
{
	shutdown(c->fd, SHUT_RDWR);
}

/* Whether nothing is left to read of one that has ended. */
static bool is_read_out(const struct client *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void expire(struct client *c)
{
	bool gone = c->ended && c->deadline != CLOCK_NEVER && is_read_out(c);

	if (!gone && clock_left(c->deadline) != 0)
		return;
	c->deadline = CLOCK_NEVER;
	cut_off(c);
}

/* A descriptor that was closed is none of the loop's, also where its number has been given to
   another. */
static bool is_dropped(struct client *c)
{
	return !c->begun &&
	       !loop_change(c->clients->site->loop, c->fd, EPOLLRDHUP | EPOLLONESHOT, &c->source);
}

static void forget_dropped(struct clients *clients)
{
	size_t i;

	for (i = 0; i < clients->size; i++)
		if (clients->by_fd[i] && is_dropped(clients->by_fd[i])) {
			client_remove_locked(clients, clients->by_fd[i]);
			pthread_cond_broadcast(&clients->site->quiet);
		}
}

void clients_expire_locked(struct clients *clients)
{
	each_begun(clients, expire);
	forget_dropped(clients);
}

void client_close_idle_locked(struct client *c)
{
	if (c->busy)
		return;
	if (!c->served && clock_left(c->fresh) > 0)
		c->deadline = c->fresh;
	else
		shutdown(c->fd, SHUT_RD);
}

void clients_close_idle_locked(struct clients *clients)
{
	each_begun(clients, client_close_idle_locked);
}

void clients_cut_off_locked(struct clients *clients)
{
	each_begun(clients, cut_off);
}
