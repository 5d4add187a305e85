/* SPDX-License-Identifier: Apache-2.0 */

#include "crew.h"
#include "peer.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_t *threads;
static size_t count;

void crew_start(size_t n, void *(*run)(void *))
{
	threads = calloc(n, sizeof(*threads));
	if (!threads)
		peer_fail("there is no memory for the threads");
	for (; count < n; count++) {
		if (pthread_create(&threads[count], NULL, run, NULL))
			peer_fail("there is no thread for a worker");
	}
}

void crew_join(void)
{
	while (count)
		pthread_join(threads[--count], NULL);
	free(threads);
}
