/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "keep_errno.h"

void keep_errno_restore(const int *saved)
{
	errno = *saved;
}
