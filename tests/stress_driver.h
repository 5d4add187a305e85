/* A driver: a thread of the program that does to schedulers whatever can be done to them.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_DRIVER_H
#define PTJOBS_TESTS_STRESS_DRIVER_H

#include "stress_venue.h"

struct driver {
	pthread_t thread;
	struct slot *slots;
	unsigned slots_n;
	int actions;
	uint64_t random;
};

void *driver_main(void *driver);

#endif
