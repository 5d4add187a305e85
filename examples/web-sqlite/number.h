/* Numbers in paths, queries and options.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Whether all of text is decimal digits and a number from least to most; then it is *out. */
bool number_parse(const char *text, int64_t least, int64_t most, int64_t *out);

#endif
