/* What is measured beside ptjobs, and which program has it.

   A program that is not there leaves its peers out.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stddef.h>

struct peer_info {
	const char *name;    /* as -p and the program know it */
	const char *program; /* in the folder of the programs */
	const char *title;
	const char *package; /* of Debian, without which the program is not built or cannot run */
	size_t share;        /* it is given one job where the others are given as many */
};

/* The first is ptjobs. */
extern const struct peer_info bench_peers[];
extern const size_t bench_peers_count;

#endif
