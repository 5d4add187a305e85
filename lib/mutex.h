/* Locking, in terms that ThreadSanitizer follows everywhere.

   Its run-time stops seeing a thread's locks and atomics when a cancellation unwinds the thread out
   of a blocking call (github.com/google/sanitizers issue 646), and would take what the cleanup
   handler in worker.c does, under s->mu, for races.  So the order that a mutex makes is also said
   outright: its holder acquires what the one before released.  In other builds this is a plain
   mutex.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef MUTEX_H
#define MUTEX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

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

/* What clang's thread safety analysis is told in a copy of these files that tools/check-locks
   makes; in a build these are nothing.  There, each function whose name ends in _locked has
   NEEDS(a_monitor), if it has nothing else, and each field whose comment says so is
   GUARDED_BY(). */
#ifdef CHECK_LOCKS
#define LOCK_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define LOCK_ATTRIBUTE(attribute)
#endif
#define IS_A_LOCK LOCK_ATTRIBUTE(capability("mutex"))
#define ACQUIRES(lock) LOCK_ATTRIBUTE(acquire_capability(lock))
#define RELEASES(lock) LOCK_ATTRIBUTE(release_capability(lock))
#define MAY_ACQUIRE(lock) LOCK_ATTRIBUTE(try_acquire_capability(true, lock))
#define ASSUMES(lock) LOCK_ATTRIBUTE(assert_capability(lock))
#define NEEDS(lock) LOCK_ATTRIBUTE(requires_capability(lock))
#define GUARDED_BY(lock) LOCK_ATTRIBUTE(guarded_by(lock))

/* For a function that has its objects to itself, or that is a lock's own. */
#define LOCKS_UNCHECKED LOCK_ATTRIBUTE(no_thread_safety_analysis)

/* Stands for whichever mutex the calling thread holds, or monitor; there are no such objects. */
struct IS_A_LOCK lock;
extern struct lock a_mutex, a_monitor;

/* Makes a mutex that many threads want for very short times: who finds it taken tries for a moment
   before it sleeps.  In three interleaved runs that was 5.7 against 3.8 million empty jobs a
   second.  Where it cannot be of that kind it is an ordinary one.  False: there can be none. */
static inline bool mutex_init_busy(pthread_mutex_t *mu)
{
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
	pthread_mutexattr_t attr;
	int rc;

	if (pthread_mutexattr_init(&attr))
		return pthread_mutex_init(mu, NULL) == 0;
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	rc = pthread_mutex_init(mu, &attr);
	pthread_mutexattr_destroy(&attr);
	return rc == 0;
#else
	return pthread_mutex_init(mu, NULL) == 0;
#endif
}

static inline void mutex_lock(pthread_mutex_t *mu) ACQUIRES(a_mutex) LOCKS_UNCHECKED
{
	pthread_mutex_lock(mu);
	TSAN_ACQUIRE(mu);
}

static inline void mutex_unlock(pthread_mutex_t *mu) RELEASES(a_mutex) LOCKS_UNCHECKED
{
	TSAN_RELEASE(mu);
	pthread_mutex_unlock(mu);
}

#endif
