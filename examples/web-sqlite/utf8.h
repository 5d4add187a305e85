/* UTF-8, as RFC 3629 has it: neither overlong forms nor surrogates.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes the character at the beginning of text has; 0 where there is none.  size is not
   0. */
size_t utf8_length(const char *text, size_t size);

bool utf8_is_valid(const char *text, size_t size);

#endif
