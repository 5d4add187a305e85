/* The results as pictures: data and scripts for gnuplot, and the pictures themselves where gnuplot
   is installed.

   Each plot is NAME.gp, which draws NAME.png of NAME.dat when it is run in its folder.  NAME.dat
   has a block of "x y" lines for each peer, in the order of the script.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include "bench_results.h"

/* Makes the folder where it is missing, and in it the plots for which there are results.  Returns
   an errno value. */
int plot_write(const struct results *r, const char *folder);

#endif
