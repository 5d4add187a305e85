/* What a preprocessor or a man page would tell: error texts, the version, constants by name.

   SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include <errno.h>
#include <ptjobs.h>
#include <string.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* The C locale's texts, which are constants: strerror() may use a buffer of the thread's. */
const char *ptj_strerror(int code)
{
	const char *text;

	if (code == PTJ_EFAILED)
		return "Job failed";
	text = strerrordesc_np(code);
	return text ? text : "Unknown error";
}

const char *ptj_version(void)
{
	return TEXT(PTJ_VERSION_MAJOR) "." TEXT(PTJ_VERSION_MINOR) "." TEXT(PTJ_VERSION_PATCH);
}

int ptj_constant(const char *name, int64_t *value)
{
	static const struct {
		const char *name;
		int64_t value;
	} constants[] = {
		{"PTJ_VERSION_MAJOR", PTJ_VERSION_MAJOR},
		{"PTJ_VERSION_MINOR", PTJ_VERSION_MINOR},
		{"PTJ_VERSION_PATCH", PTJ_VERSION_PATCH},
		{"PTJ_INFINITE", PTJ_INFINITE},
		{"PTJ_DEFAULT", PTJ_DEFAULT},
		{"PTJ_EFAILED", PTJ_EFAILED},
		{"PTJ_CANCEL_DEFERRED", PTJ_CANCEL_DEFERRED},
		{"PTJ_CANCEL_MASKED", PTJ_CANCEL_MASKED},
		{"PTJ_CANCEL_COOPERATIVE", PTJ_CANCEL_COOPERATIVE},
	};
	size_t i;

	if (!name || !value)
		return EINVAL;
	for (i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		if (strcmp(constants[i].name, name) == 0) {
			*value = constants[i].value;
			return 0;
		}
	}
	return ENOENT;
}
