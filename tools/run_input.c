/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_input.h"
#include "run_screen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_SIZE 16384

int input_open(struct input *in, const char *file, char separator)
{
	bool standard = !file || strcmp(file, "-") == 0;

	in->fd = STDIN_FILENO;
	in->name = standard ? "standard input" : file;
	in->separator = separator;
	in->at_end = false;
	in->number = in->begin = in->end = 0;
	if (!standard)
		in->fd = open(file, O_RDONLY | O_CLOEXEC);
	return in->fd < 0 ? errno : 0;
}

void input_close(struct input *in)
{
	if (in->fd != STDIN_FILENO)
		close(in->fd);
}

/* Waits for the input as well, if wait is true. */
static bool stopped(const struct input *in, int stop_fd, bool wait)
{
	struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = in->fd, .events = POLLIN}};

	while (poll(fds, wait ? 2 : 1, wait ? -1 : 0) < 0 && errno == EINTR)
		continue;
	return fds[0].revents != 0;
}

/* Reads more behind what is there.  An errno value. */
static int fill(struct input *in)
{
	ssize_t n;

	memmove(in->buffer, in->buffer + in->begin, in->end - in->begin);
	in->end -= in->begin;
	in->begin = 0;
	n = read(in->fd, in->buffer + in->end, sizeof(in->buffer) - in->end);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : errno;
	in->end += (size_t)n;
	in->at_end = n == 0;
	return 0;
}

/* Takes the next line from the buffer, if it holds all of one. */
static bool take(struct input *in, const char **line, size_t *len)
{
	char *from = in->buffer + in->begin;
	size_t there = in->end - in->begin;
	char *end = memchr(from, in->separator, there);

	if (!end && (!in->at_end || there == 0))
		return false;
	/* The last line may lack its separator, and at the end of the file there is room for it. */
	*len = end ? (size_t)(end - from) : there;
	from[*len] = '\0';
	in->begin += *len + (end != NULL);
	in->number++;
	*line = from;
	return true;
}

static enum input_answer fail(const struct input *in, int error)
{
	screen_say("cannot read %s: %s", in->name, strerror(error));
	return INPUT_FAILED;
}

static enum input_answer unusable(const struct input *in, const char *why)
{
	screen_say("line %" PRIu64 " of %s %s", in->number, in->name, why);
	return INPUT_FAILED;
}

enum input_answer input_next(struct input *in, int stop_fd, const char **line, size_t *len)
{
	for (bool wait = false;; wait = true) {
		int rc;

		if (stopped(in, stop_fd, wait))
			return INPUT_STOPPED;
		rc = wait ? fill(in) : 0;
		if (rc)
			return fail(in, rc);
		while (take(in, line, len)) {
			if (memchr(*line, '\0', *len))
				return unusable(in, "has a NUL byte in it, as if for -0");
			if (*len || in->separator == '\0')
				return INPUT_LINE;
		}
		if (in->at_end)
			return INPUT_END;
		if (in->end - in->begin == sizeof(in->buffer)) {
			in->number++;
			return unusable(in, "is too long");
		}
	}
}

bool input_count(const struct input *in, uint64_t *jobs)
{
	char data[COUNT_SIZE];
	struct stat st;
	off_t at = lseek(in->fd, 0, SEEK_CUR);
	char last = in->separator;
	uint64_t count = 0;
	ssize_t n;

	if (at < 0 || fstat(in->fd, &st) || !S_ISREG(st.st_mode))
		return false;
	while ((n = pread(in->fd, data, sizeof(data), at)) > 0) {
		/* A line counts where it begins, and an empty item where it ends. */
		for (ssize_t i = 0; i < n; i++) {
			bool ends = data[i] == in->separator;

			count += last == in->separator && (!ends || in->separator == '\0');
			last = data[i];
		}
		at += n;
	}
	*jobs = count;
	return n == 0;
}
