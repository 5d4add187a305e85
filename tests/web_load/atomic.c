/* atomic LIMIT [WORK_US]: a server that says hello, with ptjobs-microhttpd.

   /            as a job, of which there are LIMIT at once; it works for WORK_US
   /inline      on the event loop
   /park        as a job that waits until the input says "open"

   The input "counts" tells what the server holds.

   SPDX-License-Identifier: Apache-2.0 */

#include "control.h"

#include <errno.h>
#include <ptjobs-microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING = 20000 };

static int64_t work_us;

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static int is_open;                                         /* guarded by mu */
static pthread_cond_t open_cond = PTHREAD_COND_INITIALIZER; /* is_open */

static int hello(ptj_web_request *request, void *user)
{
	(void)user;
	return ptj_web_respond(request, 200, NULL, "hello", 5);
}

static int work(ptj_web_request *request, void *user)
{
	work_for_us(work_us);
	return hello(request, user);
}

static int park(ptj_web_request *request, void *user)
{
	pthread_mutex_lock(&mu);
	while (!is_open)
		pthread_cond_wait(&open_cond, &mu);
	pthread_mutex_unlock(&mu);
	return hello(request, user);
}

static void open_park(void)
{
	pthread_mutex_lock(&mu);
	is_open = 1;
	pthread_mutex_unlock(&mu);
	pthread_cond_broadcast(&open_cond);
}

static void obey(const char *line, void *user)
{
	ptj_web_app *app = user;

	if (strcmp(line, "open") == 0)
		open_park();
	printf("requests %zu resident %zu connections %zu line %zu jobs %zu descriptors %zu\n",
	       ptj_web_request_count(app), resident_bytes(), ptj_web_connection_count(app),
	       ptj_web_line_count(app), ptj_scheduler_len(ptj_web_scheduler_from_app(app)),
	       open_descriptors());
}

/* Ends the program where a call failed. */
static void must(const char *what, int rc)
{
	if (rc != 0)
		die(what, rc);
}

int main(int argc, char **argv)
{
	ptj_web_app *app;
	ptj_attr *attr;

	if (argc < 2)
		die("atomic LIMIT [WORK_US]", EINVAL);
	work_us = argc > 2 ? strtoll(argv[2], NULL, 10) : 0;
	raise_descriptor_limit();
	must("ptj_attr_create", ptj_attr_create(&attr));
	must("limit", ptj_attr_set_limit(attr, strtoul(argv[1], NULL, 10)));
	must("pending limit", ptj_attr_set_pending_limit(attr, PENDING));
	/* A parked job waits for a condition, and must not leave with the mutex. */
	must("mode", ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE));
	must("ptj_web_app_create", ptj_web_app_create(&app, NULL));
	must("ptj_web_setup", ptj_web_setup(app, attr));
	ptj_attr_free(attr);
	must("/", ptj_web_atomic(app, "GET", "/", work, NULL));
	must("/inline", ptj_web_route(app, "GET", "/inline", hello, NULL));
	must("/park", ptj_web_atomic(app, "GET", "/park", park, NULL));
	must("ptj_web_start", ptj_web_start(app, "127.0.0.1", 0));

	serve_input(ptj_web_port(app), obey, app);
	open_park();
	must("ptj_web_stop", ptj_web_stop(app, PTJ_DEFAULT));
	ptj_web_app_free(app);
	return 0;
}
