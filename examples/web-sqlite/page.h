/* The page for a browser, page.html, which is compiled in.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PAGE_H
#define PAGE_H

#include <ptjobs-microhttpd.h>

int page_add_routes(ptj_web_app *app);

#endif
