/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "terms.h"

#include "keep_errno.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- Floating point ---------------------------------------------------------------------------

   On x86 two units have an environment each.  The C library's functions save and load all of the
   older one, which takes as long as an empty job; what may have changed is three registers. */

#if defined(__x86_64__)

enum { RAISED = 0x3f }; /* the exceptions, in the status of both units */

static uint16_t x87_control(void)
{
	uint16_t control;

	__asm__ volatile("fnstcw %0" : "=m"(control));
	return control;
}

static uint16_t x87_status(void)
{
	uint16_t status;

	__asm__ volatile("fnstsw %0" : "=a"(status));
	return status;
}

static void take_fp(struct terms *t)
{
	t->mxcsr = __builtin_ia32_stmxcsr() & ~(uint32_t)RAISED;
	t->x87 = x87_control();
}

static void put_fp(const struct terms *t)
{
	if (__builtin_ia32_stmxcsr() != t->mxcsr)
		__builtin_ia32_ldmxcsr(t->mxcsr);
	if (x87_status() & RAISED)
		__asm__ volatile("fnclex");
	if (x87_control() != t->x87)
		__asm__ volatile("fldcw %0" : : "m"(t->x87));
}

#else

static void take_fp(struct terms *t)
{
	fenv_t whole;

	fegetenv(&whole);
	feclearexcept(FE_ALL_EXCEPT);
	fegetenv(&t->fp);
	fesetenv(&whole);
}

static void put_fp(const struct terms *t)
{
	fesetenv(&t->fp);
}

#endif

/* ---- Processors and scheduling --------------------------------------------------------------- */

/* Both of a thread, or the calling one if it is 0. */
static void take_processors(pid_t thread, cpu_set_t *set)
{
	if (sched_getaffinity(thread, sizeof(*set), set))
		CPU_ZERO(set);
}

static void take_scheduling(pid_t thread, struct scheduling *s)
{
	struct sched_param param;

	s->policy = sched_getscheduler(thread);
	s->priority = 0;
	if (s->policy != SCHED_OTHER && sched_getparam(thread, &param) == 0)
		s->priority = param.sched_priority;
	s->nice = getpriority(PRIO_PROCESS, (id_t)thread);
}

static bool is_same(const struct scheduling *a, const struct scheduling *b)
{
	return a->policy == b->policy && a->priority == b->priority && a->nice == b->nice;
}

/* What cannot be set, as where a cpuset has changed, stays as it is. */
static void put_processors(struct terms *t, pid_t witness)
{
	cpu_set_t now, first, other;

	take_processors(0, &now);
	if (CPU_EQUAL(&now, &t->processors))
		return;
	take_processors(getpid(), &first);
	take_processors(witness, &other);
	if (CPU_EQUAL(&now, &first) && CPU_EQUAL(&now, &other) &&
	    !CPU_EQUAL(&first, &t->first_processors))
		t->first_processors = first;
	else if (sched_setaffinity(0, sizeof(now), &t->processors) == 0)
		return;
	t->processors = now;
}

static bool set_scheduling(const struct scheduling *from, const struct scheduling *to)
{
	struct sched_param param = {.sched_priority = to->priority};

	if ((from->policy != to->policy || from->priority != to->priority) &&
	    sched_setscheduler(0, to->policy, &param))
		return false;
	return from->nice == to->nice || setpriority(PRIO_PROCESS, 0, to->nice) == 0;
}

static bool put_scheduling(struct terms *t, pid_t witness)
{
	struct scheduling now, first, other;

	take_scheduling(0, &now);
	if (is_same(&now, &t->scheduling))
		return true;
	take_scheduling(getpid(), &first);
	take_scheduling(witness, &other);
	if (!is_same(&now, &first) || !is_same(&now, &other) ||
	    is_same(&first, &t->first_scheduling))
		return set_scheduling(&now, &t->scheduling);
	t->first_scheduling = first;
	t->scheduling = now;
	return true;
}

/* ---- All of them ----------------------------------------------------------------------------- */

void terms_take(struct terms *t)
{
	KEEP_ERRNO;

	t->locale = uselocale(NULL);
	take_fp(t);
	take_processors(0, &t->processors);
	take_scheduling(0, &t->scheduling);
	take_processors(getpid(), &t->first_processors);
	take_scheduling(getpid(), &t->first_scheduling);
}

void terms_put_quick(const struct terms *t)
{
	if (uselocale(NULL) != t->locale)
		uselocale(t->locale);
	put_fp(t);
}

bool terms_put_scheduling(struct terms *t)
{
	put_processors(t, 0);
	return put_scheduling(t, 0);
}

bool terms_put_inherited(struct terms *t, pid_t witness)
{
	/* What the first thread has by now is no change then. */
	if (witness == 0) {
		take_processors(getpid(), &t->first_processors);
		take_scheduling(getpid(), &t->first_scheduling);
	}
	put_processors(t, witness);
	return put_scheduling(t, witness);
}
