/* The workloads of peer.h, for peers in C and C++.  Each runs once and writes its figures.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "peer.h"

void workload_jobs(const struct peer *peer, const struct task *task);
void workload_sleep(const struct peer *peer, const struct task *task);
void workload_handles(const struct peer *peer, const struct task *task);
void workload_roundtrip(const struct peer *peer, const struct task *task);
void workload_start(const struct peer *peer, const struct task *task);
void workload_memory(const struct peer *peer, const struct task *task);
void workload_close(const struct peer *peer, const struct task *task);
void workload_cancel(const struct peer *peer, const struct task *task);
void workload_idle(const struct peer *peer, const struct task *task);

#endif
