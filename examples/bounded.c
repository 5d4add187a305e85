/* bounded: prints the checksum and the size of each file named, as cksum(1) does.

   A job reads one file with plain blocking calls.  At most LIMIT files are open at once and at
   most PENDING more wait in line; beyond that ptj_spawn() holds the producer back, so the line
   never grows, however slow the disk.  The output comes in the order in which the jobs finish.
   Nobody waits for a single job, so the exception handler hears of a file that cannot be read.

   SPDX-License-Identifier: Apache-2.0 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <ptjobs.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define LIMIT 4
#define PENDING 8

/* One step of the POSIX cksum polynomial for each bit of byte, highest first. */
static uint32_t crc_byte(uint32_t crc, uint8_t byte)
{
	crc ^= (uint32_t)byte << 24;
	for (int bit = 0; bit < 8; bit++)
		crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
	return crc;
}

/* Prints the line for the file behind fd.  Returns 0 or an errno value. */
static int checksum_fd(int fd, const char *path)
{
	uint8_t buf[65536];
	uint32_t crc = 0;
	uint64_t size = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			crc = crc_byte(crc, buf[i]);
		size += (uint64_t)n;
	}
	if (n < 0)
		return errno;
	for (uint64_t rest = size; rest != 0; rest >>= 8)
		crc = crc_byte(crc, (uint8_t)rest);
	if (printf("%u %llu %s\n", (unsigned)~crc, (unsigned long long)size, path) < 0)
		return errno;
	return 0;
}

static void close_fd(void *fd)
{
	close(*(int *)fd);
}

static void *checksum(void *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return ptj_job_fail(errno, path);
	/* read() is a cancellation point, so the descriptor needs a cleanup handler. */
	pthread_cleanup_push(close_fd, &fd);
	rc = checksum_fd(fd, path);
	pthread_cleanup_pop(1);
	return rc == 0 ? NULL : ptj_job_fail(rc, path);
}

/* The message is the file's name, if there was memory for it. */
static void complain(ptj_scheduler *s, const ptj_context *context, void *failed)
{
	(void)s;
	fprintf(stderr, "bounded: %s: %s\n", context->error_message ? context->error_message : "?",
	        ptj_strerror(context->error));
	atomic_store((atomic_int *)failed, 1);
}

int main(int argc, char **argv)
{
	atomic_int failed = 0;
	ptj_scheduler *s = NULL;
	ptj_attr *attr = NULL;
	int rc;

	if ((rc = ptj_attr_create(&attr)) == 0 && (rc = ptj_attr_set_limit(attr, LIMIT)) == 0 &&
	    (rc = ptj_attr_set_pending_limit(attr, PENDING)) == 0 &&
	    (rc = ptj_attr_set_exception_handler(attr, complain, &failed)) == 0)
		rc = ptj_scheduler_create(&s, attr);
	ptj_attr_free(attr);
	for (int i = 1; i < argc && rc == 0; i++)
		rc = ptj_spawn(s, checksum, argv[i], NULL);
	/* However long the files take, all of them are read. */
	if (rc == 0)
		rc = ptj_scheduler_wait(s, PTJ_INFINITE);
	ptj_scheduler_free(s);
	if (rc == 0 && fflush(stdout) != 0)
		rc = errno;
	if (rc != 0)
		fprintf(stderr, "bounded: %s\n", ptj_strerror(rc));
	return rc != 0 || atomic_load(&failed);
}
