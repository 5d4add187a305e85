/* The public header compiles alone as C++, and its functions have C linkage.

   SPDX-License-Identifier: Apache-2.0 */

#include <ptjobs.h>

static void *work(void *arg)
{
	return arg;
}

int main()
{
	ptj_scheduler *scheduler = nullptr;
	ptj_job *job = nullptr;
	void *result = nullptr;

	if (ptj_scheduler_create(&scheduler, nullptr) || ptj_spawn(scheduler, work, &job, &job))
		return 1;
	if (ptj_job_wait(job, PTJ_INFINITE, &result) || result != &job)
		return 2;
	ptj_job_unref(job);
	ptj_scheduler_cleanup(&scheduler);
	return scheduler ? 3 : 0;
}
