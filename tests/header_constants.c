/* ptj_constant() knows every constant of the header: tests/header_constants.inc names them all, and
   is made from it.

   SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <stdio.h>

#include <ptjobs.h>

static const struct {
	const char *name;
	int64_t value;
} constants[] = {
#define CONSTANT(name) {#name, name},
#include "tests/header_constants.inc"
};

int main(void)
{
	size_t n = sizeof(constants) / sizeof(constants[0]), i;
	int bad = 0, rc;

	for (i = 0; i < n; i++) {
		int64_t value = 0;

		rc = ptj_constant(constants[i].name, &value);
		if (rc == 0 && value == constants[i].value)
			continue;
		printf("%s is %" PRId64 "; ptj_constant() returns %d and stores %" PRId64 "\n",
		       constants[i].name, constants[i].value, rc, value);
		bad = 1;
	}
	return bad;
}
