/* What tests/test_symbol.c loads.

   SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))

/* The test's. */
void plugin_loads(void);

EXPORTED void *plugin_double(void *n);

__attribute__((constructor)) static void load(void)
{
	plugin_loads();
}

void *plugin_double(void *n)
{
	return (void *)(2 * (intptr_t)n);
}
