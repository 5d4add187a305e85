/* Whether a sanitizer is in the program: it needs memory and address space that a test may not take
   from it, and makes threads dear.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_SANITIZERS_H
#define PTJOBS_TESTS_SANITIZERS_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
