/* What a job does to its thread is not the next one's: each begins as the scheduler's first did.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- What a thread runs on ------------------------------------------------------------------- */

struct surroundings {
	int tid;
	int error;
	locale_t locale;
	int rounding;
	int raised;
	double third; /* 1/3, as it comes out there */
	long double long_third;
	cpu_set_t processors;
	int policy;
	int priority;
	int nice;
	sigset_t mask;
	int cancel_state, cancel_type;
};

static void look_around(struct surroundings *here)
{
	volatile long double long_three = 3;
	volatile double three = 3;
	struct sched_param param;

	memset(here, 0, sizeof(*here));
	here->error = errno;
	here->tid = gettid_here();
	here->locale = uselocale(NULL);
	here->rounding = fegetround();
	here->raised = fetestexcept(FE_ALL_EXCEPT);
	here->third = 1 / three;
	here->long_third = 1 / long_three;
	sched_getaffinity(0, sizeof(here->processors), &here->processors);
	here->policy = sched_getscheduler(0);
	sched_getparam(0, &param);
	here->priority = param.sched_priority;
	here->nice = getpriority(PRIO_PROCESS, 0);
	pthread_sigmask(SIG_BLOCK, NULL, &here->mask);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &here->cancel_state);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &here->cancel_type);
	pthread_setcancelstate(here->cancel_state, NULL);
	feclearexcept(FE_ALL_EXCEPT);
}

/* In which of them two differ: a sum of these. */
enum {
	ERROR = 1,
	LOCALE = 2,
	ARITHMETIC = 4,
	RAISED = 8,
	PROCESSORS = 16,
	SCHEDULING = 32,
	MASK = 64,
	CANCELLATION = 128,
};

static int same_mask(const sigset_t *a, const sigset_t *b)
{
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(a, sig) != sigismember(b, sig))
			return 0;
	return 1;
}

static int differ(const struct surroundings *a, const struct surroundings *b)
{
	int in = 0;

	if (a->error != b->error)
		in |= ERROR;
	if (a->locale != b->locale)
		in |= LOCALE;
	if (a->rounding != b->rounding || a->third < b->third || a->third > b->third ||
	    a->long_third < b->long_third || a->long_third > b->long_third)
		in |= ARITHMETIC;
	if (a->raised != b->raised)
		in |= RAISED;
	if (!CPU_EQUAL(&a->processors, &b->processors))
		in |= PROCESSORS;
	if (a->policy != b->policy || a->priority != b->priority || a->nice != b->nice)
		in |= SCHEDULING;
	if (!same_mask(&a->mask, &b->mask))
		in |= MASK;
	if (a->cancel_state != b->cancel_state || a->cancel_type != b->cancel_type)
		in |= CANCELLATION;
	return in;
}

static void *job_look_around(void *here)
{
	look_around(here);
	return here;
}

/* ---- What a job may do to it ----------------------------------------------------------------- */

static locale_t other_locale;

static void set_errno(void)
{
	errno = ENOTTY;
}

static void set_locale(void)
{
	uselocale(other_locale);
}

static void set_rounding(void)
{
	fesetround(FE_UPWARD);
}

static void raise_exceptions(void)
{
	feraiseexcept(FE_DIVBYZERO | FE_INEXACT);
}

static void pin(void)
{
	cpu_set_t all, one;
	int n = 0;

	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(n, &all))
		n++;
	CPU_ZERO(&one);
	CPU_SET(n, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void become_a_batch(void)
{
	struct sched_param param = {.sched_priority = 0};

	sched_setscheduler(0, SCHED_BATCH, &param);
}

static void become_realtime(void)
{
	struct sched_param param = {.sched_priority = 1};

	sched_setscheduler(0, SCHED_FIFO, &param);
}

static void become_more_urgent(void)
{
	struct sched_param param = {.sched_priority = 2};

	sched_setscheduler(0, SCHED_FIFO, &param);
}

static void become_idle(void)
{
	struct sched_param param = {.sched_priority = 0};

	sched_setscheduler(0, SCHED_IDLE, &param);
}

enum { NICEST = 19 };

static void become_nicer(void)
{
	setpriority(PRIO_PROCESS, 0, NICEST);
}

static void open_the_mask(void)
{
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void disable_cancellation(void)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

static const struct change {
	void (*make)(void);
	int in;
} changes[] = {
	{set_errno, ERROR},
	{set_locale, LOCALE},
	{set_rounding, ARITHMETIC},
	{raise_exceptions, RAISED},
	{pin, PROCESSORS},
	{become_a_batch, SCHEDULING},
	{become_realtime, SCHEDULING},
	{become_nicer, SCHEDULING},
	{open_the_mask, MASK},
	{disable_cancellation, CANCELLATION},
};

enum { CHANGES = sizeof(changes) / sizeof(changes[0]) };

static int call_become_nicer_and_back(struct caller *c)
{
	int before = getpriority(PRIO_PROCESS, 0);

	(void)c;
	become_nicer();
	return setpriority(PRIO_PROCESS, 0, before) ? errno : 0;
}

/* Not every user may. */
static int can_be_put_back(const struct change *change)
{
	struct caller c;

	if (change->make != become_nicer)
		return 1;
	caller_start(&c, call_become_nicer_and_back);
	return caller_join(&c) == 0;
}

/* What can be changed here: a machine may have one processor, and a container no realtime. */
static int can_be_seen(const struct change *c, const struct surroundings *before)
{
	int fifo = geteuid() == 0 && sched_get_priority_min(SCHED_FIFO) == 1;

	if (c->in == PROCESSORS)
		return CPU_COUNT(&before->processors) > 1;
	if (c->make == become_nicer)
		return before->nice < NICEST;
	return c->make != become_realtime || fifo;
}

struct visit {
	const struct change *change;
	struct surroundings before, after;
};

static void *job_change(void *visit)
{
	struct visit *v = visit;

	look_around(&v->before);
	v->change->make();
	return visit;
}

/* What becomes of look_around() after the change, to tell that there was one. */
static void *job_change_and_look(void *visit)
{
	struct visit *v = visit;

	look_around(&v->before);
	v->change->make();
	look_around(&v->after);
	v->change->make();
	return visit;
}

static void run(ptj_scheduler *s, ptj_job_fn fn, void *arg)
{
	ptj_job *job = spawn(s, fn, arg);

	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ptj_job_unref(job);
}

static struct gate gate;

/* Three jobs on one thread: the next one comes without a pause, or when the thread was idle. */
START_TEST(the_next_job_begins_as_the_first)
{
	struct surroundings next;
	struct visit v = {.change = &changes[_i / 2]};
	ptj_scheduler *s;
	ptj_job *jobs[3];

	if (!can_be_put_back(v.change))
		return;
	s = make_simple(1, 0);
	other_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	gate_init(&gate);
	if (_i % 2) {
		run(s, job_change_and_look, &v);
		run(s, job_look_around, &next);
	} else {
		jobs[0] = spawn(s, job_at_gate, &gate);
		jobs[1] = spawn(s, job_change_and_look, &v);
		jobs[2] = spawn(s, job_look_around, &next);
		gate_open(&gate);
		for (int i = 0; i < 3; i++) {
			ok(ptj_job_wait(jobs[i], PTJ_INFINITE, NULL));
			ptj_job_unref(jobs[i]);
		}
	}
	ck_assert_int_eq(next.tid, v.before.tid);
	if (can_be_seen(v.change, &v.before) && v.change->make != become_realtime)
		ck_assert_int_eq(differ(&v.before, &v.after) & v.change->in, v.change->in);
	ck_assert_int_eq(differ(&v.before, &next), 0);
	ck_assert_int_eq(next.error, 0);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
	freelocale(other_locale);
}
END_TEST

/* A priority alone, of threads that have one: where this user may give it. */
START_TEST(the_next_job_is_as_urgent_as_the_first)
{
	struct visit v = {.change = &(struct change){.make = become_more_urgent}};
	struct surroundings next;
	ptj_scheduler *s;

	become_realtime();
	s = make_simple(1, 0);
	run(s, job_change_and_look, &v);
	run(s, job_look_around, &next);
	if (v.before.policy == SCHED_FIFO)
		ck_assert_int_eq(v.after.priority, 2);
	ck_assert_int_eq(differ(&v.before, &next), 0);
	ptj_scheduler_free(s);
}
END_TEST

/* Where not every one of many short jobs is looked after, the last one is. */
START_TEST(after_a_burst_all_is_as_before)
{
	enum { BURST = 20000 };
	struct visit v = {.change = &changes[_i]};
	struct surroundings first, next;
	ptj_scheduler *s;

	if (!can_be_put_back(v.change))
		return;
	s = make_simple(1, 0);
	other_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	run(s, job_look_around, &first);
	spawn_n(s, BURST, job_change, &v);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	run(s, job_look_around, &next);
	ck_assert_int_eq(differ(&first, &next), 0);
	ptj_scheduler_free(s);
	freelocale(other_locale);
}
END_TEST

/* ---- Where threads have it from -------------------------------------------------------------- */

static void change_all(void)
{
	uselocale(other_locale);
	fesetround(FE_DOWNWARD);
	pin();
	become_a_batch();
}

static int spawn_from_elsewhere(struct caller *c)
{
	change_all();
	return ptj_spawn(c->s, c->fn, c->arg, &c->spawned);
}

/* Whoever happens to spawn what a thread is started for. */
START_TEST(threads_are_as_the_one_that_made_the_scheduler)
{
	struct surroundings mine, there = {.tid = 0};
	ptj_scheduler *s = make_simple(1, 0);
	struct caller c = {.s = s, .fn = job_look_around, .arg = &there};

	other_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	look_around(&mine);
	caller_start(&c, spawn_from_elsewhere);
	ok(caller_join(&c));
	ok(ptj_job_wait(c.spawned, PTJ_INFINITE, NULL));
	ptj_job_unref(c.spawned);
	ck_assert_int_eq(differ(&mine, &there) & (LOCALE | ARITHMETIC | PROCESSORS | SCHEDULING),
	                 0);
	ptj_scheduler_free(s);
	freelocale(other_locale);
}
END_TEST

/* The first thread of the process, too: what it does to itself it does not do to all, whether
   another thread of the scheduler's is there to show that or not. */
START_TEST(also_if_that_has_changed_since)
{
	struct surroundings mine, there = {.tid = 0};
	ptj_scheduler *s = make_simple(2, 0);

	gate_init(&gate);
	if (_i) {
		ptj_job_unref(spawn(s, job_at_gate, &gate));
		gate_await(&gate, 1);
	}
	ck_assert_int_eq(gettid_here(), getpid());
	other_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	look_around(&mine);
	change_all();
	run(s, job_look_around, &there);
	ck_assert_int_eq(differ(&mine, &there) & (LOCALE | ARITHMETIC | PROCESSORS | SCHEDULING),
	                 0);
	gate_open(&gate);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
	uselocale(LC_GLOBAL_LOCALE);
	freelocale(other_locale);
}
END_TEST

static ptj_scheduler *own;

static void *job_change_and_spawn(void *there)
{
	ptj_job *job;
	int code;

	change_all();
	code = ptj_spawn(own, job_look_around, there, &job);
	if (code)
		return ptj_job_fail(code, NULL);
	code = ptj_job_wait(job, PTJ_INFINITE, NULL);
	ptj_job_unref(job);
	return code ? ptj_job_fail(code, NULL) : there;
}

START_TEST(a_thread_that_a_job_has_started_is_clean)
{
	struct surroundings mine, there = {.tid = 0};
	ptj_job *job;

	own = make_simple(1, 0);
	other_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	look_around(&mine);
	job = spawn(own, job_change_and_spawn, &there);
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	ptj_job_unref(job);
	ck_assert_int_eq(differ(&mine, &there) & (LOCALE | ARITHMETIC | PROCESSORS | SCHEDULING),
	                 0);
	ptj_scheduler_free(own);
	freelocale(other_locale);
}
END_TEST

static void hook_set_terms(void *here)
{
	change_all();
	look_around(here);
}

static void *job_undo(void *arg)
{
	struct sched_param param = {.sched_priority = 0};
	cpu_set_t *all = arg;

	uselocale(LC_GLOBAL_LOCALE);
	fesetround(FE_UPWARD);
	sched_setaffinity(0, sizeof(*all), all);
	sched_setscheduler(0, SCHED_OTHER, &param);
	return arg;
}

START_TEST(what_the_hook_has_set_stays)
{
	struct surroundings mine, hook, there[2];
	struct setup u = setup_of(1, 0);
	ptj_scheduler *s;

	other_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	look_around(&mine);
	u.thread_start = hook_set_terms;
	u.thread_user = &hook;
	s = make(&u);
	run(s, job_look_around, &there[0]);
	run(s, job_undo, &mine.processors);
	run(s, job_look_around, &there[1]);
	ck_assert_ptr_eq(there[0].locale, other_locale);
	ck_assert_int_eq(there[0].policy, SCHED_BATCH);
	for (int i = 0; i < 2; i++) {
		int in = LOCALE | ARITHMETIC | PROCESSORS | SCHEDULING;

		ck_assert_int_eq(there[i].tid, hook.tid);
		ck_assert_int_eq(differ(&hook, &there[i]) & in, 0);
	}
	ptj_scheduler_free(s);
	freelocale(other_locale);
}
END_TEST

/* As taskset -a and chrt -a do it. */
static void change_every_thread(const cpu_set_t *set)
{
	struct sched_param param = {.sched_priority = 0};
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d))) {
		pid_t thread = (pid_t)atoi(e->d_name);

		if (thread == 0)
			continue;
		ck_assert_int_eq(sched_setaffinity(thread, sizeof(*set), set), 0);
		ck_assert_int_eq(sched_setscheduler(thread, SCHED_BATCH, &param), 0);
	}
	closedir(d);
}

START_TEST(what_is_done_to_the_whole_process_stays)
{
	struct surroundings first, there[3];
	ptj_scheduler *s = make_simple(2, 0);
	ptj_job *held;
	cpu_set_t one;

	gate_init(&gate);
	run(s, job_look_around, &first);
	held = spawn(s, job_at_gate, &gate);
	gate_await(&gate, 1);
	CPU_ZERO(&one);
	for (int i = 0; CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &first.processors))
			CPU_SET(i, &one);
	change_every_thread(&one);
	run(s, job_look_around, &there[0]);
	gate_open(&gate);
	ok(ptj_job_wait(held, PTJ_INFINITE, NULL));
	ptj_job_unref(held);
	for (int i = 1; i < 3; i++)
		run(s, job_look_around, &there[i]);
	for (int i = 0; i < 3; i++) {
		ck_assert(CPU_EQUAL(&there[i].processors, &one));
		ck_assert_int_eq(there[i].policy, SCHED_BATCH);
	}
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}
END_TEST

/* ---- What cannot be put back ----------------------------------------------------------------- */

enum { NOBODY = 65534 };

/* Check's assertions belong to the test's process: the child says what is wrong and exits. */
#define must(condition)                                                                      \
	do {                                                                                 \
		if (!(condition)) {                                                          \
			dprintf(2, "in the child, line %d: not %s\n", __LINE__, #condition); \
			return 1;                                                            \
		}                                                                            \
	} while (0)

static void (*const for_good[])(void) = {become_nicer, become_idle};

enum { FOR_GOOD = sizeof(for_good) / sizeof(for_good[0]) };

static int change_for_good(void (*change)(void))
{
	const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
	struct visit v = {.change = &(struct change){.make = change}};
	struct surroundings next;
	ptj_scheduler *s;
	ptj_job *job;

	if (getpriority(PRIO_PROCESS, 0) == NICEST)
		return 0;
	must(geteuid() != 0 || setresuid(NOBODY, NOBODY, NOBODY) == 0);
	must(setrlimit(RLIMIT_NICE, &none) == 0);
	must(ptj_scheduler_create(&s, NULL) == 0);
	must(ptj_spawn(s, job_change_and_look, &v, &job) == 0);
	must(ptj_job_wait(job, PTJ_INFINITE, NULL) == 0);
	ptj_job_unref(job);
	must(differ(&v.before, &v.after) & SCHEDULING);
	while (!thread_is_gone(v.before.tid))
		pause_briefly();
	must(ptj_spawn(s, job_look_around, &next, &job) == 0);
	must(ptj_job_wait(job, PTJ_INFINITE, NULL) == 0);
	ptj_job_unref(job);
	must(!(differ(&v.before, &next) & SCHEDULING));
	ptj_scheduler_free(s);
	return 0;
}

/* The thread goes as soon as it has nothing to do. */
START_TEST(a_thread_that_cannot_be_put_back_does_not_stay)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		end_in(PATIENCE_MS / 1000);
		_exit(change_for_good(for_good[_i]));
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- Locks ----------------------------------------------------------------------------------- */

static pthread_mutex_t locks[3];
static pthread_rwlock_t rwlock;

static void *job_leave_locks(void *arg)
{
	for (int i = 0; i < 3; i++)
		if (pthread_mutex_lock(&locks[i]))
			return ptj_job_fail(EIO, NULL);
	if (pthread_rwlock_rdlock(&rwlock))
		return ptj_job_fail(EIO, NULL);
	flockfile(stderr);
	return arg;
}

/* They are the thread's, whatever it runs. */
static void *job_take_locks_off(void *arg)
{
	if (pthread_mutex_lock(&locks[0]) != EDEADLK || pthread_mutex_unlock(&locks[0]) ||
	    pthread_mutex_unlock(&locks[1]) || pthread_rwlock_unlock(&rwlock))
		return ptj_job_fail(EIO, NULL);
	funlockfile(stderr);
	return arg;
}

/* The library takes none of the program's: not even to report a failure on stderr.  The robust one
   is inherited from the thread when that ends. */
START_TEST(locks_that_a_job_leaves_stay_locked_and_hold_nothing_up)
{
	static const int types[] = {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
	                            PTHREAD_MUTEX_NORMAL};
	ptj_scheduler *s = make_simple(1, 0);
	int saved = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pthread_mutexattr_t attr;

	pthread_rwlock_init(&rwlock, NULL);
	for (int i = 0; i < 3; i++) {
		pthread_mutexattr_init(&attr);
		pthread_mutexattr_settype(&attr, types[i]);
		pthread_mutexattr_setrobust(&attr,
		                            i == 2 ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED);
		pthread_mutex_init(&locks[i], &attr);
		pthread_mutexattr_destroy(&attr);
	}
	run(s, job_leave_locks, NULL);
	ck_assert_int_eq(pthread_mutex_trylock(&locks[1]), EBUSY);
	ck_assert_int_eq(dup2(null, 2), 2);
	ok(ptj_spawn(s, job_fail_eio, NULL, NULL));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(dup2(saved, 2), 2);
	run(s, job_take_locks_off, NULL);
	ptj_scheduler_free(s);
	ck_assert_int_eq(pthread_mutex_trylock(&locks[2]), EOWNERDEAD);
	pthread_mutex_consistent(&locks[2]);
	pthread_mutex_unlock(&locks[2]);
	for (int i = 0; i < 3; i++)
		pthread_mutex_destroy(&locks[i]);
	pthread_rwlock_destroy(&rwlock);
	close(null);
	close(saved);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, the_next_job_begins_as_the_first, 0, 2 * CHANGES);
	tcase_add_loop_test(tc, after_a_burst_all_is_as_before, 0, CHANGES);
	tcase_add_test(tc, the_next_job_is_as_urgent_as_the_first);
	tcase_add_test(tc, threads_are_as_the_one_that_made_the_scheduler);
	tcase_add_loop_test(tc, also_if_that_has_changed_since, 0, 2);
	tcase_add_test(tc, a_thread_that_a_job_has_started_is_clean);
	tcase_add_test(tc, what_the_hook_has_set_stays);
	tcase_add_test(tc, what_is_done_to_the_whole_process_stays);
	tcase_add_loop_test(tc, a_thread_that_cannot_be_put_back_does_not_stay, 0, FOR_GOOD);
	tcase_add_test(tc, locks_that_a_job_leaves_stay_locked_and_hold_nothing_up);
}

int main(void)
{
	return run_tests("leftovers", add);
}
