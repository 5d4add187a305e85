/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run_job.h"
#include "run_screen.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name shows this much of the line. */
#define NAME_TEXT_MAX 80
#define NAME_MAX_SIZE (NAME_TEXT_MAX + 48)

#define MESSAGE_MAX 160

/* The argument of a job.  By the main thread, then by the job's, then by its release function. */
struct task {
	struct job_context *context;
	uint64_t seq;
	bool ran;
	char line[];
};

/* "line 17: "grep x y"", with nothing in it that would move a terminal's cursor. */
static void name_job(char *name, uint64_t number, const char *line, size_t len)
{
	bool cut = len > NAME_TEXT_MAX;
	int n = snprintf(name, NAME_MAX_SIZE, "line %" PRIu64 ": \"", number);

	if (cut) {
		/* Not within a character of UTF-8. */
		for (len = NAME_TEXT_MAX; len && (line[len] & 0xc0) == 0x80; len--)
			continue;
	}
	for (size_t i = 0; i < len; i++)
		name[n++] = (char)(iscntrl((unsigned char)line[i]) ? '?' : line[i]);
	strcpy(name + n, cut ? "...\"" : "\"");
}

/* How the job failed; false where it did not.  code becomes an errno value. */
static bool failure(struct task *t, const struct child_outcome *o, const struct result *result,
                    int *code, char *message)
{
	int lost = result->streams[0].error ? result->streams[0].error : result->streams[1].error;

	*code = EIO;
	if (o->end == CHILD_NOT_STARTED) {
		*code = o->value;
		snprintf(message, MESSAGE_MAX, "cannot be run: %s", strerror(o->value));
	} else if (o->end == CHILD_TIMED_OUT) {
		*code = ETIMEDOUT;
		snprintf(message, MESSAGE_MAX, "timed out after %g s",
		         (double)t->context->rules.timeout_ms / 1000);
	} else if (o->end == CHILD_SIGNALLED) {
		snprintf(message, MESSAGE_MAX, "killed by signal %d (%s)", o->value,
		         strsignal(o->value));
	} else if (lost) {
		*code = lost;
		snprintf(message, MESSAGE_MAX, "its output is lost: %s", strerror(lost));
	} else {
		snprintf(message, MESSAGE_MAX, "exit status %d", o->value);
	}
	return o->end != CHILD_EXITED || o->value || lost;
}

static struct child_outcome run_command(struct task *t, struct result *result)
{
	struct job_context *context = t->context;
	char **args = command_arguments(&context->command, t->line);
	struct child_outcome o = {CHILD_NOT_STARTED, ENOMEM};

	if (args)
		o = child_run(&context->rules, context->command.path, args, result);
	free(args);
	return o;
}

/* Without a standard output there is no use in going on. */
static void put_output(struct task *t, struct result *result)
{
	int error = output_put(&t->context->output, t->seq, result);

	if (!error)
		return;
	tally_set_output_error(&t->context->tally, error);
	watch_close(&t->context->watch);
}

static void *job_main(void *arg)
{
	struct task *t = arg;
	struct job_context *context = t->context;
	struct result result = {{CAPTURE_EMPTY, CAPTURE_EMPTY}};
	char message[MESSAGE_MAX];
	struct child_outcome o;
	enum tally_end end;
	bool failed;
	int code;

	t->ran = true;
	tally_start(&context->tally);
	o = run_command(t, &result);
	failed = failure(t, &o, &result, &code, message);
	put_output(t, &result);
	end = failed ? TALLY_FAILED : TALLY_SUCCEEDED;
	if (o.end == CHILD_CLOSED)
		end = TALLY_DROPPED;
	tally_end(&context->tally, end);
	if (end == TALLY_DROPPED)
		return ptj_job_fail(ECANCELED, NULL);
	return failed ? ptj_job_fail(code, message) : NULL;
}

void job_release(void *arg)
{
	struct result nothing = {{CAPTURE_EMPTY, CAPTURE_EMPTY}};
	struct task *t = arg;

	if (!t->ran) {
		tally_drop(&t->context->tally);
		put_output(t, &nothing);
	}
	free(t);
}

int job_spawn(struct job_context *context, ptj_job_attr *attr, uint64_t seq, uint64_t number,
              const char *line, size_t len)
{
	char name[NAME_MAX_SIZE];
	struct task *t;
	int rc;

	name_job(name, number, line, len);
	rc = ptj_job_attr_set_name(attr, name);
	if (rc)
		return rc;
	t = malloc(sizeof(*t) + len + 1);
	if (!t)
		return ENOMEM;
	t->context = context;
	t->seq = seq;
	t->ran = false;
	memcpy(t->line, line, len + 1);
	rc = ESHUTDOWN;
	if (output_admit(&context->output, seq))
		rc = ptj_spawn_attr(context->scheduler, attr, job_main, t, PTJ_INFINITE, NULL);
	if (rc)
		free(t);
	return rc;
}

void job_report(ptj_scheduler *s, const ptj_context *context, void *user)
{
	char name[NAME_MAX_SIZE] = "";

	(void)s;
	(void)user;
	if (context->job)
		ptj_job_get_name(context->job, name, sizeof(name));
	screen_say("%s: %s", name,
	           context->error_message ? context->error_message : context->message);
}
