/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "hook.h"

/* What the function does to the thread's mask and name, and what a job that was unwound before has
   left of its own, is not for those who come next. */
static void call(struct worker *w, const struct hook *hook)
{
	if (!hook->fn)
		return;
	bracket_reset(&w->bracket);
	hook->fn(hook->user);
	bracket_leave();
	bracket_reset(&w->bracket);
}

void hook_start(struct worker *w)
{
	call(w, &w->s->thread_start);
}

void hook_stop(struct worker *w)
{
	call(w, &w->s->thread_stop);
}
