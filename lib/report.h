/* Telling the exception handler.

   The handler and its argument are one object behind a pointer.  A report reads it under RCU and
   calls what it found after its read section; a change swaps the pointer and frees the former
   object after a grace period.  So reports never wait for each other or for a change, and a
   handler may replace itself.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef REPORT_H
#define REPORT_H

#include <ptjobs.h>
#include <stdatomic.h>

struct handler {
	ptj_exception_handler fn; /* NULL: the default */
	void *user;
};

struct report {
	_Atomic(struct handler *) handler;
};

/* ENOMEM. */
int report_init(struct report *r, ptj_exception_handler fn, void *user);

/* Nobody else uses r. */
void report_destroy(struct report *r);

struct handler report_handler(struct report *r);

/* ENOMEM, and then nothing changed.  Waits for a grace period: no locks held. */
int report_set_handler(struct report *r, ptj_exception_handler fn, void *user);

/* Calls the handler, or writes to stderr.  No locks held; cancellation disabled meanwhile. */
void report_call(struct report *r, ptj_scheduler *s, const ptj_context *context);

#endif
