/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "run.h"
#include "run_clock.h"
#include "run_input.h"
#include "run_job.h"
#include "run_options.h"
#include "run_screen.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A running job has two pipes, its process and its cancel fd open, or the pipes' four ends. */
#define FDS_EACH 4
#define FDS_OURS 32

/* How long a job may take to write its output after its command was killed. */
#define OUTPUT_MS 1000

/* How many finished jobs may wait for one before them, and how many times the limit. */
#define WINDOW_MIN 1024
#define WINDOW_LIMITS 4

#define SUMMARY_MAX 256

struct run {
	struct run_options options;
	struct input input;
	struct store store;
	struct job_context jobs;
	ptj_job_attr *job_attr;
};

/* The standard descriptors must be taken, or a pipe of ours would be one of them.  Opened the
   wrong way round, they fail when they are used. */
static void occupy_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
	}
}

/* How many jobs the limit on open files allows at once. */
static size_t most_jobs(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	if (files.rlim_cur < FDS_OURS + FDS_EACH)
		return 1;
	return (size_t)(files.rlim_cur - FDS_OURS) / FDS_EACH;
}

static void bound_limit(struct run_options *options)
{
	size_t most = most_jobs();

	if (options->limit > most)
		screen_say("the limit on open files allows %zu jobs at once, not %zu", most,
		           options->limit);
	if (options->limit > most || options->limit == 0)
		options->limit = most;
	if (options->pending_limit == PENDING_AS_LIMIT)
		options->pending_limit = options->limit;
}

static int cannot(const char *what, int rc)
{
	screen_say("cannot %s: %s", what, strerror(rc));
	return STATUS_SYSTEM;
}

static int find_command(struct run *r)
{
	const char *name = r->options.command ? r->options.command[0] : COMMAND_SHELL;
	int rc = command_resolve(&r->jobs.command, r->options.command);

	if (rc == 0)
		return STATUS_OK;
	if (rc == ENOENT)
		screen_say("there is no command %s", name);
	else
		screen_say("the command %s cannot be run: %s", name, strerror(rc));
	return rc == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

static int open_input(struct run *r)
{
	const char *file = r->options.file;
	int rc = input_open(&r->input, file, r->options.null_separated ? '\0' : '\n');

	if (rc == 0)
		return STATUS_OK;
	screen_say("cannot open %s: %s", file, strerror(rc));
	return STATUS_INPUT;
}

static int create_scheduler(struct run *r)
{
	const struct run_options *o = &r->options;
	ptj_attr *attr;
	int rc = ptj_attr_create(&attr);

	if (rc)
		return rc;
	ptj_attr_set_limit(attr, o->limit);
	ptj_attr_set_pending_limit(attr, o->pending_limit);
	ptj_attr_set_close_timeout(attr, o->close_ms + OUTPUT_MS);
	ptj_attr_set_cancel_mode(attr, PTJ_CANCEL_COOPERATIVE);
	ptj_attr_set_exception_handler(attr, job_report, NULL);
	rc = ptj_scheduler_create(&r->jobs.scheduler, attr);
	ptj_attr_free(attr);
	if (rc == 0)
		rc = ptj_job_attr_create(&r->job_attr);
	if (rc == 0)
		rc = ptj_job_attr_set_release(r->job_attr, job_release);
	return rc;
}

static size_t window(const struct run_options *o)
{
	if (!o->keep_order)
		return 0;
	return o->limit > WINDOW_MIN / WINDOW_LIMITS ? o->limit * WINDOW_LIMITS : WINDOW_MIN;
}

/* All that the jobs use, and the thread that watches over them. */
static int start(struct run *r)
{
	struct job_context *jobs = &r->jobs;
	uint64_t total;
	int rc;

	store_init(&r->store);
	tally_init(&jobs->tally);
	if (screen_has_progress() && input_count(&r->input, &total))
		tally_set_total(&jobs->tally, total);
	jobs->rules.store = &r->store;
	jobs->rules.timeout_ms = r->options.timeout_ms;
	jobs->rules.close_ms = r->options.close_ms;
	rc = spawn_rules_init(&jobs->rules.spawn);
	if (rc == 0)
		rc = output_init(&jobs->output, &r->store, window(&r->options));
	if (rc == 0)
		rc = create_scheduler(r);
	if (rc == 0)
		rc = watch_init(&jobs->watch, &jobs->tally, &jobs->output, r->options.grace_ms);
	if (rc == 0)
		rc = watch_start(&jobs->watch, jobs->scheduler);
	return rc ? cannot("begin", rc) : STATUS_OK;
}

/* Spawns a job for each line until the input ends, a signal ends the reading, or something goes
   wrong. */
static int feed(struct run *r)
{
	struct job_context *jobs = &r->jobs;
	enum input_answer answer;
	uint64_t spawned = 0;
	const char *line;
	size_t len;

	while ((answer = input_next(&r->input, jobs->watch.drain_fd, &line, &len)) == INPUT_LINE) {
		int rc = job_spawn(jobs, r->job_attr, spawned, r->input.number, line, len);

		if (rc)
			return rc == ESHUTDOWN ? STATUS_OK : cannot("start a job", rc);
		spawned++;
	}
	if (answer == INPUT_END)
		tally_set_total(&jobs->tally, spawned);
	return answer == INPUT_FAILED ? STATUS_INPUT : STATUS_OK;
}

static int conclude(struct run *r, int fed)
{
	int sig = r->jobs.watch.signal;
	struct counts n = tally_counts(&r->jobs.tally);
	int error = n.output_error;
	char summary[SUMMARY_MAX];

	/* The reader of our output has had enough, as of yes | head, and that is no news. */
	if (error == EPIPE && !sig) {
		screen_take(STDERR_FILENO);
		screen_give(STDERR_FILENO);
		return STATUS_SIGNAL + SIGPIPE;
	}
	if (error && error != EPIPE)
		cannot("write standard output", error);
	tally_describe(&r->jobs.tally, summary, sizeof(summary));
	if (sig)
		screen_say("ended by SIG%s: %s", sigabbrev_np(sig), summary);
	else
		screen_say("%s", summary);
	if (sig)
		return STATUS_SIGNAL + sig;
	if (error)
		return STATUS_SYSTEM;
	if (fed)
		return fed;
	return n.failed ? STATUS_FAILED : STATUS_OK;
}

/* A job that outlasted the close goes on to use all of this, until the process ends; that is now,
   without exit(), which would take things from under it. */
static void tear_down(struct run *r, int status)
{
	if (tally_counts(&r->jobs.tally).running)
		_exit(status);
	ptj_job_attr_free(r->job_attr);
	ptj_scheduler_free(r->jobs.scheduler);
	output_destroy(&r->jobs.output);
	store_destroy(&r->store);
	spawn_rules_destroy(&r->jobs.rules.spawn);
	command_destroy(&r->jobs.command);
	tally_destroy(&r->jobs.tally);
	input_close(&r->input);
}

static int help(void)
{
	if (fputs(run_options_help, stdout) < 0 || fflush(stdout))
		return cannot("write standard output", errno);
	return STATUS_OK;
}

int run_main(int argc, char **argv)
{
	static struct run r;
	enum options_answer answer = run_options_parse(&r.options, argc, argv);
	int status;

	if (answer == OPTIONS_HELP)
		return help();
	if (answer == OPTIONS_WRONG)
		return STATUS_USAGE;
	occupy_standard_fds();
	screen_open();
	status = find_command(&r);
	if (status == STATUS_OK)
		status = open_input(&r);
	if (status)
		return status;
	bound_limit(&r.options);
	watch_block();
	status = start(&r);
	if (status)
		return status;
	status = feed(&r);
	ptj_scheduler_wait_and_close(r.jobs.scheduler, PTJ_INFINITE);
	watch_finish(&r.jobs.watch);
	status = conclude(&r, status);
	tear_down(&r, status);
	return status;
}
