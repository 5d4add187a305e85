/* The threads of a floor.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef CREW_H
#define CREW_H

#include <stddef.h>

void crew_start(size_t n, void *(*run)(void *));
void crew_join(void);

#endif
