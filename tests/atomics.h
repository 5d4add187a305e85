/* Puts something before and behind each atomic operation of what is compiled after it, for
   tests/perturb.h and tests/helgrind.h.  Whoever includes this file has defined two statements:

	BEFORE_ATOMIC(at, order)
	BEHIND_ATOMIC(at, order)

   where at is the address, and order the one that the operation has; of a compare-and-swap, that
   for its success.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_ATOMICS_H
#define PTJOBS_TESTS_ATOMICS_H

#include <stdatomic.h>

/* Those of <stdatomic.h> are macros of the compiler's, over functions that are built into it. */
#ifdef __clang__
#define PLAIN_LOAD(at, order) __c11_atomic_load(at, order)
#define PLAIN_STORE(at, value, order) __c11_atomic_store(at, value, order)
#define PLAIN_EXCHANGE(at, value, order) __c11_atomic_exchange(at, value, order)
#define PLAIN_FETCH(what, at, value, order) __c11_atomic_fetch_##what(at, value, order)
#define PLAIN_EXCHANGE_WEAK(at, expected, value, won, lost) \
	__c11_atomic_compare_exchange_weak(at, expected, value, won, lost)
#else
#define PLAIN_LOAD(at, order) __atomic_load_n(at, order)
#define PLAIN_STORE(at, value, order) __atomic_store_n(at, value, order)
#define PLAIN_EXCHANGE(at, value, order) __atomic_exchange_n(at, value, order)
#define PLAIN_FETCH(what, at, value, order) __atomic_fetch_##what(at, value, order)
#define PLAIN_EXCHANGE_WEAK(at, expected, value, won, lost) \
	__atomic_compare_exchange_n(at, expected, value, 1, won, lost)
#endif

/* operation is one on at_, and has a value. */
#define AROUND_ATOMIC(at, order, operation)        \
	__extension__({                            \
		__auto_type at_ = (at);            \
		BEFORE_ATOMIC(at_, order);         \
		__auto_type around_ = (operation); \
		BEHIND_ATOMIC(at_, order);         \
		around_;                           \
	})

#undef atomic_load_explicit
#define atomic_load_explicit(at, order) AROUND_ATOMIC(at, order, PLAIN_LOAD(at_, order))
#undef atomic_store_explicit
#define atomic_store_explicit(at, value, order) \
	((void)AROUND_ATOMIC(at, order, (PLAIN_STORE(at_, value, order), 0)))
#undef atomic_exchange_explicit
#define atomic_exchange_explicit(at, value, order) \
	AROUND_ATOMIC(at, order, PLAIN_EXCHANGE(at_, value, order))
#undef atomic_compare_exchange_weak_explicit
#define atomic_compare_exchange_weak_explicit(at, expected, value, won, lost) \
	AROUND_ATOMIC(at, won, PLAIN_EXCHANGE_WEAK(at_, expected, value, won, lost))
#undef atomic_fetch_add_explicit
#define atomic_fetch_add_explicit(at, value, order) \
	AROUND_ATOMIC(at, order, PLAIN_FETCH(add, at_, value, order))
#undef atomic_fetch_sub_explicit
#define atomic_fetch_sub_explicit(at, value, order) \
	AROUND_ATOMIC(at, order, PLAIN_FETCH(sub, at_, value, order))
#undef atomic_fetch_or_explicit
#define atomic_fetch_or_explicit(at, value, order) \
	AROUND_ATOMIC(at, order, PLAIN_FETCH(or, at_, value, order))
#undef atomic_fetch_and_explicit
#define atomic_fetch_and_explicit(at, value, order) \
	AROUND_ATOMIC(at, order, PLAIN_FETCH(and, at_, value, order))
#undef atomic_fetch_xor_explicit
#define atomic_fetch_xor_explicit(at, value, order) \
	AROUND_ATOMIC(at, order, PLAIN_FETCH(xor, at_, value, order))

#undef atomic_load
#define atomic_load(at) atomic_load_explicit(at, memory_order_seq_cst)
#undef atomic_store
#define atomic_store(at, value) atomic_store_explicit(at, value, memory_order_seq_cst)
#undef atomic_exchange
#define atomic_exchange(at, value) atomic_exchange_explicit(at, value, memory_order_seq_cst)
#undef atomic_compare_exchange_weak
#define atomic_compare_exchange_weak(at, expected, value)                                \
	atomic_compare_exchange_weak_explicit(at, expected, value, memory_order_seq_cst, \
	                                      memory_order_seq_cst)
#undef atomic_fetch_add
#define atomic_fetch_add(at, value) atomic_fetch_add_explicit(at, value, memory_order_seq_cst)
#undef atomic_fetch_sub
#define atomic_fetch_sub(at, value) atomic_fetch_sub_explicit(at, value, memory_order_seq_cst)
#undef atomic_fetch_or
#define atomic_fetch_or(at, value) atomic_fetch_or_explicit(at, value, memory_order_seq_cst)
#undef atomic_fetch_and
#define atomic_fetch_and(at, value) atomic_fetch_and_explicit(at, value, memory_order_seq_cst)
#undef atomic_fetch_xor
#define atomic_fetch_xor(at, value) atomic_fetch_xor_explicit(at, value, memory_order_seq_cst)

#endif
