/* The attributes of a route: a plain value.

   SPDX-License-Identifier: Apache-2.0 */

#include "app.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keep_errno.h"

int ptj_web_route_attr_create(ptj_web_route_attr **out)
{
	KEEP_ERRNO;
	struct ptj_web_route_attr *attr;

	if (!out)
		return EINVAL;
	attr = calloc(1, sizeof(*attr));
	if (!attr)
		return ENOMEM;
	attr->body_limit = BODY_LIMIT_INHERITED;
	attr->cancel_mode = CANCEL_MODE_INHERITED;
	*out = attr;
	return 0;
}

void ptj_web_route_attr_free(ptj_web_route_attr *attr)
{
	KEEP_ERRNO;

	if (!attr)
		return;
	free(attr->name);
	free(attr);
}

int ptj_web_route_attr_set_atomic(ptj_web_route_attr *attr, int on)
{
	if (!attr)
		return EINVAL;
	attr->atomic = on != 0;
	return 0;
}

int ptj_web_route_attr_set_close_on_disconnect(ptj_web_route_attr *attr, int on)
{
	if (!attr)
		return EINVAL;
	attr->close_on_disconnect = on != 0;
	return 0;
}

int ptj_web_route_attr_set_stream_body(ptj_web_route_attr *attr, int on)
{
	if (!attr)
		return EINVAL;
	attr->stream_body = on != 0;
	return 0;
}

int ptj_web_route_attr_set_body_limit(ptj_web_route_attr *attr, uint64_t bytes)
{
	if (!attr)
		return EINVAL;
	attr->body_limit = bytes < BODY_LIMIT_MOST ? bytes : BODY_LIMIT_MOST;
	return 0;
}

int ptj_web_route_attr_set_cancel_mode(ptj_web_route_attr *attr, int mode)
{
	if (!attr || mode < PTJ_CANCEL_DEFERRED || mode > PTJ_CANCEL_COOPERATIVE)
		return EINVAL;
	attr->cancel_mode = mode;
	return 0;
}

int ptj_web_route_attr_set_name(ptj_web_route_attr *attr, const char *name)
{
	KEEP_ERRNO;
	char *copy = NULL;

	if (!attr)
		return EINVAL;
	if (name && !(copy = strdup(name)))
		return ENOMEM;
	free(attr->name);
	attr->name = copy;
	return 0;
}
