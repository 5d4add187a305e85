/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_screen.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIPE "\r\033[K"
#define MESSAGE_MAX 1024

/* There is one standard error, so its state is the file's own. */
static struct {
	bool progress; /* read-only after screen_open() */
	bool shared;   /* standard output is a terminal too; read-only after screen_open() */
	pthread_mutex_t mu;
	bool drawn; /* guarded by mu: the progress line is there */
} screen = {.mu = PTHREAD_MUTEX_INITIALIZER};

void screen_open(void)
{
	const char *term = getenv("TERM");

	screen.progress = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
	screen.shared = screen.progress && isatty(STDOUT_FILENO);
}

bool screen_has_progress(void)
{
	return screen.progress;
}

/* A message that cannot be written has nowhere else to go. */
static void put(const char *text, size_t len)
{
	ssize_t n = write(STDERR_FILENO, text, len);

	(void)n;
}

/* Standard output that is no terminal goes its own way: its reader may stand still for ever, and
   messages must still come out. */
static bool on_screen(int fd)
{
	return fd == STDERR_FILENO || screen.shared;
}

void screen_take(int fd)
{
	if (!on_screen(fd))
		return;
	pthread_mutex_lock(&screen.mu);
	if (screen.drawn)
		put(WIPE, sizeof(WIPE) - 1);
	screen.drawn = false;
}

void screen_give(int fd)
{
	if (on_screen(fd))
		pthread_mutex_unlock(&screen.mu);
}

void screen_say(const char *format, ...)
{
	char text[MESSAGE_MAX] = "ptjobs: ";
	size_t len = strlen(text);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + len, sizeof(text) - len, format, args);
	va_end(args);
	if (n < 0)
		return;
	len += (size_t)n;
	if (len > sizeof(text) - 1)
		len = sizeof(text) - 1;
	text[len++] = '\n';
	screen_take(STDERR_FILENO);
	put(text, len);
	screen_give(STDERR_FILENO);
}

static int width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		return size.ws_col;
	return 80;
}

void screen_progress(const char *text)
{
	char line[MESSAGE_MAX];
	int n;

	if (pthread_mutex_trylock(&screen.mu))
		return;
	/* A full line would wrap on some terminals, and a wrapped one cannot be wiped. */
	n = snprintf(line, sizeof(line), WIPE "%.*s", width() - 1, text);
	screen.drawn = true;
	if (n > 0 && (size_t)n < sizeof(line))
		put(line, (size_t)n);
	pthread_mutex_unlock(&screen.mu);
}
