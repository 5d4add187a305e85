/* Calls that only the web integration makes, which fail beside those of ../faults.h; those below
   fail on demand, too, with an error of the test's choice, or are held at a gate.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_WEB_FAULTS_H
#define PTJOBS_TESTS_WEB_FAULTS_H

#include "web_support.h"

enum call {
	CALL_SOCKET,
	CALL_BIND,
	CALL_LISTEN,
	CALL_GETSOCKNAME,
	CALL_GETADDRINFO, /* with a code of its own, or errno's as EAI_SYSTEM; held before it */
	CALL_ACCEPT,
	CALL_ADD_CONNECTION, /* closes the connection and does not say so */
	CALL_HAS_FEATURE,    /* says no */
	CALL_GET_VALUES,     /* of a request; held before it */
	CALL_RESUME,         /* held behind it */
	CALL_MAKE_PIPE,      /* held before it */
	CALL_SPAWN,          /* held behind it */
	CALLS
};

/* Lets the next n of these calls fail. */
void refuse(enum call call, int error, int n);

/* How many have, since then. */
int refused(enum call call);

/* Has the next of these calls wait at the gate. */
void hold(enum call call, struct gate *gate);

/* Has the next host name have each of its addresses twice. */
void find_twice(void);

#endif
