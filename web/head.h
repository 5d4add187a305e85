/* The head of a request: copied, checked, and led to its route.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef HEAD_H
#define HEAD_H

#include "request.h"

/* Fills r in, and finds its route.  Returns 0, or the status to refuse the request with; *whole is
   whether the rest of what the client sends can be told from the next request.  allow becomes the
   methods that a 405 is to name, to be freed.  On the daemon's thread. */
int head_read(struct ptj_web_request *r, struct ptj_web_app *root, const char *method, bool *whole,
              char **allow);

/* Whether a body follows. */
bool head_has_body(const struct ptj_web_request *r);

#endif
