/* What a program that is linked with faults_program.c tells about its run.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_FAULTS_PROGRAM_H
#define PTJOBS_TESTS_FAULTS_PROGRAM_H

#include "faults.h"

struct fault_account {
	int hits; /* calls that failed */
	/* Of each kind that was armed; without FAULT_KIND all are, and none fails. */
	int calls[FAULTS];
};

#endif
