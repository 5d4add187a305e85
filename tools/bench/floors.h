/* What a pool could at best do, in plain C: as little as passes a job to another thread, without
   handles, states or accounts.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef FLOORS_H
#define FLOORS_H

#include "peer.h"

extern const struct peer floor_list, floor_wfcq, floor_ring, floor_threads, floor_futex;

#endif
