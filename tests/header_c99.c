/* The public header compiles alone as C99, and as C11.

   SPDX-License-Identifier: Apache-2.0 */

#include <ptjobs.h>

static ptj_context context;

static void *work(void *arg)
{
	return arg;
}

int main(void)
{
	ptj_job_fn fn = work;
	int64_t infinite = PTJ_INFINITE;

	return fn(&context) == &context && infinite == -1 && ptj_version() ? 0 : 1;
}
