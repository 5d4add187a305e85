/* `ptjobs bench`: ptjobs beside other pools, in one run.

   Each measurement is a process of its own: one of the programs of tools/bench/, whose protocol
   stands in tools/bench/peer.h.  For each row of the table, which is a workload with its numbers,
   the peers take turns, A B C A B C, so that whatever else the machine does meets all of them.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_H
#define BENCH_H

/* The subcommand; returns the exit status. */
int bench_main(int argc, char **argv);

#endif
