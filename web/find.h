/* Which route serves a request.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FIND_H
#define FIND_H

#include "app.h"

struct found {
	struct ptj_web_app *app;
	const struct route *route; /* NULL: none */
	size_t first;              /* of the target's segments, that app sees */
	bool other_method;         /* some route has the path, and not the method */
};

struct found app_find(struct ptj_web_app *root, const char *method, const struct target *target);

/* The methods of the routes with this path, as the header Allow has them; NULL where memory is
   short. */
char *app_allow(const struct found *found, const struct target *target);

#endif
