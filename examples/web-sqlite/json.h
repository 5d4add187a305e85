/* Writes JSON.  Commas come by themselves; the caller sees to it that brackets match and that each
   value in an object has a name before it.  Memory that ran out is told at the end.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;  /* NULL where there was no memory for it */
	bool comma; /* the next name or value needs one before it */
	char *text; /* what json_end() found, for json_free() */
	size_t size;
};

void json_begin(struct json *json);

/* ENOMEM: something is missing in text. */
int json_end(struct json *json);

void json_free(struct json *json);

void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);
void json_name(struct json *json, const char *name);
void json_number(struct json *json, int64_t number);
void json_null(struct json *json);

/* Any bytes: what is no UTF-8 becomes U+FFFD. */
void json_text(struct json *json, const char *text, size_t size);

/* A name with a string, and one with a number. */
void json_string_member(struct json *json, const char *name, const char *text);
void json_number_member(struct json *json, const char *name, int64_t number);

#endif
