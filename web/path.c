/* SPDX-License-Identifier: Apache-2.0 */

#include "path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum kind {
	KIND_PLAIN,
	KIND_NAME, /* one segment that is not empty */
	KIND_REST, /* all that is left */
};

struct piece {
	enum kind kind;
	const char *text; /* the segment, or the name */
};

struct pattern {
	size_t n;
	char *text; /* what the pieces point into */
	struct piece piece[];
};

/* ---- Patterns ------------------------------------------------------------------------------- */

static bool is_dots(const char *segment)
{
	return strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
}

static size_t count_slashes(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '/';
	return n;
}

/* Makes a piece of a segment, whose braces and dots it cuts off; EINVAL if it is none. */
static int parse_piece(struct piece *piece, char *segment, bool last)
{
	size_t len = strlen(segment);

	piece->kind = KIND_PLAIN;
	piece->text = segment;
	if (segment[0] != '{')
		return strpbrk(segment, "{}") || is_dots(segment) ? EINVAL : 0;
	if (segment[len - 1] != '}')
		return EINVAL;
	piece->kind = KIND_NAME;
	piece->text = segment + 1;
	segment[--len] = '\0';
	if (len > 3 && strcmp(segment + len - 3, "...") == 0) {
		piece->kind = KIND_REST;
		segment[len -= 3] = '\0';
		if (!last)
			return EINVAL;
	}
	return len < 2 || strpbrk(piece->text, "{}") ? EINVAL : 0;
}

/* Parses the text after each slash. */
static int parse(struct pattern *p, char *text)
{
	while (text) {
		char *segment = text + 1;
		struct piece *piece = &p->piece[p->n++];
		size_t i;
		int rc;

		text = strchr(segment, '/');
		if (text)
			*text = '\0';
		rc = parse_piece(piece, segment, !text);
		if (rc)
			return rc;
		for (i = 0; piece->kind != KIND_PLAIN && i < p->n - 1; i++)
			if (p->piece[i].kind != KIND_PLAIN &&
			    strcmp(p->piece[i].text, piece->text) == 0)
				return EINVAL;
	}
	return 0;
}

int pattern_create(struct pattern **out, const char *text)
{
	struct pattern *p;
	size_t n;
	int rc;

	if (text[0] != '/' || strchr(text, '?'))
		return EINVAL;
	n = count_slashes(text);
	if (n > PATH_SEGMENTS)
		return EINVAL;
	p = calloc(1, sizeof(*p) + n * sizeof(p->piece[0]));
	if (!p)
		return ENOMEM;
	p->text = strdup(text);
	rc = p->text ? parse(p, p->text) : ENOMEM;
	if (rc) {
		pattern_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	free(p->text);
	free(p);
}

bool pattern_is_plain(const struct pattern *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->piece[i].kind != KIND_PLAIN || !p->piece[i].text[0])
			return false;
	return true;
}

bool pattern_equals(const struct pattern *a, const struct pattern *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++) {
		if (a->piece[i].kind != b->piece[i].kind)
			return false;
		if (a->piece[i].kind == KIND_PLAIN &&
		    strcmp(a->piece[i].text, b->piece[i].text) != 0)
			return false;
	}
	return true;
}

size_t pattern_len(const struct pattern *p)
{
	return p->n;
}

/* ---- Targets -------------------------------------------------------------------------------- */

/* Appends the segment of len bytes at from; *to is where its text goes. */
static int add_segment(struct target *t, const char *from, size_t len, bool encoded, char **to)
{
	char *segment = *to;

	if (t->n == PATH_SEGMENTS)
		return EINVAL;
	if (!encoded) {
		memcpy(segment, from, len);
		segment[len] = '\0';
	} else if (!text_decode(from, len, segment)) {
		return EINVAL;
	}
	if (is_dots(segment))
		return EINVAL;
	t->slash_within |= strchr(segment, '/') != NULL;
	t->segment[t->n++] = segment;
	*to += strlen(segment) + 1;
	return 0;
}

int target_init(struct target *t, const char *path, bool encoded)
{
	const char *end = path + (encoded ? strcspn(path, "?#") : strlen(path));
	char *to;
	int rc = 0;

	*t = (struct target){.n = 0};
	if (path[0] != '/')
		return EINVAL;
	to = t->text = malloc((size_t)(end - path) + 1);
	if (!to)
		return ENOMEM;
	while (path < end && rc == 0) {
		const char *slash = memchr(path + 1, '/', (size_t)(end - path - 1));
		const char *stop = slash ? slash : end;

		rc = add_segment(t, path + 1, (size_t)(stop - path - 1), encoded, &to);
		path = stop;
	}
	if (rc)
		target_destroy(t);
	return rc;
}

void target_destroy(struct target *t)
{
	free(t->text);
	*t = (struct target){.n = 0};
}

/* ---- Whether they fit ----------------------------------------------------------------------- */

static bool piece_fits(const struct piece *piece, const char *segment)
{
	if (piece->kind == KIND_NAME)
		return segment[0] != '\0';
	return strcmp(piece->text, segment) == 0;
}

bool pattern_fits(const struct pattern *p, const struct target *t, size_t first)
{
	size_t left = t->n - first, i;

	for (i = 0; i < p->n; i++) {
		if (p->piece[i].kind == KIND_REST)
			return !t->slash_within;
		if (i == left || !piece_fits(&p->piece[i], t->segment[first + i]))
			return false;
	}
	return i == left;
}

bool pattern_begins(const struct pattern *p, const struct target *t, size_t first)
{
	size_t i;

	if (t->n - first < p->n)
		return false;
	for (i = 0; i < p->n; i++)
		if (!piece_fits(&p->piece[i], t->segment[first + i]))
			return false;
	return true;
}

/* The segments from first on, with the slashes between them. */
static char *join(const struct target *t, size_t first)
{
	size_t len = 1, i;
	char *text, *end;

	for (i = first; i < t->n; i++)
		len += strlen(t->segment[i]) + 1;
	text = end = malloc(len);
	if (!text)
		return NULL;
	*end = '\0';
	for (i = first; i < t->n; i++) {
		if (i > first)
			*end++ = '/';
		end = stpcpy(end, t->segment[i]);
	}
	return text;
}

int pattern_params(const struct pattern *p, const struct target *t, size_t first,
                   int (*put)(const char *name, const char *value, void *user), void *user)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < p->n && rc == 0; i++) {
		if (p->piece[i].kind == KIND_NAME) {
			rc = put(p->piece[i].text, t->segment[first + i], user);
		} else if (p->piece[i].kind == KIND_REST) {
			char *rest = join(t, first + i);

			rc = rest ? put(p->piece[i].text, rest, user) : ENOMEM;
			free(rest);
		}
	}
	return rc;
}
