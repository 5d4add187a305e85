#include <ptjobs-microhttpd.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Any code that blocks may stand in the handler of an atomic route. */
static int sum(ptj_web_request *request, void *user)
{
	unsigned char buf[4096];
	char text[32];
	unsigned total = 0;
	size_t got = 0;
	int rc;

	(void)user;
	while ((rc = ptj_web_read(request, buf, sizeof(buf), PTJ_INFINITE, &got)) == 0 && got > 0)
		for (size_t i = 0; i < got; i++)
			total += buf[i];
	if (rc != 0)
		return ptj_web_fail(request, rc, "sum");
	snprintf(text, sizeof(text), "%u\n", total);
	return ptj_web_respond(request, 200, NULL, text, strlen(text));
}

static void *send_mail(void *name)
{
	printf("a mail to %s\n", (char *)name);
	free(name);
	return NULL;
}

/* The answer goes out; the mail does not hold it up. */
static int order(ptj_web_request *request, void *user)
{
	char *name = strdup(ptj_web_param(request, "name"));
	int rc = name != NULL ? ptj_web_spawn(request, send_mail, name, NULL) : ENOMEM;

	(void)user;
	if (rc != 0) {
		free(name);
		return ptj_web_fail(request, rc, "order");
	}
	return ptj_web_respond(request, 202, NULL, NULL, 0);
}

static int add_routes(ptj_web_app *app)
{
	ptj_web_route_attr *attr = NULL;
	int rc = ptj_web_route_attr_create(&attr);

	if (rc == 0)
		rc = ptj_web_route_attr_set_atomic(attr, 1);
	if (rc == 0)
		rc = ptj_web_route_attr_set_stream_body(attr, 1);
	if (rc == 0)
		rc = ptj_web_route_with(app, attr, "POST", "/sum", sum, NULL);
	ptj_web_route_attr_free(attr);
	return rc != 0 ? rc : ptj_web_atomic(app, "POST", "/orders/{name}", order, NULL);
}

int main(void)
{
	ptj_web_app *app = NULL;
	sigset_t stop;
	int signo, rc;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &stop, NULL); /* Before there are threads. */
	rc = ptj_web_app_create(&app, NULL);
	if (rc == 0)
		rc = ptj_web_setup(app, NULL);
	if (rc == 0)
		rc = add_routes(app);
	if (rc == 0)
		rc = ptj_web_start(app, "127.0.0.1", 0);
	if (rc == 0) {
		printf("http://127.0.0.1:%u\n", ptj_web_port(app));
		fflush(stdout);
		sigwait(&stop, &signo);
		rc = ptj_web_stop(app, 10000);
	}
	ptj_web_app_free(app);
	return rc != 0;
}
