/* Spawning a function that is known by its name.

   This is built on the interface alone, since in libptjobs.a it is an object of its own: a program
   that is linked statically and does not use it needs no dlopen(), of which the linker warns.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "keep_errno.h"

#include <dlfcn.h>
#include <pthread.h>
#include <ptjobs.h>
#include <string.h>

/* A job may be in the library until its end, and nobody is told when a straggler's comes; so the
   library stays.  Each call leaves a reference, and none counts. */
static int find(const char *library, const char *symbol, ptj_job_fn *fn)
{
	void *handle, *address;

	handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle)
		return ELIBACC;
	address = dlsym(handle, symbol);
	if (!address)
		return ENOSYS;
	memcpy(fn, &address, sizeof(address));
	return 0;
}

static void *never(void *arg)
{
	return arg;
}

/* Loading runs constructors of the library's: no lock is held.  For a scheduler that takes no job
   nothing is loaded, and ptj_spawn_attr() says why. */
int ptj_spawn_symbol(ptj_scheduler *s, const ptj_job_attr *attr, const char *library,
                     const char *symbol, void *arg, int64_t timeout_ms, ptj_job **out)
{
	KEEP_ERRNO;
	ptj_job_fn fn = never;
	int rc = 0, cancel_state;

	if (!symbol || timeout_ms < PTJ_DEFAULT)
		return EINVAL;
	if (s && !ptj_scheduler_closed(s)) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
		rc = find(library, symbol, &fn);
		pthread_setcancelstate(cancel_state, NULL);
	}
	return rc ? rc : ptj_spawn_attr(s, attr, fn, arg, timeout_ms, out);
}
