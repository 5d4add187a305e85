/* A job as C libraries have them: it blocks, it takes its time, and it obeys.  It is compiled into
   libcompress.so, and the programs beside it submit it from other languages.

   SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <ptjobs.h>

__attribute__((visibility("default"))) void *compress_file(void *paths);

static void *fail(int error, const char *path)
{
	char message[512];

	snprintf(message, sizeof(message), "%s: %s", path, ptj_strerror(error));
	return ptj_job_fail(error, message);
}

/* Returns 0 or an error. */
static int copy(int from, gzFile to)
{
	char block[32768];
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) > 0) {
		if (ptj_job_cancelled())
			return ECANCELED;
		if (gzwrite(to, block, (unsigned)n) != n)
			return errno;
	}
	return n < 0 ? errno : 0;
}

static void *compress_to(int from, const char *from_path, const char *to_path)
{
	gzFile to = gzopen(to_path, "wbe");
	struct stat stat_buf;
	int error;

	if (!to)
		return fail(errno, to_path);
	error = copy(from, to);
	if (gzclose(to) != Z_OK && error == 0)
		error = errno;
	if (error == 0 && stat(to_path, &stat_buf) != 0)
		error = errno;
	if (error == 0)
		return (void *)(intptr_t)stat_buf.st_size;
	unlink(to_path);
	return fail(error, from_path);
}

/* paths: the name of the file to read, a zero byte, the name of the file to write, a zero byte.
   Returns how many bytes were written; fails with what went wrong.  For cooperative mode. */
void *compress_file(void *paths)
{
	const char *from_path = paths, *to_path = from_path + strlen(from_path) + 1;
	int from = open(from_path, O_RDONLY | O_CLOEXEC);
	void *size;

	if (from < 0)
		return fail(errno, from_path);
	size = compress_to(from, from_path, to_path);
	close(from);
	return size;
}
