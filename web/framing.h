/* Whether two servers in a row could take different parts of what a client sends for the body of a
   request.  libmicrohttpd reads leniently what RFC 9112 leaves no choice about: two lengths, a
   length beside chunks, an encoding that is not "chunked" alone.  Such a request is refused and its
   connection closed, or a proxy before the server could be made to pass on one request in the body
   of another (RFC 9112, sections 6.3 and 11.2).

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FRAMING_H
#define FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct framing {
	unsigned lengths;   /* how many Content-Length */
	unsigned encodings; /* how many Transfer-Encoding */
	unsigned hosts;     /* how many Host */
	bool chunked;
	bool bad;        /* a name that is no token, or a value that is none */
	bool expects;    /* Expect: 100-continue */
	bool ill_length; /* a Content-Length that is no number */
	uint64_t length;
};

#define FRAMING_INIT ((struct framing){.length = 0})

/* Takes the next header into account. */
void framing_add(struct framing *f, const char *name, size_t name_len, const char *value,
                 size_t value_len);

/* Whether there is only one way to read the request. */
bool framing_is_clear(const struct framing *f);

/* Whether there is a body. */
bool framing_has_body(const struct framing *f);

#endif
