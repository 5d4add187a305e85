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

/* Around what stands before calls with --wrap: a sanitizer's run-time makes such calls, too, and
   some before it can stand code that it looks after. */
#if defined(__clang__) && defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define PRAGMA(text) _Pragma(#text)
#define UNINSTRUMENTED_BEGIN                                                            \
	PRAGMA(clang attribute push(__attribute__((disable_sanitizer_instrumentation)), \
	                            apply_to = function))
#define UNINSTRUMENTED_END _Pragma("clang attribute pop")
#endif
#endif
#ifndef UNINSTRUMENTED_BEGIN
#define UNINSTRUMENTED_BEGIN
#define UNINSTRUMENTED_END
#endif

#endif
