/* SPDX-License-Identifier: Apache-2.0 */

#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(const char *text, int64_t least, int64_t most, int64_t *out)
{
	long long number;

	/* strtoll() would take spaces and a sign. */
	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
		return false;
	errno = 0;
	number = strtoll(text, NULL, 10);
	if (errno != 0 || number < least || number > most)
		return false;
	*out = number;
	return true;
}
