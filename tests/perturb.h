/* Disturbs the schedule of the library's threads: for configure --enable-perturb, which includes this
   file before each source of lib/, and for tests only.

   A race shows when a thread is held up at a certain place, for just as long as another needs to get
   somewhere.  Machines that are quiet hold nobody up.  Here every lock, every semaphore and every
   atomic operation of the library has a point before and behind it at which the thread may yield,
   turn a few rounds or sleep, as chance has it.  None of these points is a cancellation point, nor
   touches errno.

   The functions and macros of the system are replaced by name, so lib/ has no trace of it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_PERTURB_H
#define PTJOBS_TESTS_PERTURB_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <urcu/wfcqueue.h>

/* A point at which the calling thread may be held up. */
void perturb(void);

/* The same, and returns rc. */
int perturb_behind(int rc);

/* What cds_wfcq_enqueue() does, with a point between its two steps. */
bool perturb_enqueue(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail,
                     struct cds_wfcq_node *node);

/* ---- Functions ------------------------------------------------------------------------------ */

#define pthread_mutex_lock(mu) (perturb(), perturb_behind(pthread_mutex_lock(mu)))
#define pthread_mutex_unlock(mu) (perturb(), perturb_behind(pthread_mutex_unlock(mu)))
#define sem_post(sem) (perturb(), perturb_behind(sem_post(sem)))
#define sem_wait(sem) (perturb(), perturb_behind(sem_wait(sem)))
#define sem_timedwait(sem, until) (perturb(), perturb_behind(sem_timedwait(sem, until)))
#define sem_clockwait(sem, clock, until) \
	(perturb(), perturb_behind(sem_clockwait(sem, clock, until)))
#define pthread_create(thread, attr, fn, arg) \
	(perturb(), perturb_behind(pthread_create(thread, attr, fn, arg)))
#define pthread_join(thread, value) (perturb(), perturb_behind(pthread_join(thread, value)))
#define pthread_cancel(thread) (perturb(), perturb_behind(pthread_cancel(thread)))
#define pthread_setcancelstate(state, old) \
	(perturb(), perturb_behind(pthread_setcancelstate(state, old)))
#define cds_wfcq_enqueue(head, tail, node) perturb_enqueue(head, tail, node)

/* ---- Atomic operations ---------------------------------------------------------------------- */

/* Those of <stdatomic.h> are macros of the compiler's, over functions that are built into it. */
#ifdef __clang__
#define PERTURB_LOAD(at, order) __c11_atomic_load(at, order)
#define PERTURB_STORE(at, value, order) __c11_atomic_store(at, value, order)
#define PERTURB_EXCHANGE(at, value, order) __c11_atomic_exchange(at, value, order)
#define PERTURB_FETCH(what, at, value, order) __c11_atomic_fetch_##what(at, value, order)
#define PERTURB_EXCHANGE_WEAK(at, expected, value, won, lost) \
	__c11_atomic_compare_exchange_weak(at, expected, value, won, lost)
#else
#define PERTURB_LOAD(at, order) __atomic_load_n(at, order)
#define PERTURB_STORE(at, value, order) __atomic_store_n(at, value, order)
#define PERTURB_EXCHANGE(at, value, order) __atomic_exchange_n(at, value, order)
#define PERTURB_FETCH(what, at, value, order) __atomic_fetch_##what(at, value, order)
#define PERTURB_EXCHANGE_WEAK(at, expected, value, won, lost) \
	__atomic_compare_exchange_n(at, expected, value, 1, won, lost)
#endif

#define PERTURB_AROUND(operation)                     \
	__extension__({                               \
		perturb();                            \
		__auto_type perturbed_ = (operation); \
		perturb();                            \
		perturbed_;                           \
	})

#undef atomic_load_explicit
#define atomic_load_explicit(at, order) PERTURB_AROUND(PERTURB_LOAD(at, order))
#undef atomic_store_explicit
#define atomic_store_explicit(at, value, order) \
	(perturb(), PERTURB_STORE(at, value, order), perturb())
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(at, value, order) \
	PERTURB_AROUND(PERTURB_EXCHANGE(at, value, order))
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit(at, expected, value, won, lost) \
	PERTURB_AROUND(PERTURB_EXCHANGE_WEAK(at, expected, value, won, lost))
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(at, value, order) \
	PERTURB_AROUND(PERTURB_FETCH(add, at, value, order))
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(at, value, order) \
	PERTURB_AROUND(PERTURB_FETCH(sub, at, value, order))
#undef atomic_fetch_or_explicit
#define atomic_fetch_or_explicit(at, value, order) \
	PERTURB_AROUND(PERTURB_FETCH(or, at, value, order))
#undef atomic_fetch_and_explicit
#define atomic_fetch_and_explicit(at, value, order) \
	PERTURB_AROUND(PERTURB_FETCH(and, at, value, order))
#undef atomic_fetch_xor_explicit
#define atomic_fetch_xor_explicit(at, value, order) \
	PERTURB_AROUND(PERTURB_FETCH(xor, at, value, order))

#undef atomic_load
#define atomic_load(at) atomic_load_explicit(at, memory_order_seq_cst)
#undef atomic_store
#define atomic_store(at, value) atomic_store_explicit(at, value, memory_order_seq_cst)
#undef atomic_compare_exchange_weak
#define atomic_compare_exchange_weak(at, expected, value)                                \
	atomic_compare_exchange_weak_explicit(at, expected, value, memory_order_seq_cst, \
	                                      memory_order_seq_cst)
#undef atomic_fetch_or
#define atomic_fetch_or(at, value) atomic_fetch_or_explicit(at, value, memory_order_seq_cst)
#undef atomic_fetch_and
#define atomic_fetch_and(at, value) atomic_fetch_and_explicit(at, value, memory_order_seq_cst)
#undef atomic_fetch_xor
#define atomic_fetch_xor(at, value) atomic_fetch_xor_explicit(at, value, memory_order_seq_cst)

#endif
