/* The end of a stop: what has not been answered is given up.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef GIVE_UP_H
#define GIVE_UP_H

#include "request.h"

/* Sets SITE_CLOSED, answers 503 to all requests that have no answer, whether or not their handlers
   go on, and resumes their connections.  mu not held. */
void give_up_all(struct site *site);

#endif
