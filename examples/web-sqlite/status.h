/* What the scheduler does at the moment, for the page and for Prometheus.  Nothing here blocks, so
   the event loop answers by itself, also when every job is waiting for a place.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef STATUS_H
#define STATUS_H

#include <ptjobs-microhttpd.h>

int status_add_routes(ptj_web_app *app);

#endif
