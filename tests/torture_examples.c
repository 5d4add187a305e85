/* Runs every example once for each point at which a call of it, or of the library within it, can
   fail, from the outside, as its users do.

   A run ends by itself.  With exit status 0 it has printed what the example prints when nothing
   fails; with 1 it has said on stderr what failed, and printed no line that is not so.

   The examples sleep more than they compute, so many run at once.  Each is bound to one processor,
   for the reason that torture.c gives.

   torture_examples [-l] [NAME...]: only those examples.  Each point fails once; with -l, in further
   runs, so does what comes after it.

   SPDX-License-Identifier: Apache-2.0 */

#include "faults_program.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 60, AT_ONCE = 16, POINTS_MAX = 128, ARGS_MAX = 8, ROOM = 1 << 16 };

struct example {
	const char *name;
	const char *args[ARGS_MAX];
	const char *input;    /* of stdin */
	const char *cue;      /* printed when it is to get SIGTERM; NULL: it ends by itself */
	const char *true_too; /* patterns of what it may print when something fails; NULL: none */
	bool timed;           /* without a clock its time is up before it has said all */
};

/* What errors shows is how its jobs fail; in on-cancel the peer leaves when it fails. */
static const struct example examples[] = {
	{"bounded", {"torture_examples.c", "faults_program.c", "faults.c"}, "", NULL, NULL, false},
	{"errors", {NULL}, "", NULL, "*: /nonexistent/*.conf (*)|*: no message (*)", false},
	{"on-cancel", {NULL}, "", NULL, "echo: the peer hung up", false},
	{"readme", {"Grace", "Ada"}, "", NULL, NULL, false},
	{"shield", {NULL}, "", NULL, NULL, false},
	{"sigterm", {NULL}, "1\n2\n", "accepted 2\n", NULL, false},
	{"timeout", {NULL}, "", NULL, NULL, true},
};

struct run {
	pid_t pid; /* 0: none */
	const struct example *example;
	int kind; /* FAULTS: the run that counts */
	int first;
	enum fault_length length;
	int out, err, account; /* files without a name */
	bool cued;
	struct timespec end;
};

static struct run runs[AT_ONCE];
static int points, broken, factor;
static char out[ROOM], err[ROOM], clean[ROOM];

_Noreturn static void die(const char *what)
{
	perror(what);
	exit(99);
}

static int file_without_name(void)
{
	int fd = memfd_create("torture", 0);

	if (fd < 0)
		die("torture_examples: memfd_create");
	return fd;
}

static void read_all(int fd, char *text)
{
	ssize_t n = pread(fd, text, ROOM - 1, 0);

	if (n < 0)
		die("torture_examples: pread");
	text[n] = '\0';
}

/* ---- Starting -------------------------------------------------------------------------------- */

static void bind_to_processor(int i)
{
	cpu_set_t all, one;
	int cpu;

	if (sched_getaffinity(0, sizeof all, &all) != 0)
		return;
	i %= CPU_COUNT(&all);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && i-- == 0)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
}

static void set_number(const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof text, "%d", value);
	if (setenv(name, text, 1) != 0)
		_exit(99);
}

/* The files named are the test's own, found beside its sources. */
static const char *find(const char *arg, char *path, size_t size)
{
	const char *srcdir = getenv("srcdir");

	snprintf(path, size, "%s/tests/%s", srcdir ? srcdir : ".", arg);
	return access(path, R_OK) == 0 ? path : arg;
}

_Noreturn static void be_example(const struct run *r)
{
	char program[64], paths[ARGS_MAX][256], *args[ARGS_MAX + 2] = {program};
	int i, in = file_without_name();
	size_t len = strlen(r->example->input);

	snprintf(program, sizeof program, "./tests/faulty-%s", r->example->name);
	for (i = 0; r->example->args[i]; i++)
		args[i + 1] = (char *)(uintptr_t)find(r->example->args[i], paths[i], sizeof *paths);
	set_number("FAULT_KIND", r->kind);
	set_number("FAULT_FIRST", r->first);
	set_number("FAULT_LENGTH", r->length);
	set_number("FAULT_ACCOUNT", r->account);
	if (write(in, r->example->input, len) != (ssize_t)len || lseek(in, 0, SEEK_SET) != 0 ||
	    dup2(in, STDIN_FILENO) < 0 || dup2(r->out, STDOUT_FILENO) < 0 ||
	    dup2(r->err, STDERR_FILENO) < 0)
		_exit(99);
	bind_to_processor((int)(r - runs));
	execv(program, args);
	_exit(99);
}

static void start(struct run *r)
{
	r->out = file_without_name();
	r->err = file_without_name();
	r->account = file_without_name();
	r->cued = false;
	clock_gettime(CLOCK_MONOTONIC, &r->end);
	r->end.tv_sec += PATIENCE_S * factor;
	fflush(NULL);
	r->pid = fork();
	if (r->pid < 0)
		die("torture_examples: fork");
	if (r->pid == 0)
		be_example(r);
}

/* ---- Looking at what came of it -------------------------------------------------------------- */

static void complain(const struct run *r, const char *what)
{
	broken++;
	fprintf(stderr, "torture_examples: %s: while ", r->example->name);
	if (r->kind == FAULTS)
		fprintf(stderr, "nothing failed");
	else
		fprintf(stderr, "%s %d failed %s", fault_names[r->kind], r->first,
		        fault_length_names[r->length]);
	fprintf(stderr, ": %s\nstdout:\n%sstderr:\n%s", what, out, err);
}

/* Whether text has that line, of len bytes with its end. */
static bool has_line(const char *text, const char *line, size_t len)
{
	for (; *text; text += strcspn(text, "\n") + 1)
		if (strncmp(text, line, len) == 0)
			return true;
	return false;
}

/* One of several patterns, with | between them. */
static bool is_true_too(const char *patterns, const char *line, size_t len)
{
	char pattern[128], copy[256];
	size_t n;

	snprintf(copy, sizeof copy, "%.*s", (int)len - 1, line);
	for (; patterns; patterns = patterns[n] ? patterns + n + 1 : NULL) {
		n = strcspn(patterns, "|");
		snprintf(pattern, sizeof pattern, "%.*s", (int)n, patterns);
		if (fnmatch(pattern, copy, 0) == 0)
			return true;
	}
	return false;
}

/* Whether each line printed is one of those that are printed when nothing fails. */
static bool is_true(const struct example *e)
{
	const char *line;
	size_t len;

	for (line = out; *line; line += len) {
		len = strcspn(line, "\n") + 1;
		if (line[len - 1] == '\0')
			return true; /* It was not written to its end. */
		if (!has_line(clean, line, len) && !is_true_too(e->true_too, line, len))
			return false;
	}
	return true;
}

static int lines(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static bool has_done_all(const struct run *r)
{
	return lines(out) == lines(clean) || (r->kind == NO_CLOCK && r->example->timed);
}

static void look(const struct run *r, int status)
{
	char prefix[64];

	snprintf(prefix, sizeof prefix, "%s: ", r->example->name);
	if (WIFSIGNALED(status))
		complain(r, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 1)
		complain(r, "an exit status that says nothing");
	else if (!is_true(r->example))
		complain(r, "it says what is not so");
	else if (WEXITSTATUS(status) == 0 && !*err && !has_done_all(r))
		complain(r, "exit status 0, and not all was done");
	else if (WEXITSTATUS(status) == 1 && !strstr(err, prefix))
		complain(r, "exit status 1, and no message");
}

static struct fault_account account_of(const struct run *r)
{
	struct fault_account a;

	memset(&a, 0, sizeof a);
	if (pread(r->account, &a, sizeof a, 0) < 0)
		die("torture_examples: pread");
	return a;
}

static void end(struct run *r, int status)
{
	points += account_of(r).hits > 0;
	if (r->kind != FAULTS)
		look(r, status);
	close(r->out);
	close(r->err);
	close(r->account);
	r->pid = 0;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static bool is_late(const struct run *r)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > r->end.tv_sec;
}

/* Reads what it has printed so far; true: it has ended. */
static bool has_ended(struct run *r, int *status)
{
	pid_t pid = waitpid(r->pid, status, WNOHANG);

	if (pid < 0)
		die("torture_examples: waitpid");
	read_all(r->out, out);
	read_all(r->err, err);
	if (pid > 0)
		return true;
	if (r->example->cue && !r->cued && strstr(out, r->example->cue)) {
		r->cued = true;
		kill(r->pid, SIGTERM);
	}
	if (!is_late(r))
		return false;
	complain(r, "it hung");
	kill(r->pid, SIGKILL);
	waitpid(r->pid, status, 0);
	*status = 0;
	return true;
}

static void pause_briefly(void)
{
	static const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* Looks after all that run. */
static void tend(void)
{
	int i, status;

	for (i = 0; i < AT_ONCE; i++)
		if (runs[i].pid && has_ended(&runs[i], &status))
			end(&runs[i], status);
	pause_briefly();
}

static struct run *idle_run(void)
{
	int i;

	for (;;) {
		for (i = 0; i < AT_ONCE; i++)
			if (!runs[i].pid)
				return &runs[i];
		tend();
	}
}

static void end_all(void)
{
	int i;

	for (i = 0; i < AT_ONCE; i++)
		while (runs[i].pid)
			tend();
}

/* ---- Every failure, in turn ------------------------------------------------------------------ */

static void sweep(const struct example *e, int kind, int calls, enum fault_length length)
{
	struct run *r;
	int n;

	for (n = 0; n < calls; n += n < POINTS_MAX ? 1 : 1 + calls / POINTS_MAX) {
		r = idle_run();
		r->example = e;
		r->kind = kind;
		r->first = n;
		r->length = length;
		start(r);
	}
}

/* What the example prints, and how many calls of each kind it makes. */
static struct fault_account run_clean(const struct example *e)
{
	struct run *r = &runs[0];
	struct fault_account a;
	int status;

	r->example = e;
	r->kind = FAULTS;
	start(r);
	while (!has_ended(r, &status))
		pause_briefly();
	memcpy(clean, out, sizeof clean);
	a = account_of(r);
	if (status != 0 || !*out || *err)
		complain(r, "it failed");
	end(r, status);
	return a;
}

static void torture(const struct example *e, bool long_form)
{
	struct fault_account a = run_clean(e);
	int kind, before = points;

	for (kind = 0; kind < FAULTS; kind++) {
		sweep(e, kind, a.calls[kind], FAULT_ONCE);
		if (long_form)
			sweep(e, kind, a.calls[kind],
			      kind == INTERRUPTED || kind == NO_THREAD ? FAULT_IN_A_BURST
			                                               : FAULT_FOR_EVER);
	}
	end_all();
	printf("%-28s %5d points\n", e->name, points - before);
}

static bool is_wanted(const char *name, char **wanted)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (strcmp(name, *wanted) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");
	bool long_form = argc > 1 && strcmp(argv[1], "-l") == 0;
	int programs = 0;
	size_t i;

	factor = multiplier && atoi(multiplier) > 0 ? atoi(multiplier) : 1;
	for (i = 0; i < sizeof examples / sizeof *examples; i++)
		if (is_wanted(examples[i].name, argv + 1 + long_form)) {
			torture(&examples[i], long_form);
			programs++;
		}
	printf("torture_examples: %d points in %d programs, %d broken\n", points, programs, broken);
	return broken > 0 || points == 0;
}
