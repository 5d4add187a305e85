/* The arguments of options, and what is said of those that make no sense: one sentence on standard
   error, which begins with the subcommand's name.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef OPTION_H
#define OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says what is wrong with the text, and returns false. */
bool option_wrong(const char *subcommand, const char *what, const char *text);

/* The same for what getopt_long() found: an option that it does not know, at the argument given,
   or one that lacks its argument. */
bool option_unknown(const char *subcommand, const char *argument);
bool option_lacking(const char *subcommand);

/* Reads a number; where the text is none, says what is wrong and returns false. */
bool option_count(const char *subcommand, const char *what, const char *text, size_t *out);
bool option_seconds(const char *subcommand, const char *what, const char *text, int64_t *out_ms);

#endif
