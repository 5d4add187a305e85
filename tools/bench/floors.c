/* SPDX-License-Identifier: Apache-2.0 */

#include "floors.h"

const struct peer *const peers[] = {
	&floor_list, &floor_wfcq, &floor_ring, &floor_threads, &floor_futex, NULL,
};
