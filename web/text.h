/* What may stand in a request or an answer, by RFC 9110 and RFC 3986: tokens, header values and
   percent-encoding.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether text is a token: a method, the name of a header. */
bool text_is_token(const char *text);

/* Whether text may be the value of a header: no control character but the tab. */
bool text_is_value(const char *text);

/* Whether text may be the target of a request: neither blanks nor control characters. */
bool text_is_target(const char *text);

/* Decodes the len bytes at from into to, which has room for them and a 0.  False for a '%' without
   two hexadecimal digits, and for an encoded 0. */
bool text_decode(const char *from, size_t len, char *to);

#endif
