/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BRACES "{}"

/* What execvp() uses where there is no $PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno == ENOTDIR ? ENOENT : errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return access(path, X_OK) ? errno : 0;
}

/* Looks for name in one directory of $PATH, where an empty one means the current. */
static int check_in(const char *dir, size_t len, const char *name, char **out)
{
	char *path;
	int rc;

	if (asprintf(&path, "%.*s%s%s", (int)len, dir, len ? "/" : "", name) < 0)
		return ENOMEM;
	rc = check_file(path);
	if (rc)
		free(path);
	else
		*out = path;
	return rc;
}

/* As the shell does it: a file that cannot be run is passed over, and told of only where nothing
   better comes. */
static int search(const char *name, char **out)
{
	const char *dir = getenv("PATH");
	int found = ENOENT;

	for (dir = dir ? dir : DEFAULT_PATH;; dir++) {
		size_t len = strcspn(dir, ":");
		int rc = check_in(dir, len, name, out);

		if (rc == 0 || rc == ENOMEM)
			return rc;
		if (rc == EACCES)
			found = rc;
		dir += len;
		if (!*dir)
			return found;
	}
}

/* Fills in the patterns; the line is the last argument unless argv says where it goes. */
static int set_patterns(struct command *c, char *const *argv)
{
	bool placed = false;
	size_t n = 0;

	while (argv[n])
		n++;
	c->patterns = calloc(n + 2, sizeof(*c->patterns));
	if (!c->patterns)
		return ENOMEM;
	c->patterns[0] = "sh";
	for (size_t i = 0; i < n; i++) {
		placed |= strstr(argv[i], BRACES) != NULL;
		c->patterns[i + 1] = argv[i];
	}
	c->npatterns = n + 1;
	if (!placed)
		c->patterns[c->npatterns++] = BRACES;
	return 0;
}

int command_resolve(struct command *c, char *const *argv)
{
	/* The two dashes are for lines that begin with one. */
	static char sh[] = "sh", option[] = "-c", dashes[] = "--";
	static char *const shell[] = {sh, option, dashes, NULL};
	const char *name = argv ? argv[0] : COMMAND_SHELL;

	*c = (struct command){0};
	if (set_patterns(c, argv ? argv : shell))
		return ENOMEM;
	if (!*name)
		return ENOENT;
	if (strstr(name, BRACES))
		return 0;
	if (strchr(name, '/'))
		return check_in("", 0, name, &c->path);
	return search(name, &c->path);
}

void command_destroy(struct command *c)
{
	free(c->path);
	free(c->patterns);
}

/* Copies pattern with each {} replaced by line, and counts the bytes, the last NUL included.
   With to NULL it only counts. */
static size_t expand(const char *pattern, const char *line, char *to)
{
	size_t line_len = strlen(line);
	size_t len = 0;

	while (*pattern) {
		bool replace = strncmp(pattern, BRACES, sizeof(BRACES) - 1) == 0;
		const char *from = replace ? line : pattern;
		size_t n = replace ? line_len : 1;

		if (to)
			memcpy(to + len, from, n);
		len += n;
		pattern += replace ? sizeof(BRACES) - 1 : 1;
	}
	if (to)
		to[len] = '\0';
	return len + 1;
}

char **command_arguments(const struct command *c, const char *line)
{
	size_t size = (c->npatterns + 1) * sizeof(char *);
	char **args;
	char *to;

	for (size_t i = 0; i < c->npatterns; i++)
		size += expand(c->patterns[i], line, NULL);
	args = malloc(size);
	if (!args)
		return NULL;
	to = (char *)(args + c->npatterns + 1);
	for (size_t i = 0; i < c->npatterns; i++) {
		args[i] = to;
		to += expand(c->patterns[i], line, to);
	}
	args[c->npatterns] = NULL;
	return args;
}
