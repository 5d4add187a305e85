/* Variables that each thread has a copy of.

   In a library that is loaded by dlopen() their memory comes, unless one says otherwise, when a
   thread first touches one of them; and where there is none to be had then, the C library ends the
   process.  With the initial-exec model it is part of what a thread is born with: pthread_create()
   fails instead.  What a library may have of it is little, since it comes out of a reserve that all
   loaded libraries share (512 bytes in glibc): pointers and counts, and nothing larger.
   Checked by tests/test_tls.c.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PER_THREAD_H
#define PER_THREAD_H

#define PER_THREAD _Thread_local __attribute__((tls_model("initial-exec")))

#endif
