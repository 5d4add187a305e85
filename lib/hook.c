/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "hook.h"

/* What the function does to the thread's mask and name is not for those who come next; the terms
   that it sets are those of the thread's jobs. */
void hook_start(struct worker *w)
{
	const struct hook *hook = &w->s->thread_start;

	if (!hook->fn)
		return;
	bracket_reset(&w->bracket);
	hook->fn(hook->user);
	bracket_adopt(&w->bracket);
	bracket_reset(&w->bracket);
}

/* Nor is what a job that was unwound before has left of its own. */
void hook_stop(struct worker *w)
{
	const struct hook *hook = &w->s->thread_stop;

	if (!hook->fn)
		return;
	bracket_reset(&w->bracket);
	hook->fn(hook->user);
	bracket_leave(&w->bracket);
	bracket_reset(&w->bracket);
}
