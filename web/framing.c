/* SPDX-License-Identifier: Apache-2.0 */

#include "framing.h"

#include <string.h>
#include <strings.h>

#include "text.h"

/* The digits of a number, all of them, and not more than fit. */
static bool parse_length(const char *value, uint64_t *out)
{
	uint64_t n = 0;
	const char *c;

	for (c = value; *c >= '0' && *c <= '9'; c++) {
		if (n > (UINT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (uint64_t)(*c - '0');
	}
	*out = n;
	return c > value && !*c;
}

void framing_add(struct framing *f, const char *name, size_t name_len, const char *value,
                 size_t value_len)
{
	/* A 0 within ends a string too early. */
	if (strlen(name) != name_len || strlen(value) != value_len || !text_is_token(name) ||
	    !text_is_value(value)) {
		f->bad = true;
	} else if (strcasecmp(name, "Content-Length") == 0) {
		f->lengths++;
		f->ill_length |= !parse_length(value, &f->length);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		f->encodings++;
		f->chunked = strcasecmp(value, "chunked") == 0;
	} else if (strcasecmp(name, "Host") == 0) {
		f->hosts++;
	} else if (strcasecmp(name, "Expect") == 0) {
		f->expects = strcasecmp(value, "100-continue") == 0;
	}
}

bool framing_is_clear(const struct framing *f)
{
	if (f->bad || f->ill_length || f->hosts > 1 || f->lengths + f->encodings > 1)
		return false;
	return f->encodings == 0 || f->chunked;
}

bool framing_has_body(const struct framing *f)
{
	return f->encodings > 0 || f->length > 0;
}
