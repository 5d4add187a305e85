/* Has a process that ends by _exit(), as the child of a fork does, write what it has run, in a
   build for tools/coverage.

   SPDX-License-Identifier: Apache-2.0 */

#include <gcov.h>
#include <sys/syscall.h>
#include <unistd.h>

void _exit(int status)
{
	__gcov_dump();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}
