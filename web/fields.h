/* The headers, query parameters and path parameters of a request: names and values in the order
   they came, copied.  A job reads them while libmicrohttpd may already have released the
   connection.

   All are in one block of memory, which grows while the request begins and is only read afterwards.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FIELDS_H
#define FIELDS_H

#include <stdbool.h>
#include <stddef.h>

enum field_kind {
	FIELD_HEADER, /* whatever the case of the name */
	FIELD_QUERY,
	FIELD_PARAM,
};

struct fields {
	char *block; /* for each field its kind in a byte, its name and its value */
	size_t len;
	size_t size;
};

void fields_destroy(struct fields *f);

/* ENOMEM. */
int fields_add(struct fields *f, enum field_kind kind, const char *name, const char *value);

/* The same with the first len bytes of value. */
int fields_add_n(struct fields *f, enum field_kind kind, const char *name, const char *value,
                 size_t len);

/* The first value with this name, or NULL. */
const char *fields_get(const struct fields *f, enum field_kind kind, const char *name);

/* Calls visit for each field of a kind; stops at a result that is not 0, and returns it. */
int fields_each(const struct fields *f, enum field_kind kind,
                int (*visit)(const char *name, const char *value, void *user), void *user);

#endif
