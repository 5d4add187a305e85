/* Replays what the fuzzer has found to be of interest, without libFuzzer: each file in the folder
   that is named, once.

   SPDX-License-Identifier: Apache-2.0 */

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In a block of its very size, so that a sanitizer or valgrind sees a read beyond it. */
static int replay(int folder, const char *name)
{
	static uint8_t text[65536];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	uint8_t *exact;

	if (fd >= 0)
		close(fd);
	if (n < 0 || !(exact = malloc((size_t)n + 1)))
		return -1;
	for (ssize_t i = 0; i < n; i++)
		exact[1 + i] = text[i];
	LLVMFuzzerTestOneInput(exact + 1, (size_t)n);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : CORPUS;
	DIR *folder = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!folder) {
		perror(path);
		return EXIT_FAILURE;
	}
	while ((e = readdir(folder))) {
		if (e->d_name[0] == '.')
			continue;
		if (replay(dirfd(folder), e->d_name)) {
			perror(e->d_name);
			return EXIT_FAILURE;
		}
		n++;
	}
	closedir(folder);
	printf("%d files\n", n);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
