/* SPDX-License-Identifier: Apache-2.0 */

#include "app.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "keep_errno.h"
#include "text.h"

enum {
	THREADS_MAX = 64,
	HEADER_LIMIT = 32 * 1024,
	HEADER_LIMIT_MIN = 4 * 1024,
	BODY_LIMIT = 1024 * 1024,
	RECEIVE_TIMEOUT_MS = 30000,
	RECEIVE_TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000,
};

/* ---- The tree ------------------------------------------------------------------------------- */

struct ptj_web_app *app_root(const struct ptj_web_app *app)
{
	while (app->parent)
		app = app->parent;
	return (struct ptj_web_app *)app;
}

struct site *app_site(const struct ptj_web_app *app)
{
	return app_root(app)->site;
}

int app_may_change(const struct ptj_web_app *app)
{
	struct site *site = app_site(app);
	int rc;

	if (site_is_dead(site))
		return ENOTRECOVERABLE;
	site_lock(site);
	rc = site->state != SITE_OFF || site->starting ? EBUSY : 0;
	site_unlock(site);
	return rc;
}

uint64_t app_body_limit(const struct ptj_web_app *app, const struct route *route)
{
	if (route->attr.body_limit != BODY_LIMIT_INHERITED)
		return route->attr.body_limit;
	for (; app; app = app->parent)
		if (app->body_limit != BODY_LIMIT_INHERITED)
			return app->body_limit;
	return BODY_LIMIT;
}

struct ptj_web_app *app_with_scheduler(const struct ptj_web_app *app)
{
	while (app && !app->attr)
		app = app->parent;
	return (struct ptj_web_app *)app;
}

int app_cancel_mode(const struct ptj_web_app *app, const struct route *route)
{
	int mode = route->attr.cancel_mode;

	if (mode == CANCEL_MODE_INHERITED)
		ptj_attr_get_cancel_mode(app->attr, &mode);
	return mode;
}

int app_each(struct ptj_web_app *app, int (*visit)(struct ptj_web_app *app, void *user), void *user)
{
	int rc = visit(app, user);
	size_t i;

	for (i = 0; i < app->mount_count && rc == 0; i++)
		rc = app_each(app->mounts[i].app, visit, user);
	return rc;
}

int ptj_web_app_create(ptj_web_app **out, ptj_web_app *parent)
{
	KEEP_ERRNO;
	struct ptj_web_app *app;
	int rc = parent ? app_may_change(parent) : 0;

	if (!out)
		return EINVAL;
	if (rc)
		return rc;
	app = calloc(1, sizeof(*app));
	if (!app)
		return ENOMEM;
	app->site = site_create();
	if (!app->site) {
		free(app);
		return ENOMEM;
	}
	list_init(&app->children);
	list_init(&app->sibling);
	app->threads = 1;
	app->header_limit = HEADER_LIMIT;
	app->body_limit = BODY_LIMIT_INHERITED;
	app->receive_timeout = RECEIVE_TIMEOUT_MS;
	app->parent = parent;
	if (parent)
		list_append(&parent->children, &app->sibling);
	*out = app;
	return 0;
}

static void free_routes(struct ptj_web_app *app)
{
	size_t i;

	for (i = 0; i < app->route_count; i++) {
		free(app->routes[i].method);
		free(app->routes[i].attr.name);
		pattern_free(app->routes[i].pattern);
		ptj_job_attr_free(app->routes[i].job_attr);
	}
	free(app->routes);
}

/* Takes app out of the tree. */
static void unlink_app(struct ptj_web_app *app)
{
	struct link *at;
	size_t i, kept = 0;

	while ((at = list_pop(&app->children)) != NULL) {
		struct ptj_web_app *child = container_of(at, struct ptj_web_app, sibling);

		child->parent = NULL;
		child->mounted = false;
	}
	list_remove(&app->sibling);
	if (!app->mounted)
		return;
	for (i = 0; i < app->parent->mount_count; i++) {
		struct mount *mount = &app->parent->mounts[i];

		if (mount->app == app)
			pattern_free(mount->prefix);
		else
			app->parent->mounts[kept++] = *mount;
	}
	app->parent->mount_count = kept;
}

void ptj_web_app_free(ptj_web_app *app)
{
	KEEP_ERRNO;
	size_t i;

	if (!app)
		return;
	if (app->parent ? app_may_change(app) : ptj_web_stop(app, 0)) {
		site_log(app_site(app), "ptj_web_app_free(): the application is being served");
		return;
	}
	unlink_app(app);
	free_routes(app);
	for (i = 0; i < app->mount_count; i++)
		pattern_free(app->mounts[i].prefix);
	free(app->mounts);
	ptj_attr_free(app->attr);
	free(app->certificate);
	free(app->key);
	site_lock(app->site);
	site_unref_unlock(app->site);
	free(app);
}

/* ---- What it is made of ---------------------------------------------------------------------- */

int ptj_web_setup(ptj_web_app *app, const ptj_attr *attr)
{
	KEEP_ERRNO;
	int rc = app ? app_may_change(app) : EINVAL;

	if (rc)
		return rc;
	return app->attr ? EALREADY : ptj_attr_copy(&app->attr, attr);
}

/* Grows an array by one element of this size, whose bytes are 0 then. */
static int grow(void *array, size_t count, size_t size)
{
	char **at = array;
	char *more = realloc(*at, (count + 1) * size);

	if (!more)
		return ENOMEM;
	memset(more + count * size, 0, size);
	*at = more;
	return 0;
}

static bool has_route(const struct ptj_web_app *app, const struct route *route)
{
	size_t i;

	for (i = 0; i < app->route_count; i++)
		if (strcmp(app->routes[i].method, route->method) == 0 &&
		    pattern_equals(app->routes[i].pattern, route->pattern))
			return true;
	return false;
}

static bool attr_is_sound(const struct ptj_web_route_attr *attr)
{
	if (attr->body_limit == 0 && !attr->stream_body)
		return false;
	return attr->atomic || (!attr->close_on_disconnect && !attr->stream_body && !attr->name &&
	                        attr->cancel_mode == CANCEL_MODE_INHERITED);
}

/* Fills in what has to be allocated; what was, is released with the route. */
static int fill_route(struct route *route, const char *method, const char *path)
{
	const char *name = route->attr.name;
	int rc = pattern_create(&route->pattern, path);

	route->attr.name = NULL;
	if (rc)
		return rc;
	route->method = strdup(method);
	if (!route->method || (name && !(route->attr.name = strdup(name))))
		return ENOMEM;
	if (!route->attr.atomic)
		return 0;
	rc = ptj_job_attr_create(&route->job_attr);
	if (rc == 0 && name)
		rc = ptj_job_attr_set_name(route->job_attr, name);
	if (rc == 0 && route->attr.cancel_mode != CANCEL_MODE_INHERITED)
		rc = ptj_job_attr_set_cancel_mode(route->job_attr, route->attr.cancel_mode);
	return rc;
}

int ptj_web_route_with(ptj_web_app *app, const ptj_web_route_attr *attr, const char *method,
                       const char *path, ptj_web_handler handler, void *user)
{
	KEEP_ERRNO;
	struct ptj_web_route_attr defaults = {.body_limit = BODY_LIMIT_INHERITED,
	                                      .cancel_mode = CANCEL_MODE_INHERITED};
	struct route *route;
	int rc;

	if (!app || !method || !path || !handler || !text_is_token(method) ||
	    !attr_is_sound(attr ? attr : &defaults))
		return EINVAL;
	rc = app_may_change(app);
	if (rc)
		return rc;
	if (grow(&app->routes, app->route_count, sizeof(*route)))
		return ENOMEM;
	route = &app->routes[app->route_count];
	route->handler = handler;
	route->user = user;
	route->attr = attr ? *attr : defaults;
	rc = fill_route(route, method, path);
	if (rc == 0 && has_route(app, route))
		rc = EEXIST;
	if (rc == 0) {
		app->route_count++;
		return 0;
	}
	free(route->method);
	free(route->attr.name);
	pattern_free(route->pattern);
	ptj_job_attr_free(route->job_attr);
	return rc;
}

int ptj_web_route(ptj_web_app *app, const char *method, const char *path, ptj_web_handler handler,
                  void *user)
{
	return ptj_web_route_with(app, NULL, method, path, handler, user);
}

int ptj_web_atomic(ptj_web_app *app, const char *method, const char *path, ptj_web_handler handler,
                   void *user)
{
	struct ptj_web_route_attr attr = {.atomic = true,
	                                  .body_limit = BODY_LIMIT_INHERITED,
	                                  .cancel_mode = CANCEL_MODE_INHERITED};

	return ptj_web_route_with(app, &attr, method, path, handler, user);
}

static bool is_above(const struct ptj_web_app *upper, const struct ptj_web_app *app)
{
	for (; app; app = app->parent)
		if (app == upper)
			return true;
	return false;
}

int ptj_web_mount(ptj_web_app *parent, const char *prefix, ptj_web_app *child)
{
	KEEP_ERRNO;
	struct pattern *pattern;
	size_t i;
	int rc;

	if (!parent || !prefix || !child || (child->parent && child->parent != parent))
		return EINVAL;
	rc = app_may_change(parent);
	if (rc == 0)
		rc = app_may_change(child);
	if (rc)
		return rc;
	if (child->mounted)
		return EEXIST;
	if (is_above(child, parent))
		return ELOOP;
	rc = pattern_create(&pattern, prefix);
	if (rc)
		return rc;
	if (!pattern_is_plain(pattern))
		rc = EINVAL;
	for (i = 0; i < parent->mount_count && rc == 0; i++)
		if (pattern_equals(parent->mounts[i].prefix, pattern))
			rc = EEXIST;
	if (rc == 0)
		rc = grow(&parent->mounts, parent->mount_count, sizeof(struct mount));
	if (rc) {
		pattern_free(pattern);
		return rc;
	}
	parent->mounts[parent->mount_count++] = (struct mount){.prefix = pattern, .app = child};
	child->mounted = true;
	if (!child->parent)
		list_append(&parent->children, &child->sibling);
	child->parent = parent;
	return 0;
}

/* ---- Settings -------------------------------------------------------------------------------- */

/* Whether a setting may be made now: EINVAL unless it is sound. */
static int may_set(const struct ptj_web_app *app, bool sound)
{
	return app && sound ? app_may_change(app) : EINVAL;
}

int ptj_web_set_threads(ptj_web_app *app, unsigned threads)
{
	int rc = may_set(app, threads >= 1 && threads <= THREADS_MAX);

	if (rc == 0)
		app->threads = threads;
	return rc;
}

int ptj_web_set_connection_limit(ptj_web_app *app, size_t limit)
{
	int rc = may_set(app, true);

	if (rc == 0)
		app->connection_limit = limit;
	return rc;
}

int ptj_web_set_header_limit(ptj_web_app *app, size_t bytes)
{
	int rc = may_set(app, bytes >= HEADER_LIMIT_MIN);

	if (rc == 0)
		app->header_limit = bytes;
	return rc;
}

int ptj_web_set_body_limit(ptj_web_app *app, uint64_t bytes)
{
	int rc = may_set(app, bytes >= 1);

	if (rc == 0)
		app->body_limit = bytes < BODY_LIMIT_MOST ? bytes : BODY_LIMIT_MOST;
	return rc;
}

int ptj_web_set_receive_timeout(ptj_web_app *app, int64_t timeout_ms)
{
	int rc = may_set(app, timeout_ms >= 1 && timeout_ms <= RECEIVE_TIMEOUT_MAX_MS);

	if (rc == 0)
		app->receive_timeout = timeout_ms;
	return rc;
}

int ptj_web_set_line_limit(ptj_web_app *app, size_t limit)
{
	int rc = may_set(app, true);

	if (rc == 0)
		app->line_limit = limit;
	return rc;
}

int ptj_web_set_tls(ptj_web_app *app, const char *certificate, const char *key)
{
	KEEP_ERRNO;
	char *copies[2] = {NULL, NULL};
	int rc = may_set(app, !certificate == !key);

	if (rc)
		return rc;
	if (certificate) {
		if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
			return ENOTSUP;
		copies[0] = strdup(certificate);
		copies[1] = strdup(key);
		if (!copies[0] || !copies[1]) {
			free(copies[0]);
			free(copies[1]);
			return ENOMEM;
		}
	}
	free(app->certificate);
	free(app->key);
	app->certificate = copies[0];
	app->key = copies[1];
	return 0;
}

int ptj_web_set_log(ptj_web_app *app, ptj_web_log log, void *user)
{
	int rc = may_set(app, true);

	if (rc == 0) {
		app->log = log;
		app->log_user = user;
	}
	return rc;
}
