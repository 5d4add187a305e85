/* SPDX-License-Identifier: Apache-2.0 */

#include "json.h"

#include "utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void json_begin(struct json *json)
{
	memset(json, 0, sizeof(*json));
	json->out = open_memstream(&json->text, &json->size);
}

int json_end(struct json *json)
{
	FILE *out = json->out;
	bool failed;

	json->out = NULL;
	if (!out)
		return ENOMEM;
	failed = ferror(out);
	return fclose(out) != 0 || failed ? ENOMEM : 0;
}

void json_free(struct json *json)
{
	if (json->out)
		fclose(json->out);
	free(json->text);
}

/* Returns whether there is anything to write to. */
static bool separate(struct json *json)
{
	if (!json->out)
		return false;
	if (json->comma)
		putc(',', json->out);
	json->comma = true;
	return true;
}

void json_open(struct json *json, char bracket)
{
	if (!separate(json))
		return;
	putc(bracket, json->out);
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	if (!json->out)
		return;
	putc(bracket, json->out);
	json->comma = true;
}

void json_number(struct json *json, int64_t number)
{
	if (separate(json))
		fprintf(json->out, "%" PRId64, number);
}

void json_null(struct json *json)
{
	if (separate(json))
		fputs("null", json->out);
}

static void put_ascii(FILE *out, char c)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		fprintf(out, "\\u%04x", (unsigned)c);
	else
		putc(c, out);
}

void json_text(struct json *json, const char *text, size_t size)
{
	size_t i = 0, length;

	if (!separate(json))
		return;
	putc('"', json->out);
	while (i < size) {
		length = utf8_length(text + i, size - i);
		if (length == 0)
			fputs("\\ufffd", json->out);
		else if (length == 1)
			put_ascii(json->out, text[i]);
		else
			fwrite(text + i, 1, length, json->out);
		i += length > 0 ? length : 1;
	}
	putc('"', json->out);
}

void json_name(struct json *json, const char *name)
{
	json_text(json, name, strlen(name));
	if (json->out)
		putc(':', json->out);
	json->comma = false;
}

void json_string_member(struct json *json, const char *name, const char *text)
{
	json_name(json, name);
	json_text(json, text, strlen(text));
}

void json_number_member(struct json *json, const char *name, int64_t number)
{
	json_name(json, name);
	json_number(json, number);
}
