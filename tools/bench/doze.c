/* SPDX-License-Identifier: Apache-2.0 */

#include "doze.h"

#include <pthread.h>
#include <stdatomic.h>

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static unsigned wakes;                                 /* guarded by mu: sleepers that may go on */
static bool ended;                                     /* guarded by mu */
static atomic_uint idle;                               /* changed under mu, read without */
static atomic_bool waking;                             /* a sleeper is under way */
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER; /* wakes > 0 or ended */

void doze_wake_one(void)
{
	atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in doze() */
	if (atomic_load_explicit(&idle, memory_order_relaxed) == 0)
		return;
	if (atomic_load_explicit(&waking, memory_order_relaxed) ||
	    atomic_exchange_explicit(&waking, true, memory_order_seq_cst))
		return;
	pthread_mutex_lock(&mu);
	if (atomic_load_explicit(&idle, memory_order_relaxed) > wakes) {
		wakes++;
		pthread_cond_signal(&wake);
	} else {
		atomic_store_explicit(&waking, false, memory_order_seq_cst);
	}
	pthread_mutex_unlock(&mu);
}

bool doze(bool (*ready)(void))
{
	bool more;

	pthread_mutex_lock(&mu);
	atomic_fetch_add_explicit(&idle, 1, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in doze_wake_one() */
	while (!ready() && wakes == 0 && !ended)
		pthread_cond_wait(&wake, &mu);
	atomic_fetch_sub_explicit(&idle, 1, memory_order_seq_cst);
	if (wakes) {
		wakes--;
		atomic_store_explicit(&waking, false, memory_order_seq_cst);
	}
	more = !ended || ready();
	pthread_mutex_unlock(&mu);
	return more;
}

void doze_end(void)
{
	pthread_mutex_lock(&mu);
	ended = true;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&mu);
}
