/* SPDX-License-Identifier: Apache-2.0 */

#include "page.h"

static const unsigned char page[] = {
#include "page.inc"
};

/* The page may fetch from its own server and from nowhere else. */
static const char *const headers[] = {"Content-Type", "text/html; charset=utf-8",
                                      "Content-Security-Policy",
                                      "default-src 'none'; connect-src 'self'; img-src data:; "
                                      "script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                                      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                                      NULL};

static int show(ptj_web_request *request, void *user)
{
	(void)user;
	return ptj_web_respond(request, 200, headers, page, sizeof(page));
}

int page_add_routes(ptj_web_app *app)
{
	return ptj_web_route(app, "GET", "/", show, NULL);
}
