/* SPDX-License-Identifier: Apache-2.0 */

#include "head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "framing.h"
#include "text.h"

struct collection {
	struct ptj_web_request *r;
	struct framing framing;
	int rc;
};

static enum MHD_Result collect_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      size_t name_len, const char *value, size_t value_len)
{
	struct collection *c = cls;

	(void)kind;
	if (!value)
		value = "";
	framing_add(&c->framing, name, name_len, value, value_len);
	/* White space behind a value is no part of it; libmicrohttpd leaves it there, and judges a
	   length or an encoding with it. */
	while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	c->rc = c->framing.bad ? EINVAL
	                       : fields_add_n(&c->r->fields, FIELD_HEADER, name, value, value_len);
	return c->rc ? MHD_NO : MHD_YES;
}

/* An encoded 0 in a name or value would hide what comes behind it. */
static enum MHD_Result collect_query(void *cls, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t value_len)
{
	struct collection *c = cls;

	(void)kind;
	if (!value)
		value = "";
	if (strlen(name) != name_len || strlen(value) != value_len)
		c->rc = EINVAL;
	else
		c->rc = fields_add(&c->r->fields, FIELD_QUERY, name, value);
	return c->rc ? MHD_NO : MHD_YES;
}

static int put_param(const char *name, const char *value, void *fields)
{
	return fields_add(fields, FIELD_PARAM, name, value);
}

/* The path within an absolute form, "http://example.org/path" (RFC 9112, section 3.2.2). */
static const char *path_of(const char *uri)
{
	const char *authority = strstr(uri, "://");
	const char *path;

	if (uri[0] == '/' || !authority || memchr(uri, '/', (size_t)(authority - uri)))
		return uri;
	path = authority + 3 + strcspn(authority + 3, "/?");
	return *path == '/' ? path : "/";
}

static int status_of(int rc)
{
	return rc == ENOMEM ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_BAD_REQUEST;
}

/* Finds the route and what its path names. */
static int find(struct ptj_web_request *r, struct ptj_web_app *root, char **allow)
{
	struct target target;
	struct found found;
	int rc = target_init(&target, path_of(r->uri), r->encoded);

	if (rc)
		return status_of(rc);
	found = app_find(root, r->method, &target);
	r->app = found.app;
	r->route = found.route;
	r->scheduler = app_with_scheduler(found.app);
	r->atomic = found.route && found.route->attr.atomic;
	if (r->atomic && r->scheduler)
		r->obliging = app_cancel_mode(r->scheduler, r->route) == PTJ_CANCEL_COOPERATIVE;
	if (found.route)
		rc = pattern_params(found.route->pattern, &target, found.first, put_param,
		                    &r->fields);
	else if (found.other_method && !(*allow = app_allow(&found, &target)))
		rc = ENOMEM;
	target_destroy(&target);
	if (rc)
		return status_of(rc);
	if (found.route)
		return 0;
	return found.other_method ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
}

/* With a thread for each connection, libmicrohttpd 0.9.75 may miss that one is to be resumed: all
   of them wait for the same eventfd. */
static bool may_not_resume(struct MHD_Connection *connection)
{
	struct MHD_Daemon *daemon =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON)->daemon;

	return (MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_FLAGS)->flags &
	        MHD_USE_THREAD_PER_CONNECTION) != 0;
}

int head_read(struct ptj_web_request *r, struct ptj_web_app *root, const char *method, bool *whole,
              char **allow)
{
	struct collection c = {.r = r, .framing = FRAMING_INIT};
	int status;

	*whole = false;
	*allow = NULL;
	r->app = root;
	r->method = strdup(method);
	if (!r->method)
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, collect_header, &c);
	/* Chunks are none of HTTP/1.0's: one of two servers in a row may not know them. */
	if (!framing_is_clear(&c.framing) || (c.framing.encodings > 0 && !r->chunks) ||
	    !text_is_token(method) || (r->encoded && !text_is_target(r->uri)))
		c.rc = EINVAL;
	if (c.rc)
		return status_of(c.rc);
	r->announced = c.framing.chunked ? UINT64_MAX : c.framing.length;
	*whole = !c.framing.expects;
	MHD_get_connection_values_n(r->connection, MHD_GET_ARGUMENT_KIND, collect_query, &c);
	if (c.rc)
		return status_of(c.rc);
	status = find(r, root, allow);
	if (status)
		return status;
	if (r->atomic && !r->client && may_not_resume(r->connection)) {
		site_log(r->site, "%s %s: an atomic route, and a thread for each connection",
		         r->method, r->uri);
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	r->limit = app_body_limit(r->app, r->route);
	if (r->limit && r->announced != UINT64_MAX && r->announced > r->limit)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return 0;
}

bool head_has_body(const struct ptj_web_request *r)
{
	return r->announced > 0;
}
