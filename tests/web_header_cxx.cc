/* The public header of the web integration compiles alone as C++, and its functions have C linkage.

   SPDX-License-Identifier: Apache-2.0 */

#include <ptjobs-microhttpd.h>

static int hello(ptj_web_request *request, void *)
{
	return ptj_web_respond(request, 200, nullptr, "hello", 5);
}

int main()
{
	ptj_web_app *app = nullptr;

	if (ptj_web_app_create(&app, nullptr) || ptj_web_setup(app, nullptr))
		return 1;
	if (ptj_web_atomic(app, "GET", "/", hello, nullptr))
		return 2;
	if (ptj_web_start(app, "127.0.0.1", 0) || ptj_web_port(app) == 0)
		return 3;
	if (ptj_web_stop(app, PTJ_DEFAULT))
		return 4;
	ptj_web_app_free(app);
	return 0;
}
