/* SPDX-License-Identifier: Apache-2.0 */

#include "peer.h"

#include <stdio.h>
#include <stdlib.h>

void peer_fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(EXIT_FAILURE);
}
