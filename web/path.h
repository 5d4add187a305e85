/* Paths: the pattern of a route, the target of a request, and whether they fit.

   A target is taken apart at its slashes first and decoded then, so that "%2F" within a segment is
   no slash.  A segment that is "." or "..", decoded, is refused, and so is a slash within what a
   "{name...}" stands for: a program that opens files by that name stays where it is.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PATH_H
#define PATH_H

#include <stdbool.h>
#include <stddef.h>

enum { PATH_SEGMENTS = 64 }; /* more of them in a target are refused */

/* ---- Patterns ------------------------------------------------------------------------------- */

struct pattern;

/* Makes the pattern of text.  EINVAL: it is none.  ENOMEM. */
int pattern_create(struct pattern **out, const char *text);
void pattern_free(struct pattern *p);

/* Whether it is made of plain segments only, and has at least one. */
bool pattern_is_plain(const struct pattern *p);

/* Whether the two fit the same targets. */
bool pattern_equals(const struct pattern *a, const struct pattern *b);

/* How many segments it has. */
size_t pattern_len(const struct pattern *p);

/* ---- Targets -------------------------------------------------------------------------------- */

/* The path of a request, taken apart. */
struct target {
	char *text; /* the decoded segments, each with a 0 after it */
	const char *segment[PATH_SEGMENTS];
	size_t n;
	bool slash_within; /* some segment has a slash in it */
};

/* Takes path apart, up to a '?'; with encoded set, decodes it.  EINVAL: it is no path.  ENOMEM. */
int target_init(struct target *t, const char *path, bool encoded);
void target_destroy(struct target *t);

/* ---- Whether they fit ----------------------------------------------------------------------- */

/* Whether p fits the segments of t from the one with number first on. */
bool pattern_fits(const struct pattern *p, const struct target *t, size_t first);

/* Whether the plain p fits the first segments from first on, whatever comes behind them. */
bool pattern_begins(const struct pattern *p, const struct target *t, size_t first);

/* Calls put(name, value, user) for each name of p, which fits; stops at the first result that is
   not 0 and returns it.  ENOMEM. */
int pattern_params(const struct pattern *p, const struct target *t, size_t first,
                   int (*put)(const char *name, const char *value, void *user), void *user);

#endif
