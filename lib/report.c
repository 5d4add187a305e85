/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "report.h"

#include "grace.h"
#include "mutex.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef HAVE_BACKTRACE
#include <execinfo.h>
#endif

static struct handler *handler_create(ptj_exception_handler fn, void *user)
{
	struct handler *h = malloc(sizeof(*h));

	if (h)
		*h = (struct handler){.fn = fn, .user = user};
	return h;
}

int report_init(struct report *r, ptj_exception_handler fn, void *user)
{
	struct handler *h = handler_create(fn, user);

	if (!h)
		return ENOMEM;
	atomic_init(&r->handler, h);
	return 0;
}

void report_destroy(struct report *r)
{
	free(atomic_load_explicit(&r->handler, memory_order_relaxed));
}

/* Pairs with the exchange in report_set_handler(): the object is whole, and there (grace.h).  Both
   are sequentially consistent.  Said outright too, since a cancelled thread may be here (mutex.h).
   Checked by tests/test_handler.c. */
struct handler report_handler(struct report *r)
{
	struct handler h, *current;
	struct section section;

	grace_read_begin(&section);
	current = atomic_load(&r->handler);
	TSAN_ACQUIRE(&r->handler);
	h = *current;
	grace_read_end(&section);
	return h;
}

int report_set_handler(struct report *r, ptj_exception_handler fn, void *user)
{
	struct handler *h = handler_create(fn, user);

	if (!h)
		return ENOMEM;
	TSAN_RELEASE(&r->handler);
	h = atomic_exchange(&r->handler, h);
	grace_wait();
	free(h);
	return 0;
}

/* A traceback with symbol names where they can be had.  Not a FILE of the program's: the block is
   put together here and written at once, so that two reports do not mix. */
static void print_traceback(FILE *out, const ptj_context *context)
{
	char **names = NULL;
	size_t i;

#ifdef HAVE_BACKTRACE
	names = backtrace_symbols(context->source_traceback, (int)context->source_traceback_len);
#endif
	fputs("  spawned at:\n", out);
	for (i = 0; i < context->source_traceback_len; i++) {
		if (names)
			fprintf(out, "    %s\n", names[i]);
		else
			fprintf(out, "    %p\n", context->source_traceback[i]);
	}
	free(names);
}

static void print_context(FILE *out, const ptj_context *context)
{
	char text[256];

	fprintf(out, "ptjobs: %s\n",
	        context->message ? context->message : "exception handler called");
	if (context->job && ptj_job_describe(context->job, text, sizeof(text)) > 0)
		fprintf(out, "  job: %s\n", text);
	if (context->error)
		fprintf(out, "  error: %s (%d)\n", ptj_strerror(context->error), context->error);
	if (context->error_message)
		fprintf(out, "  error message: %s\n", context->error_message);
	if (context->source_traceback)
		print_traceback(out, context);
}

static void write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static void default_handler(const ptj_context *context)
{
	static const char no_memory[] = "ptjobs: a job failed, and there is no memory to say how\n";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out)
		print_context(out, context);
	/* The stream remembers what it had no memory for until it is closed. */
	if (out && fclose(out) == 0)
		write_all(STDERR_FILENO, text, len);
	else
		write_all(STDERR_FILENO, no_memory, sizeof(no_memory) - 1);
	free(text);
}

void report_call(struct report *r, ptj_scheduler *s, const ptj_context *context)
{
	struct handler h = report_handler(r);
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (h.fn)
		h.fn(s, context, h.user);
	else
		default_handler(context);
	pthread_setcancelstate(cancel_state, NULL);
}
