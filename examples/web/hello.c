#include <ptjobs-microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hello(ptj_web_request *request, void *user)
{
	const char *name = ptj_web_param(request, "name");

	(void)user;
	ptj_sleep(100); /* Any call that blocks. */
	return ptj_web_respond(request, 200, NULL, name, strlen(name));
}

int main(int argc, char **argv)
{
	ptj_web_app *app = NULL;
	sigset_t stop;
	int signo;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL); /* For sigwait(), in all threads. */
	if (ptj_web_app_create(&app, NULL) != 0 || ptj_web_setup(app, NULL) != 0 ||
	    ptj_web_atomic(app, "GET", "/hello/{name}", hello, NULL) != 0 ||
	    ptj_web_start(app, "127.0.0.1", (uint16_t)(argc > 1 ? atoi(argv[1]) : 8080)) != 0)
		return 1;
	fprintf(stderr, "http://127.0.0.1:%d/hello/world\n", ptj_web_port(app));
	sigwait(&stop, &signo);
	ptj_web_stop(app, PTJ_DEFAULT); /* Answers what it has accepted. */
	ptj_web_app_free(app);
	return 0;
}
