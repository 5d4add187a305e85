/* SPDX-License-Identifier: Apache-2.0 */

#include "text.h"

#include <string.h>

bool text_is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	const char *c;

	for (c = text; *c; c++)
		if (!(*c >= '0' && *c <= '9') && !(*c >= 'a' && *c <= 'z') &&
		    !(*c >= 'A' && *c <= 'Z') && !strchr(others, *c))
			return false;
	return c > text;
}

bool text_is_value(const char *text)
{
	const char *c;

	for (c = text; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 127)
			return false;
	return true;
}

bool text_is_target(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 127)
			return false;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool text_decode(const char *from, size_t len, char *to)
{
	size_t i;

	for (i = 0; i < len; i++) {
		int high, low;

		if (from[i] != '%') {
			*to++ = from[i];
			continue;
		}
		if (len - i < 3)
			return false;
		high = digit(from[i + 1]);
		low = digit(from[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high * 16 + low);
		i += 2;
	}
	*to = '\0';
	return true;
}
