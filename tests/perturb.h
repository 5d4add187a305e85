/* Disturbs the schedule of the library's threads: for configure --enable-perturb, which includes
   this file before each source of lib/, and for tests only.

   A race shows when a thread is held up at a certain place, for just as long as another needs to
   get somewhere.  Machines that are quiet hold nobody up.  Here every lock, every semaphore and
   every atomic operation of the library has a point before and behind it at which the thread may
   yield, turn a few rounds or sleep, as chance has it.  None of these points is a cancellation
   point, nor touches errno.

   The functions and macros of the system are replaced by name, so lib/ has no trace of it.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_PERTURB_H
#define PTJOBS_TESTS_PERTURB_H

#include <pthread.h>
#include <semaphore.h>
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

#define BEFORE_ATOMIC(at, order) perturb()
#define BEHIND_ATOMIC(at, order) perturb()
#include "atomics.h"

#endif
