/* What a job is made from: gathered, and its memory had, before s->mu is taken and a place for
   the job is looked for.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef BLUEPRINT_H
#define BLUEPRINT_H

#include "scheduler.h"

struct blueprint {
	ptj_job_fn fn;
	void *arg;
	uint32_t flags;
	struct job_extra *extra;
	ptj_completions *completions; /* borrowed of the attributes; NULL: none */
};

/* Fills in b for a spawn on s, with the caller's stack in debug mode.  ENOMEM; EINVAL and
   ENOTRECOVERABLE for a completion queue that was freed, or came over a fork. */
int blueprint_init(struct blueprint *b, struct ptj_scheduler *s, const ptj_job_attr *attr,
                   ptj_job_fn fn, void *arg);

/* Releases what a blueprint that was not used holds. */
void blueprint_discard(struct blueprint *b);

/* Makes a free slot the job, in that phase and in no list, with that many references, and one more
   for its completion queue; b is used up. */
void blueprint_build(struct blueprint *b, ptj_job *slot, uint64_t id, uint32_t phase,
                     uint32_t refs);

#endif
