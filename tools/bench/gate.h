/* A gate that jobs stand still at.  Waiting at it is a cancellation point.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef GATE_H
#define GATE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The work of a job: says that it is there, and waits until the gate is opened. */
void *gate_pass(void *arg);

/* Waits until n more jobs stand at the gate. */
void gate_await(size_t n);

/* Lets all go on who were awaited. */
void gate_open(void);

#ifdef __cplusplus
}
#endif

#endif
