/* by_hand inline | thread | WORKERS  [WORK_US]: a server that says hello, with libmicrohttpd alone.

   inline       the access handler answers on the event loop
   thread       the same, on a thread for each connection
   WORKERS      connections are suspended and put into a queue, from which as many threads take
                them, work, and resume them: what a program does that has no ptjobs-microhttpd

   /park is not answered until the input says "open".  The input "counts" tells how many requests
   are parked, and the memory.

   SPDX-License-Identifier: Apache-2.0 */

#include "control.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 20000 };

struct request {
	struct MHD_Connection *connection;
	struct request *next;
	int done;
};

static struct MHD_Daemon *server;
static int inline_answers;
static int64_t work_us;

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static struct request *head, **tail = &head; /* guarded by mu; what waits for a worker */
static struct request *parked;               /* guarded by mu */
static size_t parked_count;                  /* guarded by mu */
static int stopping;                         /* guarded by mu */
static pthread_cond_t work_cond = PTHREAD_COND_INITIALIZER; /* head || stopping */

static void *worker(void *arg)
{
	struct request *request;

	for (;;) {
		pthread_mutex_lock(&mu);
		while (head == NULL && !stopping)
			pthread_cond_wait(&work_cond, &mu);
		request = head;
		if (request == NULL) {
			pthread_mutex_unlock(&mu);
			return arg;
		}
		head = request->next;
		if (head == NULL)
			tail = &head;
		pthread_mutex_unlock(&mu);
		work_for_us(work_us);
		request->done = 1;
		MHD_resume_connection(request->connection);
	}
}

static void enqueue(struct request *request)
{
	request->next = NULL;
	pthread_mutex_lock(&mu);
	*tail = request;
	tail = &request->next;
	pthread_mutex_unlock(&mu);
	pthread_cond_signal(&work_cond);
}

static void park(struct request *request)
{
	pthread_mutex_lock(&mu);
	request->next = parked;
	parked = request;
	parked_count++;
	pthread_mutex_unlock(&mu);
}

static enum MHD_Result answer(struct MHD_Connection *connection)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(5, (char *)"hello", MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (response == NULL)
		return MHD_NO;
	rc = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result access_handler(void *arg, struct MHD_Connection *connection, const char *url,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_size, void **state)
{
	struct request *request = *state;

	(void)arg, (void)method, (void)version, (void)upload;
	if (request == NULL) {
		request = calloc(1, sizeof(*request));
		if (request == NULL)
			return MHD_NO;
		request->connection = connection;
		*state = request;
		return MHD_YES;
	}
	*upload_size = 0;
	if (inline_answers)
		work_for_us(work_us);
	if (inline_answers || request->done)
		return answer(connection);
	MHD_suspend_connection(connection);
	if (strcmp(url, "/park") == 0)
		park(request);
	else
		enqueue(request);
	return MHD_YES;
}

static void completed(void *arg, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
	(void)arg, (void)connection, (void)code;
	free(*state);
	*state = NULL;
}

static void open_park(void)
{
	struct request *request;

	pthread_mutex_lock(&mu);
	while ((request = parked) != NULL) {
		parked = request->next;
		parked_count--;
		request->done = 1;
		MHD_resume_connection(request->connection);
	}
	pthread_mutex_unlock(&mu);
}

static void obey(const char *line, void *user)
{
	size_t requests;

	(void)user;
	if (strcmp(line, "open") == 0)
		open_park();
	pthread_mutex_lock(&mu);
	requests = parked_count;
	pthread_mutex_unlock(&mu);
	printf("requests %zu resident %zu\n", requests, resident_bytes());
}

int main(int argc, char **argv)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	const union MHD_DaemonInfo *info;
	size_t workers = 0;
	pthread_t *threads;
	int rc;

	if (argc < 2)
		die("by_hand inline | thread | WORKERS [WORK_US]", EINVAL);
	if (strcmp(argv[1], "thread") == 0)
		flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD;
	else if (strcmp(argv[1], "inline") != 0)
		workers = strtoul(argv[1], NULL, 10);
	inline_answers = workers == 0;
	work_us = argc > 2 ? strtoll(argv[2], NULL, 10) : 0;

	raise_descriptor_limit();
	threads = calloc(workers + 1, sizeof(*threads));
	if (threads == NULL)
		die("calloc", ENOMEM);
	for (size_t i = 0; i < workers; i++)
		if ((rc = pthread_create(&threads[i], NULL, worker, NULL)) != 0)
			die("pthread_create", rc);
	server = MHD_start_daemon(
		flags, 0, NULL, NULL, access_handler, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed,
		NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_END);
	if (server == NULL)
		die("MHD_start_daemon", errno);
	info = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT);
	serve_input(info->port, obey, NULL);

	open_park();
	pthread_mutex_lock(&mu);
	stopping = 1;
	pthread_mutex_unlock(&mu);
	pthread_cond_broadcast(&work_cond);
	for (size_t i = 0; i < workers; i++)
		pthread_join(threads[i], NULL);
	MHD_stop_daemon(server);
	free(threads);
	return 0;
}
