/* SPDX-License-Identifier: Apache-2.0 */

#include "utf8.h"

struct form {
	unsigned char first, last; /* of the first byte */
	unsigned char least, most; /* of the second; all others are 80 to BF */
	size_t length;
};

static const struct form forms[] = {
	{0x00, 0x7f, 0x80, 0xbf, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool has_form(const struct form *form, const char *text, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t i;

	if (bytes[0] < form->first || bytes[0] > form->last || size < form->length)
		return false;
	if (form->length > 1 && (bytes[1] < form->least || bytes[1] > form->most))
		return false;
	for (i = 2; i < form->length; i++)
		if ((bytes[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t utf8_length(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (has_form(&forms[i], text, size))
			return forms[i].length;
	return 0;
}

bool utf8_is_valid(const char *text, size_t size)
{
	size_t i = 0, length;

	while (i < size) {
		length = utf8_length(text + i, size - i);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}
