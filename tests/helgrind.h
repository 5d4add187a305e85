/* Tells valgrind's Helgrind of the order that it does not see: for configure --enable-helgrind,
   which includes this file before each source, and for tests only.

   Helgrind 3.19 knows POSIX' mutexes, conditions, semaphores and threads, but no atomic operation.
   Here each says what it makes: who releases sends, and who acquires receives what was sent there
   before; a relaxed one says nothing.  The memory that is atomic is not checked, and all that is
   ordered by it is.  liburcu's queue is told in the same way.  What Helgrind leaves out of POSIX,
   or loses sight of, is told in its own terms.

   The functions and macros of the system are replaced by name, so no source has a trace of it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_HELGRIND_H
#define PTJOBS_TESTS_HELGRIND_H

#ifndef __cplusplus /* there a header is checked only */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <urcu/wfcqueue.h>
#include <valgrind/helgrind.h>

/* ---- Atomic operations ---------------------------------------------------------------------- */

static inline void helgrind_before(uintptr_t at, size_t size, memory_order order)
{
	VALGRIND_HG_DISABLE_CHECKING(at, size);
	if (order == memory_order_release || order >= memory_order_acq_rel)
		ANNOTATE_HAPPENS_BEFORE(at);
}

static inline void helgrind_behind(uintptr_t at, memory_order order)
{
	if (order == memory_order_acquire || order >= memory_order_acq_rel)
		ANNOTATE_HAPPENS_AFTER(at);
}

#define BEFORE_ATOMIC(at, order) helgrind_before((uintptr_t)(at), sizeof(*(at)), order)
#define BEHIND_ATOMIC(at, order) helgrind_behind((uintptr_t)(at), order)
#include "atomics.h"

/* ---- liburcu's queue ------------------------------------------------------------------------ */

static inline void helgrind_node_init(struct cds_wfcq_node *node)
{
	VALGRIND_HG_DISABLE_CHECKING(node, sizeof(*node));
	cds_wfcq_node_init(node);
}

static inline void helgrind_queue_init(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail)
{
	VALGRIND_HG_DISABLE_CHECKING(head, sizeof(*head));
	VALGRIND_HG_DISABLE_CHECKING(tail, sizeof(*tail));
	__cds_wfcq_init(head, tail);
}

static inline bool helgrind_enqueue(struct __cds_wfcq_head *head, struct cds_wfcq_tail *tail,
                                    struct cds_wfcq_node *node)
{
	ANNOTATE_HAPPENS_BEFORE(tail);
	return cds_wfcq_enqueue(head, tail, node);
}

static inline struct cds_wfcq_node *helgrind_dequeue(struct __cds_wfcq_head *head,
                                                     struct cds_wfcq_tail *tail, int *state)
{
	struct cds_wfcq_node *node = __cds_wfcq_dequeue_with_state_nonblocking(head, tail, state);

	ANNOTATE_HAPPENS_AFTER(tail);
	return node;
}

#define cds_wfcq_node_init(node) helgrind_node_init(node)
#define __cds_wfcq_init(head, tail) helgrind_queue_init(head, tail)
#define cds_wfcq_enqueue(head, tail, node) helgrind_enqueue(head, tail, node)
#define __cds_wfcq_dequeue_with_state_nonblocking(head, tail, state) \
	helgrind_dequeue(head, tail, state)

/* ---- POSIX ---------------------------------------------------------------------------------- */

/* Helgrind itself looks at a mutex that is destroyed, whose last holder may be in its unlock. */
static inline int helgrind_mutex_destroy(pthread_mutex_t *mu)
{
	int rc;

	VALGRIND_HG_DISABLE_CHECKING(mu, sizeof(*mu));
	rc = pthread_mutex_destroy(mu);
	VALGRIND_HG_ENABLE_CHECKING(mu, sizeof(*mu));
	return rc;
}

/* How many threads are within sem_post(). */
extern __attribute__((weak, visibility("hidden"))) int helgrind_posts;
__attribute__((weak, visibility("hidden"))) int helgrind_posts;

static inline void helgrind_count_posts(int n)
{
	VALGRIND_HG_DISABLE_CHECKING(&helgrind_posts, sizeof(helgrind_posts));
	__atomic_fetch_add(&helgrind_posts, n, __ATOMIC_SEQ_CST);
}

/* What a semaphore is made of is glibc's business; Helgrind takes the order from the calls. */
static inline int helgrind_sem_init(sem_t *sem, int shared, unsigned value)
{
	VALGRIND_HG_DISABLE_CHECKING(sem, sizeof(*sem));
	return sem_init(sem, shared, value);
}

static inline int helgrind_sem_post(sem_t *sem)
{
	int rc;

	helgrind_count_posts(1);
	rc = sem_post(sem);
	helgrind_count_posts(-1);
	return rc;
}

/* Its memory is used for something else from now on.  Who has posted it, and let its owner go on,
   still calls the kernel to wake somebody at that address, which to Helgrind is a read.  In the
   child of a fork he may never end. */
static inline int helgrind_sem_destroy(sem_t *sem)
{
	int rc = sem_destroy(sem), n;

	for (n = 0; n < 1000 && __atomic_load_n(&helgrind_posts, __ATOMIC_SEQ_CST) > 0; n++)
		sched_yield();
	VALGRIND_HG_ENABLE_CHECKING(sem, sizeof(*sem));
	return rc;
}

/* Those that wait for a time, which it does not know. */
static inline int helgrind_sem_waited(sem_t *sem, int rc)
{
	if (rc == 0)
		VALGRIND_HG_SEM_WAIT_POST(sem);
	return rc;
}

/* Threads.  Helgrind looks at who was joined when the join is over, and another thread may have his
   name by then.  So the end of a thread is sent by name, and received by who joins it. */
struct helgrind_start {
	void *(*fn)(void *arg);
	void *arg;
};

static inline void helgrind_ends(void *unused)
{
	(void)unused;
	ANNOTATE_HAPPENS_BEFORE(pthread_self());
}

static inline void *helgrind_thread(void *start)
{
	struct helgrind_start s = *(struct helgrind_start *)start;
	void *value;

	free(start);
	pthread_cleanup_push(helgrind_ends, NULL);
	value = s.fn(s.arg);
	pthread_cleanup_pop(1);
	return value;
}

static inline int helgrind_create(pthread_t *thread, const pthread_attr_t *attr,
                                  void *(*fn)(void *arg), void *arg)
{
	struct helgrind_start *start = malloc(sizeof(*start));
	int rc;

	if (!start)
		return EAGAIN;
	*start = (struct helgrind_start){fn, arg};
	rc = pthread_create(thread, attr, helgrind_thread, start);
	if (rc)
		free(start);
	return rc;
}

static inline int helgrind_joined(pthread_t thread, int rc)
{
	if (rc == 0)
		ANNOTATE_HAPPENS_AFTER(thread);
	return rc;
}

struct helgrind_wait {
	pthread_cond_t *cond;
	pthread_mutex_t *mu;
};

/* A cancellation leaves the wait with the mutex locked, behind Helgrind's back. */
static inline void helgrind_left(void *wait)
{
	struct helgrind_wait *w = wait;

	VALGRIND_HG_MUTEX_LOCK_POST(w->mu);
	VALGRIND_DO_CLIENT_REQUEST_STMT(_VG_USERREQ__HG_PTHREAD_COND_WAIT_POST, w->cond, w->mu, 1,
	                                1, 0);
}

static inline int helgrind_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mu)
{
	struct helgrind_wait wait = {cond, mu};
	int rc;

	pthread_cleanup_push(helgrind_left, &wait);
	rc = pthread_cond_wait(cond, mu);
	pthread_cleanup_pop(0);
	return rc;
}

#define pthread_mutex_destroy(mu) helgrind_mutex_destroy(mu)
#ifndef sem_init /* an example whose calls fail has a name for it */
#define sem_init(sem, shared, value) helgrind_sem_init(sem, shared, value)
#endif
#define sem_destroy(sem) helgrind_sem_destroy(sem)
#define sem_post(sem) helgrind_sem_post(sem)
#define sem_timedwait(sem, until) helgrind_sem_waited(sem, sem_timedwait(sem, until))
#define sem_clockwait(sem, clock, until) helgrind_sem_waited(sem, sem_clockwait(sem, clock, until))
#define pthread_create(thread, attr, fn, arg) helgrind_create(thread, attr, fn, arg)
/* It knows this one by its own name only. */
#define pthread_join(thread, value) pthread_clockjoin_np(thread, value, CLOCK_MONOTONIC, NULL)
#define pthread_tryjoin_np(thread, value) helgrind_joined(thread, pthread_tryjoin_np(thread, value))
#define pthread_clockjoin_np(thread, value, clock, until) \
	helgrind_joined(thread, pthread_clockjoin_np(thread, value, clock, until))
#define pthread_timedjoin_np(thread, value, until) \
	helgrind_joined(thread, pthread_timedjoin_np(thread, value, until))
#define pthread_cond_wait(cond, mu) helgrind_cond_wait(cond, mu)

#endif
#endif
