/* Runs each scenario once for each point at which something can fail, and says how many there were;
   torture.h says what a run must stand.

   A first run, in which nothing fails, counts the points of each kind.  Each further run is a
   process of its own, so that a crash, a hang and a leak are that run's.  It is bound to one
   processor: there the library does not spin (lib/spin.h), which would read the clock any number
   of times, and the points are nearly the same in every run.  As many processes run at once as
   there are processors.

   torture [-l] [NAME...]: the scenarios whose names begin so.  Each point fails once; with -l, in
   further runs, so does what comes after it.

   SPDX-License-Identifier: Apache-2.0 */

#include "torture.h"

#include "../lib/mutex.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 20, POINTS_MAX = 128, AT_ONCE_MAX = 8 };

/* ---- Within a run ---------------------------------------------------------------------------- */

struct point {
	const struct scenario *scenario;
	enum fault kind; /* FAULTS: the run that counts */
	int n;
	enum fault_length length;
};

/* What a run tells its parent; shared with it. */
struct tale {
	const char *step; /* the call that was made last; at the same address in both */
	const char *file;
	int line;
	int again; /* it is made again, or the whole scenario is */
	int hits;
	int calls[FAULTS];
};

static FILE *complaints; /* a scenario may look at what is written to stderr */
static struct point point;
static struct tale *tale;

static void say_where(const struct point *p)
{
	if (p->kind == FAULTS)
		fprintf(complaints, "torture: %s: while nothing failed", p->scenario->name);
	else
		fprintf(complaints, "torture: %s: while %s %d failed %s", p->scenario->name,
		        fault_names[p->kind], p->n, fault_length_names[p->length]);
}

void torture_broken(const char *file, int line, const char *what)
{
	library_leave();
	say_where(&point);
	fprintf(complaints, ": %s:%d: not so: %s\n", file, line, what);
	fflush(complaints);
	_exit(1);
}

/* What the scheduler that is watched looked like before the call. */
struct looks {
	size_t len, active, pending, shields;
	int closed;
};

static ptj_scheduler *watched;
static struct looks before;

static struct looks look(void)
{
	struct looks l;

	memset(&l, 0, sizeof l);
	if (!watched)
		return l;
	l.len = ptj_scheduler_len(watched);
	l.active = ptj_scheduler_active_count(watched);
	l.pending = ptj_scheduler_pending_count(watched);
	l.shields = ptj_scheduler_shield_count(watched);
	l.closed = ptj_scheduler_closed(watched);
	return l;
}

void torture_watch(ptj_scheduler *s)
{
	watched = s;
}

void torture_begin(const char *file, int line, const char *call)
{
	tale->step = call;
	tale->file = file;
	tale->line = line;
	before = look();
	library_enter();
}

int torture_has_struck(enum fault fault)
{
	return point.kind == fault && fault_hits(fault) > 0;
}

/* The codes that go with what has failed.  What is not there is the library's to deal with. */
static const int codes[FAULTS][3] = {
	[NO_MEMORY] = {ENOMEM, EAGAIN}, /* for a thread */
	[NO_THREAD] = {EAGAIN},           [NO_DESCRIPTOR] = {EMFILE},
	[NO_OBJECT] = {ENOMEM},           [NO_CLOCK] = {ETIMEDOUT},
	[NO_LIBRARY] = {ELIBACC, ENOSYS}, [NO_ANSWER] = {EINVAL, EBADF, ENOMEM},
};

static bool goes_with(enum fault fault, int code)
{
	return code != 0 &&
	       (code == codes[fault][0] || code == codes[fault][1] || code == codes[fault][2]);
}

static void broken_call(const char *call, int expected, int code)
{
	char what[512];

	snprintf(what, sizeof what, "%s: %d (%s), and not %d (%s)", call, code, ptj_strerror(code),
	         expected, ptj_strerror(expected));
	torture_broken(tale->file, tale->line, what);
}

/* Ends the run unless what failed goes with the code. */
static void look_at_code(const char *call, int expected, int code)
{
	if (point.kind == FAULTS || !torture_has_struck(point.kind) || !goes_with(point.kind, code))
		broken_call(call, expected, code);
}

/* What was to fail from then on goes on to do so. */
static void go_on_failing(void)
{
	if (point.length != FAULT_ONCE)
		fault_arm_further(point.kind);
}

void torture_excuse(int expected, int code, const char *call)
{
	look_at_code(call, expected, code);
	fault_disarm(point.kind);
}

void torture_go_on(int expected, int code, const char *call)
{
	if (code != expected)
		broken_call(call, expected, code);
	go_on_failing();
}

int torture_failed(int expected, int code)
{
	struct looks after;

	library_leave();
	if (code == expected)
		return 0;
	look_at_code(tale->step, expected, code);
	after = look();
	if (memcmp(&before, &after, sizeof after) != 0)
		torture_broken(tale->file, tale->line, "a call that failed has changed nothing");
	return 1;
}

void torture_begin_again(void)
{
	fault_disarm(point.kind);
	tale->again = 1;
	library_enter();
}

void torture_end_again(int expected, int code)
{
	library_leave();
	if (code != expected)
		broken_call(tale->step, expected, code);
	tale->again = 0;
	go_on_failing();
}

void torture_back(void *unused)
{
	(void)unused;
	library_enter();
}

/* ---- What is left behind --------------------------------------------------------------------- */

static int entries(const char *folder)
{
	DIR *dir = opendir(folder);
	int n = 0;

	require(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void pause_briefly(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* A thread that was joined may be seen a moment longer.  The watchdog ends this if it stays. */
static void await_threads(int threads)
{
	tale->step = "the end of all threads";
	while (entries("/proc/self/task") > threads)
		pause_briefly();
}

/* One that a thread still looks after may be released a moment later, likewise. */
static void await_memory(void)
{
	tale->step = "the release of all memory";
	while (blocks_held() > 0)
		pause_briefly();
}

/* ---- A run ----------------------------------------------------------------------------------- */

static void arm_all(void)
{
	int kind;

	for (kind = 0; kind < FAULTS; kind++)
		fault_arm(kind, INT32_MAX, FAULT_ONCE);
}

static void disarm_all(void)
{
	int kind;

	for (kind = 0; kind < FAULTS; kind++) {
		tale->calls[kind] = fault_calls(kind);
		fault_disarm(kind);
	}
}

static void say_path(void *path)
{
	sprintf(path, "/proc/self/task/%d", (int)gettid());
}

/* With the first thread ThreadSanitizer's run-time starts one of its own, which stays.  Returns
   when that first one is gone. */
static void start_first_thread(void)
{
	struct helper h;
	char path[64];

	helper_start(&h, say_path, path);
	helper_join(&h);
	while (access(path, F_OK) == 0)
		pause_briefly();
}

/* What could not be unmapped may be held until something else is. */
static void run_here(void)
{
	int threads, descriptors;

	faults_spare_this_thread();
	start_first_thread();
	threads = entries("/proc/self/task");
	descriptors = entries("/proc/self/fd");
	if (point.kind == FAULTS)
		arm_all();
	else
		fault_arm(point.kind, point.n, point.length);
	point.scenario->run();
	if (point.kind == FAULTS)
		disarm_all();
	else
		tale->hits = fault_disarm(point.kind);
	await_threads(threads);
	if (point.kind != NO_UNMAPPING)
		await_memory();
	tale->again = 1;
	point.scenario->run();
	await_threads(threads);
	await_memory();
	require(entries("/proc/self/fd") == descriptors);
	exit(0);
}

/* ---- Many runs ------------------------------------------------------------------------------- */

struct run {
	pid_t pid; /* 0: none */
	struct point point;
	struct tale *tale;
};

static struct run runs[AT_ONCE_MAX];
static int at_once;
static int points, broken;
static int factor; /* of the time a run may take */

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

static void start(struct run *r, const struct point *p)
{
	r->point = *p;
	memset(r->tale, 0, sizeof *r->tale);
	fflush(NULL);
	r->pid = fork();
	if (r->pid < 0) {
		perror("torture: fork");
		exit(99);
	}
	if (r->pid > 0)
		return;
	/* A watchdog: the run ends by this signal if it does not by itself. */
	alarm((unsigned)(PATIENCE_S * factor));
	bind_to_processor((int)(r - runs));
	point = r->point;
	tale = r->tale;
	run_here();
}

static void say_broken(const struct run *r, int status)
{
	const struct tale *t = r->tale;

	broken++;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		return; /* It has said so itself. */
	say_where(&r->point);
	if (WIFEXITED(status))
		fprintf(complaints, ": exit status %d", WEXITSTATUS(status));
	else if (WTERMSIG(status) == SIGALRM)
		fprintf(complaints, ": it hung");
	else
		fprintf(complaints, ": %s", strsignal(WTERMSIG(status)));
	fprintf(complaints, " in %s%s\n", t->step ? t->step : "its beginning",
	        t->again ? ", made again" : "");
}

/* Waits for one run, and returns it. */
static struct run *end_one(void)
{
	int status, i;
	pid_t pid = wait(&status);

	for (i = 0; i < at_once; i++)
		if (runs[i].pid == pid)
			break;
	if (pid < 0 || i == at_once) {
		perror("torture: wait");
		exit(99);
	}
	runs[i].pid = 0;
	points += runs[i].tale->hits > 0;
	if (status != 0)
		say_broken(&runs[i], status);
	return &runs[i];
}

static struct run *idle_run(void)
{
	int i;

	for (i = 0; i < at_once; i++)
		if (runs[i].pid == 0)
			return &runs[i];
	return end_one();
}

static void end_all(void)
{
	int i;

	for (i = 0; i < at_once; i++)
		while (runs[i].pid != 0)
			end_one();
}

/* Each point of one kind; of very many, those at the beginning and so many more: fewer where a run
   takes longer. */
static void sweep(const struct scenario *scenario, enum fault kind, int n, enum fault_length length)
{
	struct point p = {.scenario = scenario, .kind = kind, .length = length};
	int most = 1 + POINTS_MAX / (factor * factor);

	for (p.n = 0; p.n < n; p.n += p.n < most ? 1 : 1 + n / most)
		start(idle_run(), &p);
}

/* Who is interrupted again and again, or never can have a thread, waits for ever by right. */
static enum fault_length long_of(const struct scenario *scenario, enum fault kind)
{
	if (kind == INTERRUPTED || kind == NO_THREAD)
		return FAULT_IN_A_BURST;
	return kind == NO_MEMORY && scenario->needs_two_threads ? FAULT_IN_A_BURST : FAULT_FOR_EVER;
}

static void torture(const struct scenario *scenario, bool long_form)
{
	struct point p = {.scenario = scenario, .kind = FAULTS};
	int calls[FAULTS], kind, before_it = points;

	start(&runs[0], &p);
	memcpy(calls, end_one()->tale->calls, sizeof calls);
	for (kind = 0; kind < FAULTS; kind++) {
		sweep(scenario, kind, calls[kind], FAULT_ONCE);
		if (long_form)
			sweep(scenario, kind, calls[kind], long_of(scenario, kind));
	}
	end_all();
	printf("%-28s %5d points\n", scenario->name, points - before_it);
}

static bool is_wanted(const char *name, char **wanted)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (strncmp(name, *wanted, strlen(*wanted)) == 0)
			return true;
	return false;
}

static const struct scenario *const groups[] = {
	attr_scenarios,   scheduler_scenarios, spawn_scenarios,       job_scenarios,
	cancel_scenarios, external_scenarios,  completions_scenarios,
};

static void set_up(void)
{
	const char *multiplier = getenv("CK_TIMEOUT_MULTIPLIER");
	struct tale *tales;
	cpu_set_t set;
	int i;

	factor = multiplier && atoi(multiplier) > 0 ? atoi(multiplier) : 1;
	at_once = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	if (at_once > AT_ONCE_MAX)
		at_once = AT_ONCE_MAX;
	complaints = fdopen(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), "w");
	if (!complaints) {
		perror("torture: fdopen");
		exit(99);
	}
	setvbuf(complaints, NULL, _IOLBF, 0);
	tales = mmap(NULL, sizeof *tales * AT_ONCE_MAX, PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tales == MAP_FAILED) {
		perror("torture: mmap");
		exit(99);
	}
	for (i = 0; i < AT_ONCE_MAX; i++)
		runs[i].tale = &tales[i];
}

#ifdef WITH_TSAN
/* The child of a fork starts threads, which ThreadSanitizer else ends it for. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}
#endif

int main(int argc, char **argv)
{
	bool long_form = argc > 1 && strcmp(argv[1], "-l") == 0;
	char **wanted = argv + 1 + long_form;
	const struct scenario *scenario;
	int scenarios = 0;
	size_t i;

	faults_spare_this_thread();
	set_up();
	for (i = 0; i < sizeof groups / sizeof *groups; i++)
		for (scenario = groups[i]; scenario->name; scenario++) {
			if (!is_wanted(scenario->name, wanted))
				continue;
			torture(scenario, long_form);
			scenarios++;
		}
	printf("torture: %d points in %d scenarios, %d broken\n", points, scenarios, broken);
	return broken > 0 || points == 0;
}
