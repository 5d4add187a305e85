/* Tells an atomic request that its client has left, where the route wants to know.  libmicrohttpd
   does not look at a connection while it is suspended; the site's loop does.

   A request that is watched has one reference more, which is given back on the loop's thread.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef WATCH_H
#define WATCH_H

#include "request.h"

/* Begins to watch, once for a request; without it, where there is no memory, the job just goes on.
   mu held; on the daemon's thread. */
void watch_begin_locked(struct ptj_web_request *r);

/* Ends it, if it was begun, before the connection is closed; with left set, as if the client's
   leaving had been seen.  mu held. */
void watch_end_locked(struct ptj_web_request *r, bool left);

#endif
