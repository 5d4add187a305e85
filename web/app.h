/* Applications: a tree with routes, mounts and settings, put together before it is served.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef APP_H
#define APP_H

#include "line.h"
#include "path.h"
#include "site.h"

#define BODY_LIMIT_INHERITED UINT64_MAX
#define BODY_LIMIT_MOST (UINT64_MAX - 1)
#define CANCEL_MODE_INHERITED (-1)

struct ptj_web_route_attr {
	bool atomic;
	bool close_on_disconnect;
	bool stream_body;
	uint64_t body_limit; /* BODY_LIMIT_INHERITED; 0 for none */
	int cancel_mode;     /* CANCEL_MODE_INHERITED */
	char *name;          /* NULL for none */
};

struct route {
	char *method; /* "*" for any */
	struct pattern *pattern;
	ptj_web_handler handler;
	void *user;
	struct ptj_web_route_attr attr;
	ptj_job_attr *job_attr; /* of an atomic route */
};

struct mount {
	struct pattern *prefix;
	struct ptj_web_app *app;
};

struct ptj_web_app {
	struct ptj_web_app *parent; /* NULL for none */
	bool mounted;
	struct site *site; /* a reference; its own until it is mounted, and then unused */
	struct route *routes;
	size_t route_count;
	struct mount *mounts;
	size_t mount_count;
	struct link children; /* those that have it for a parent */
	struct link sibling;

	ptj_attr *attr;           /* of its scheduler; NULL without ptj_web_setup() */
	ptj_scheduler *scheduler; /* guarded by the site's mu; NULL while it is not open */
	struct line line;
	size_t line_limit;
	uint64_t body_limit; /* BODY_LIMIT_INHERITED */

	/* Of the one that is started. */
	unsigned threads;
	size_t connection_limit; /* 0 for the default */
	size_t header_limit;
	int64_t receive_timeout;
	char *certificate; /* NULL without TLS */
	char *key;
	ptj_web_log log;
	void *log_user;
};

/* The application at the top, whose site counts. */
struct ptj_web_app *app_root(const struct ptj_web_app *app);

/* The site that app is part of. */
struct site *app_site(const struct ptj_web_app *app);

/* The body limit of a route of app's; 0 for none. */
uint64_t app_body_limit(const struct ptj_web_app *app, const struct route *route);

/* The mode in which app's scheduler cancels a job of this route. */
int app_cancel_mode(const struct ptj_web_app *app, const struct route *route);

/* app itself, or the nearest above it, that has a scheduler; NULL if none has. */
struct ptj_web_app *app_with_scheduler(const struct ptj_web_app *app);

/* Calls visit for app and all below it; stops at a result that is not 0, and returns it. */
int app_each(struct ptj_web_app *app, int (*visit)(struct ptj_web_app *app, void *user),
             void *user);

/* 0, or EBUSY while app is served, and ENOTRECOVERABLE over a fork. */
int app_may_change(const struct ptj_web_app *app);

#endif
