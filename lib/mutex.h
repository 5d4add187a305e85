/* Locking, in terms that ThreadSanitizer follows everywhere.

   Its run-time stops seeing a thread's locks when a cancellation unwinds the thread out of a
   blocking call (github.com/google/sanitizers issue 646), and would take what the cleanup handler
   in worker.c does, under s->mu, for races.  So the order that a mutex makes is also said outright:
   its holder acquires what the one before released.  In other builds this is a plain mutex.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef MUTEX_H
#define MUTEX_H

#include <pthread.h>

#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN
#endif
#endif

#ifdef WITH_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define TSAN_ACQUIRE(addr) __tsan_acquire(addr)
#define TSAN_RELEASE(addr) __tsan_release(addr)
#else
#define TSAN_ACQUIRE(addr) ((void)(addr))
#define TSAN_RELEASE(addr) ((void)(addr))
#endif

static inline void mutex_lock(pthread_mutex_t *mu)
{
	pthread_mutex_lock(mu);
	TSAN_ACQUIRE(mu);
}

static inline void mutex_unlock(pthread_mutex_t *mu)
{
	TSAN_RELEASE(mu);
	pthread_mutex_unlock(mu);
}

#endif
