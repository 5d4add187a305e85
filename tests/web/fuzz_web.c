/* Tries bad input on what the web integration itself does with a request before a handler sees it:
   taking its path apart and fitting it to patterns, decoding, and judging its headers.

   The first byte chooses, the rest is the input.  Each case checks what must be true of any input,
   so that more than a crash is found.  With libFuzzer: tools/fuzz-web.  Without it, replay_web.c
   has main(), and make check replays what was found to be of interest.

   SPDX-License-Identifier: Apache-2.0 */

#include "fields.h"
#include "framing.h"
#include "path.h"
#include "text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                 \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/* ---- Text ----------------------------------------------------------------------------------- */

/* Decoding yields a string that is no longer than what it came from, and is the same without a
   '%'. */
static void try_decode(const char *text, size_t len)
{
	char *to = malloc(len + 1);

	must(to);
	if (text_decode(text, len, to)) {
		must(strlen(to) <= len);
		if (!memchr(text, '%', len) && strlen(text) == len)
			must(strcmp(text, to) == 0);
	}
	free(to);
	if (text_is_token(text))
		must(text_is_value(text) && *text && !strpbrk(text, " \t\r\n:"));
	if (text_is_value(text))
		must(!strpbrk(text, "\r\n"));
}

/* ---- Paths ---------------------------------------------------------------------------------- */

static int count(const char *name, const char *value, void *n)
{
	must(name && value);
	++*(size_t *)n;
	return 0;
}

/* What a tail stands for never leads out of a folder. */
static int check_tail(const char *name, const char *value, void *user)
{
	const char *at = value;

	(void)name;
	(void)user;
	while (at) {
		size_t len = strcspn(at, "/");

		must(!(len == 1 && at[0] == '.'));
		must(!(len == 2 && at[0] == '.' && at[1] == '.'));
		at = at[len] ? at + len + 1 : NULL;
	}
	return 0;
}

/* The pattern up to the first newline, the target behind it. */
static void try_path(char *text, bool encoded)
{
	static const char *const usual[] = {"/", "/{rest...}", "/a/{b}", "/{a}/{b}/{rest...}"};
	char *path = strchr(text, '\n');
	struct pattern *p = NULL, *again = NULL;
	struct target t;
	size_t n = 0;
	int rc;

	if (!path)
		return;
	*path++ = '\0';
	rc = target_init(&t, path, encoded);
	must(rc == 0 || rc == EINVAL);
	if (rc)
		return;
	must(t.n >= 1 && t.n <= PATH_SEGMENTS);
	for (size_t i = 0; i < t.n; i++)
		must(strcmp(t.segment[i], ".") != 0 && strcmp(t.segment[i], "..") != 0);
	rc = pattern_create(&p, text);
	must(rc == 0 || rc == EINVAL);
	if (rc == 0) {
		must(pattern_create(&again, text) == 0);
		must(pattern_equals(p, again));
		for (size_t first = 0; first <= t.n; first++) {
			if (pattern_fits(p, &t, first))
				must(pattern_params(p, &t, first, count, &n) == 0);
			if (pattern_is_plain(p) && pattern_fits(p, &t, first))
				must(pattern_begins(p, &t, first) && n == 0);
		}
	}
	pattern_free(again);
	pattern_free(p);
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
		must(pattern_create(&p, usual[i]) == 0);
		if (pattern_fits(p, &t, 0))
			must(pattern_params(p, &t, 0, i == 1 ? check_tail : count, &n) == 0);
		pattern_free(p);
	}
	target_destroy(&t);
}

/* ---- Headers -------------------------------------------------------------------------------- */

/* Lines of name and value, as they are between a newline and the next. */
static void try_framing(const char *text, size_t len)
{
	struct framing f = FRAMING_INIT;
	struct fields fields = {.len = 0};
	const char *end = text + len;
	size_t n = 0, counted = 0;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *colon;
		char *name, *value;
		size_t name_len, value_len;

		if (!stop)
			stop = end;
		colon = memchr(text, ':', (size_t)(stop - text));
		name_len = (size_t)((colon ? colon : stop) - text);
		value_len = colon ? (size_t)(stop - colon - 1) : 0;
		name = calloc(1, name_len + 1);
		value = calloc(1, value_len + 1);
		must(name && value);
		memcpy(name, text, name_len);
		if (colon)
			memcpy(value, colon + 1, value_len);
		framing_add(&f, name, name_len, value, value_len);
		must(fields_add(&fields, FIELD_HEADER, name, value) == 0);
		must(fields_get(&fields, FIELD_HEADER, name) != NULL);
		must(fields_get(&fields, FIELD_QUERY, name) == NULL);
		n++;
		free(name);
		free(value);
		text = stop + 1;
	}
	if (framing_is_clear(&f)) {
		must(!f.bad && f.lengths <= 1 && f.encodings <= 1);
		must(!(f.lengths && f.encodings));
		must(framing_has_body(&f) || f.length == 0);
	}
	must(fields_each(&fields, FIELD_HEADER, count, &counted) == 0);
	must(counted == n);
	fields_destroy(&fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = calloc(1, size);
	must(text);
	memcpy(text, data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		try_decode(text, size - 1);
		break;
	case 1:
		try_path(text, true);
		break;
	case 2:
		try_path(text, false);
		break;
	default:
		try_framing(text, size - 1);
	}
	free(text);
	return 0;
}
