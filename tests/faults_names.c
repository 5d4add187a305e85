/* What the kinds of faults are called in reports.

   SPDX-License-Identifier: Apache-2.0 */

#include "faults.h"

const char *const fault_names[FAULTS] = {
	[NO_MEMORY] = "memory",   [NO_THREAD] = "thread",   [NO_DESCRIPTOR] = "descriptor",
	[NO_OBJECT] = "object",   [NO_CLOCK] = "clock",     [NO_UNMAPPING] = "unmapping",
	[NO_LIBRARY] = "library", [NO_ANSWER] = "answer",   [NO_READING] = "reading",
	[NO_WRITING] = "writing", [INTERRUPTED] = "signal",
};

const char *const fault_length_names[] = {[FAULT_ONCE] = "once",
                                          [FAULT_FOR_EVER] = "from then on",
                                          [FAULT_IN_A_BURST] = "some times"};
