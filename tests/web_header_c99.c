/* The public header of the web integration compiles alone as C99, and as C11.

   SPDX-License-Identifier: Apache-2.0 */

#include <ptjobs-microhttpd.h>

static int hello(ptj_web_request *request, void *user)
{
	return request == NULL && user != NULL;
}

int main(void)
{
	ptj_web_handler handler = hello;
	ptj_web_app *app = NULL;

	if (!handler(NULL, &app))
		return 1;
	return ptj_web_port(app) == 0 && ptj_web_body(NULL, NULL) == NULL ? 0 : 2;
}
