/* SPDX-License-Identifier: Apache-2.0 */

#include "meter.h"
#include "peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t meter_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

struct meter meter_read(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (struct meter){
		.wall_ns = clock_ns(CLOCK_MONOTONIC),
		.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID),
		.voluntary = used.ru_nvcsw,
		.involuntary = used.ru_nivcsw,
	};
}

void meter_report(const struct meter *before, const struct meter *after)
{
	printf("wall_ns %" PRId64 "\n", after->wall_ns - before->wall_ns);
	printf("cpu_ns %" PRId64 "\n", after->cpu_ns - before->cpu_ns);
	printf("voluntary %" PRId64 "\n", after->voluntary - before->voluntary);
	printf("involuntary %" PRId64 "\n", after->involuntary - before->involuntary);
}

void meter_report_latencies(const int64_t *ns, size_t n)
{
	fputs("latency_ns", stdout);
	for (size_t i = 0; i < n; i++)
		printf(" %" PRId64, ns[i]);
	putchar('\n');
}

size_t meter_memory(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	size_t kilobytes = 0;
	char line[256];

	if (!status)
		peer_fail("/proc/self/status cannot be read");
	while (fgets(line, sizeof(line), status)) {
		if (sscanf(line, "RssAnon: %zu kB", &kilobytes) == 1)
			break;
	}
	fclose(status);
	return kilobytes * 1024;
}
