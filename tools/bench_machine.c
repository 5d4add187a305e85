/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void read_processor(char *buf, size_t size)
{
	FILE *info = fopen("/proc/cpuinfo", "r");
	char line[256];

	buf[0] = '\0';
	if (!info)
		return;
	while (buf[0] == '\0' && fgets(line, sizeof(line), info)) {
		char *value = strstr(line, ": ");

		if (strncmp(line, "model name", strlen("model name")) == 0 && value)
			snprintf(buf, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
	}
	fclose(info);
}

struct machine machine_describe(void)
{
	struct machine m = {
		.processors = sysconf(_SC_NPROCESSORS_ONLN),
		.memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE),
	};

	read_processor(m.processor, sizeof(m.processor));
	uname(&m.system);
	return m;
}
