/* OpenMP tasks, with gcc those of libgomp.  Tasks are made by threads of the team, so the producers
   are of the team, too, and help once they have made all theirs.  libgomp runs a task at once in
   place of queueing it when there are 64 for each thread.

   SPDX-License-Identifier: Apache-2.0 */

#include "peer.h"

#include <omp.h>
#include <stdio.h>

static const char *version(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "OpenMP %d, compiler %s", _OPENMP, __VERSION__);
	return text;
}

static void run_all(const struct task *task, work_fn work, void *arg)
{
	const size_t producers = task->producers, jobs = task->jobs;

	omp_set_dynamic(0);
#pragma omp parallel num_threads((int)(producers + task->workers))
	{
		size_t me = (size_t)omp_get_thread_num();

		if (me < producers) {
			size_t mine = jobs / producers + (me < jobs % producers);

			for (size_t i = 0; i < mine; i++) {
#pragma omp task
				work(arg);
			}
		}
	}
}

static const struct peer gomp = {
	.name = "gomp",
	.version = version,
	.abilities = CAN_JOBS,
	.run_all = run_all,
};

const struct peer *const peers[] = {&gomp, NULL};
