/* Has one call fail of a whole program, which knows nothing of it: of the program's own and of the
   library's within it.

   The program is linked with this, faults.c and --wrap for each function that the two name.  The
   environment says which call fails, as FAULT_KIND, FAULT_FIRST and FAULT_LENGTH, numbers of
   faults.h, and which descriptor is a file for a struct fault_account: FAULT_ACCOUNT.

   SPDX-License-Identifier: Apache-2.0 */

#include "faults_program.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int kind, account_fd = -1;

static int number(const char *name, int otherwise)
{
	const char *value = getenv(name);

	return value ? atoi(value) : otherwise;
}

__attribute__((constructor)) static void arm(void)
{
	int i;

	faults_spare_stderr = 1;
	account_fd = number("FAULT_ACCOUNT", -1);
	kind = number("FAULT_KIND", FAULTS);
	if (kind < FAULTS) {
		fault_arm((enum fault)kind, number("FAULT_FIRST", 0),
		          (enum fault_length)number("FAULT_LENGTH", FAULT_ONCE));
		return;
	}
	for (i = 0; i < FAULTS; i++)
		fault_arm((enum fault)i, INT32_MAX, FAULT_ONCE);
}

__attribute__((destructor)) static void account(void)
{
	struct fault_account a = {.hits = kind < FAULTS ? fault_hits((enum fault)kind) : 0};
	int i;

	for (i = 0; i < FAULTS; i++)
		a.calls[i] = fault_calls((enum fault)i);
	library_leave();
	if (account_fd >= 0 && pwrite(account_fd, &a, sizeof a, 0) != (ssize_t)sizeof a)
		abort();
}

/* ---- Descriptors ----------------------------------------------------------------------------- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode = 0;

	if (fault_fails(INTERRUPTED, EINTR) || fault_fails(NO_DESCRIPTOR, EMFILE))
		return -1;
	va_start(more, flags);
	if (flags & O_CREAT)
		mode = va_arg(more, mode_t);
	va_end(more);
	return __real_open(path, flags, mode);
}

WRAP(int, pipe, int fds[2])
{
	return fault_fails(NO_DESCRIPTOR, EMFILE) ? -1 : __real_pipe(fds);
}

WRAP(int, socketpair, int domain, int type, int protocol, int fds[2])
{
	return fault_fails(NO_DESCRIPTOR, EMFILE) ? -1
	                                          : __real_socketpair(domain, type, protocol, fds);
}

WRAP(FILE *, tmpfile, void)
{
	return fault_fails(NO_DESCRIPTOR, EMFILE) ? NULL : __real_tmpfile();
}

WRAP(ssize_t, recv, int fd, void *buf, size_t size, int flags)
{
	return fault_fails(INTERRUPTED, EINTR) || fault_fails(NO_READING, ECONNRESET)
	               ? -1
	               : __real_recv(fd, buf, size, flags);
}

/* ---- Streams --------------------------------------------------------------------------------- */

/* The stream remembers a failure.  What goes to stderr says that something failed. */
static int fails_to_write(FILE *stream)
{
	if (stream == stderr || !fault_fails(NO_WRITING, ENOSPC))
		return 0;
	stream->_flags |= _IO_ERR_SEEN;
	return 1;
}

static int fails_to_read(FILE *stream)
{
	if (!fault_fails(NO_READING, EIO))
		return 0;
	stream->_flags |= _IO_ERR_SEEN;
	return 1;
}

int __wrap_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int __wrap_printf(const char *format, ...)
{
	va_list args;
	int n;

	if (fails_to_write(stdout))
		return -1;
	va_start(args, format);
	n = vprintf(format, args);
	va_end(args);
	return n;
}

int __wrap_fprintf(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_fprintf(FILE *stream, const char *format, ...)
{
	va_list args;
	int n;

	if (fails_to_write(stream))
		return -1;
	va_start(args, format);
	n = vfprintf(stream, format, args);
	va_end(args);
	return n;
}

WRAP(int, puts, const char *text)
{
	return fails_to_write(stdout) ? EOF : __real_puts(text);
}

WRAP(int, fputs, const char *text, FILE *stream)
{
	return fails_to_write(stream) ? EOF : __real_fputs(text, stream);
}

WRAP(size_t, fwrite, const void *data, size_t size, size_t n, FILE *stream)
{
	return fails_to_write(stream) ? 0 : __real_fwrite(data, size, n, stream);
}

WRAP(int, fflush, FILE *stream)
{
	return fails_to_write(stream) ? EOF : __real_fflush(stream);
}

WRAP(int, setvbuf, FILE *stream, char *buf, int mode, size_t size)
{
	return fault_fails(NO_MEMORY, ENOMEM) ? -1 : __real_setvbuf(stream, buf, mode, size);
}

WRAP(char *, fgets, char *buf, int size, FILE *stream)
{
	return fails_to_read(stream) ? NULL : __real_fgets(buf, size, stream);
}

/* Either there is no memory for the line or it cannot be read. */
static int fails_to_get_line(FILE *stream)
{
	return fault_fails(NO_MEMORY, ENOMEM) || fails_to_read(stream);
}

WRAP(ssize_t, getline, char **line, size_t *size, FILE *stream)
{
	return fails_to_get_line(stream) ? -1 : __real_getline(line, size, stream);
}

WRAP(ssize_t, __getdelim, char **line, size_t *size, int end, FILE *stream)
{
	return fails_to_get_line(stream) ? -1 : __real___getdelim(line, size, end, stream);
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* The example's sem_init() goes by another name, since the library's cannot fail. */
#undef sem_init
int sem_init(sem_t *sem, int shared, unsigned int value);

int example_sem_init(sem_t *sem, int shared, unsigned int value)
{
	return fault_fails(NO_OBJECT, ENOSPC) ? -1 : sem_init(sem, shared, value);
}

WRAP(int, sigwait, const sigset_t *set, int *signo)
{
	return fault_strikes(NO_OBJECT) ? EINVAL : __real_sigwait(set, signo);
}
