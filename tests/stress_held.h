/* How much memory the whole program holds: blocks of malloc()'s, and bytes of mappings.  For a
   program that is linked with the library's objects and with --wrap; what the system's own
   libraries allocate for themselves is not counted.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_STRESS_HELD_H
#define PTJOBS_TESTS_STRESS_HELD_H

long held_blocks(void);
long held_mapped(void);

/* Threads and descriptors of the process. */
int held_threads(void);
int held_descriptors(void);

#endif
