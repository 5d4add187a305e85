/* The results as tables for people: one for each row, a line for each peer.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bench_results.h"

#include <stdio.h>

/* The peers and workloads that there are, for --list. */
void table_list(const struct results *r, FILE *to);

/* What is measured, and where. */
void table_head(const struct results *r, FILE *to);

/* One row's table, and after the last what was left out. */
void table_row(const struct results *r, size_t row, FILE *to);
void table_foot(const struct results *r, FILE *to);

#endif
