/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "ring.h"

#include <stdlib.h>

bool ring_init(struct ring *r, size_t jobs)
{
	r->size = 1;
	while (r->size < jobs)
		r->size *= 2;
	r->slots = malloc(r->size * sizeof(r->slots[0]));
	atomic_init(&r->head, 0);
	atomic_init(&r->seen, 0);
	atomic_init(&r->tail, 0);
	r->end = r->size;
	return r->slots;
}

void ring_destroy(struct ring *r)
{
	free(r->slots);
}

size_t ring_count(const struct ring *r)
{
	uint64_t head = atomic_load(&r->head);
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	return tail > head ? (size_t)(tail - head) : 0;
}
