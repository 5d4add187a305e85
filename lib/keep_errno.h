/* Errors come back as return values, and errno is left as the caller had it: a public function
   that calls into libc begins with KEEP_ERRNO.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef KEEP_ERRNO_H
#define KEEP_ERRNO_H

#include <errno.h>

static inline void keep_errno_restore(const int *saved)
{
	errno = *saved;
}

#define KEEP_ERRNO \
	const int saved_errno __attribute__((cleanup(keep_errno_restore), unused)) = errno

#endif
