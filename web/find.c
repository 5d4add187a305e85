/* SPDX-License-Identifier: Apache-2.0 */

#include "find.h"

#include <stdlib.h>
#include <string.h>

static bool serves(const struct route *route, const char *method)
{
	if (strcmp(route->method, "*") == 0 || strcmp(route->method, method) == 0)
		return true;
	return strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0;
}

/* Looks through the routes of found->app; whether any has the path. */
static bool find_route(struct found *found, const char *method, const struct target *target)
{
	size_t i;

	for (i = 0; i < found->app->route_count; i++) {
		const struct route *route = &found->app->routes[i];

		if (!pattern_fits(route->pattern, target, found->first))
			continue;
		found->other_method = true;
		if (!serves(route, method))
			continue;
		found->route = route;
		found->other_method = false;
		return true;
	}
	return found->other_method;
}

/* Goes on to what is mounted where the target leads; false if nothing is. */
static bool descend(struct found *found, const struct target *target)
{
	size_t i;

	for (i = 0; i < found->app->mount_count; i++) {
		const struct mount *mount = &found->app->mounts[i];

		if (pattern_begins(mount->prefix, target, found->first)) {
			found->first += pattern_len(mount->prefix);
			found->app = mount->app;
			return true;
		}
	}
	return false;
}

struct found app_find(struct ptj_web_app *root, const char *method, const struct target *target)
{
	struct found found = {.app = root};

	while (!find_route(&found, method, target) && descend(&found, target))
		;
	return found;
}

/* Appends a method to a list that has room for it, unless it is there. */
static void add_method(char *list, const char *method)
{
	size_t len = strlen(method);
	const char *at;

	for (at = list; *at; at += strcspn(at, ",") + 2)
		if (strncmp(at, method, len) == 0 && (!at[len] || at[len] == ','))
			return;
		else if (!strchr(at, ','))
			break;
	if (*list)
		strcat(list, ", ");
	strcat(list, method);
}

char *app_allow(const struct found *found, const struct target *target)
{
	const struct ptj_web_app *app = found->app;
	size_t size = 1, i;
	char *list;

	for (i = 0; i < app->route_count; i++)
		size += strlen(app->routes[i].method) + sizeof(", HEAD, ");
	list = calloc(1, size);
	for (i = 0; list && i < app->route_count; i++) {
		if (!pattern_fits(app->routes[i].pattern, target, found->first))
			continue;
		add_method(list, app->routes[i].method);
		if (strcmp(app->routes[i].method, "GET") == 0)
			add_method(list, "HEAD");
	}
	return list;
}
