/* SPDX-License-Identifier: Apache-2.0 */

#include "fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIRST_SIZE = 512 };

struct field {
	enum field_kind kind;
	const char *name;
	const char *value;
};

void fields_destroy(struct fields *f)
{
	free(f->block);
	*f = (struct fields){.len = 0};
}

static int reserve(struct fields *f, size_t more)
{
	size_t size = f->size ? f->size : FIRST_SIZE;
	char *block;

	while (size - f->len < more)
		size *= 2;
	if (size == f->size)
		return 0;
	block = realloc(f->block, size);
	if (!block)
		return ENOMEM;
	f->block = block;
	f->size = size;
	return 0;
}

int fields_add_n(struct fields *f, enum field_kind kind, const char *name, const char *value,
                 size_t len)
{
	size_t name_size = strlen(name) + 1;

	if (reserve(f, 1 + name_size + len + 1))
		return ENOMEM;
	f->block[f->len++] = (char)kind;
	memcpy(f->block + f->len, name, name_size);
	memcpy(f->block + f->len + name_size, value, len);
	f->len += name_size + len;
	f->block[f->len++] = '\0';
	return 0;
}

int fields_add(struct fields *f, enum field_kind kind, const char *name, const char *value)
{
	return fields_add_n(f, kind, name, value, strlen(value));
}

/* Reads the field at *at and moves on; false at the end. */
static bool next(const struct fields *f, size_t *at, struct field *out)
{
	if (*at == f->len)
		return false;
	out->kind = (enum field_kind)f->block[*at];
	out->name = f->block + *at + 1;
	out->value = out->name + strlen(out->name) + 1;
	*at = (size_t)(out->value - f->block) + strlen(out->value) + 1;
	return true;
}

const char *fields_get(const struct fields *f, enum field_kind kind, const char *name)
{
	int (*compare)(const char *, const char *) = kind == FIELD_HEADER ? strcasecmp : strcmp;
	struct field field;
	size_t at = 0;

	while (next(f, &at, &field))
		if (field.kind == kind && compare(field.name, name) == 0)
			return field.value;
	return NULL;
}

int fields_each(const struct fields *f, enum field_kind kind,
                int (*visit)(const char *name, const char *value, void *user), void *user)
{
	struct field field;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && next(f, &at, &field))
		if (field.kind == kind)
			rc = visit(field.name, field.value, user);
	return rc;
}
