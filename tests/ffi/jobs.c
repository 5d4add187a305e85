/* The jobs of the tests from other languages.  Some have a gate, a stream socket: the job writes a
   byte when it gets there, and the test writes one to let it through.

   SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include <ptjobs.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void *job_give(void *arg);
EXPORTED void *job_sum(void *text);
EXPORTED void *job_fail(void *message);
EXPORTED void *job_obey(void *gate);
EXPORTED void *job_gate(void *gate);

void *job_give(void *arg)
{
	return arg;
}

/* Reads all of its argument, which must still be there. */
void *job_sum(void *text)
{
	uintptr_t sum = 0;

	for (const unsigned char *c = text; *c != 0; c++)
		sum += *c;
	return (void *)sum;
}

void *job_fail(void *message)
{
	return ptj_job_fail(EIO, message);
}

/* Gets to the gate, and ends when it is closed. */
void *job_obey(void *gate)
{
	if (write((int)(intptr_t)gate, "!", 1) != 1)
		return ptj_job_fail(EIO, NULL);
	return ptj_job_fail(ptj_sleep(PTJ_INFINITE), NULL);
}

/* Ends when it is let through the gate, closed or not.  Returns the byte. */
void *job_gate(void *gate)
{
	unsigned char byte = 0;

	if (write((int)(intptr_t)gate, "!", 1) != 1 || read((int)(intptr_t)gate, &byte, 1) != 1)
		return ptj_job_fail(EIO, NULL);
	return (void *)(uintptr_t)byte;
}
