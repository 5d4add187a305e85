/* What the suites share; support.h says what each part is for.

   SPDX-License-Identifier: Apache-2.0 */

#include "support.h"

#include "../lib/mutex.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void pause_briefly(void)
{
	struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

void end_in(unsigned seconds)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	signal(SIGALRM, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	alarm(seconds);
}

/* ---- Gates ---------------------------------------------------------------------------------- */

void gate_init(struct gate *g)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&g->mu, NULL);
	pthread_cond_init(&g->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	g->arrived = 0;
	g->passed = 0;
	g->open = 0;
	g->fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(g->fd, 0);
}

void gate_destroy(struct gate *g)
{
	close(g->fd);
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->mu);
}

void gate_open(struct gate *g)
{
	uint64_t one = 1;

	pthread_mutex_lock(&g->mu);
	g->open = 1;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->mu);
	ck_assert_int_eq(write(g->fd, &one, sizeof one), sizeof one);
}

void gate_await(struct gate *g, int n)
{
	struct timespec end;
	int arrived, late = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PATIENCE_MS / 1000;
	pthread_mutex_lock(&g->mu);
	while (g->arrived < n && !late)
		late = pthread_cond_timedwait(&g->changed, &g->mu, &end) != 0;
	arrived = g->arrived;
	pthread_mutex_unlock(&g->mu);
	ck_assert_msg(arrived >= n, "only %d of %d arrived at the gate", arrived, n);
}

int gate_arrived(struct gate *g)
{
	int n;

	pthread_mutex_lock(&g->mu);
	n = g->arrived;
	pthread_mutex_unlock(&g->mu);
	return n;
}

int gate_passed(struct gate *g)
{
	int n;

	pthread_mutex_lock(&g->mu);
	n = g->passed;
	pthread_mutex_unlock(&g->mu);
	return n;
}

static void unlock(void *mu)
{
	pthread_mutex_unlock(mu);
}

void gate_pass(struct gate *g)
{
	pthread_mutex_lock(&g->mu);
	pthread_cleanup_push(unlock, &g->mu);
	g->arrived++;
	pthread_cond_broadcast(&g->changed);
	while (!g->open)
		pthread_cond_wait(&g->changed, &g->mu);
	g->passed++;
	pthread_cleanup_pop(1);
}

void gate_pass_stubborn(struct gate *g)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	gate_pass(g);
	pthread_setcancelstate(state, NULL);
}

UNWOUND int gate_pass_obedient(struct gate *g)
{
	struct pollfd fds[2] = {
		{.fd = ptj_job_cancel_fd(), .events = POLLIN},
		{.fd = g->fd, .events = POLLIN},
	};

	pthread_mutex_lock(&g->mu);
	g->arrived++;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->mu);
	while (poll(fds, 2, -1) < 0)
		;
	if (fds[0].revents)
		return ECANCELED;
	pthread_mutex_lock(&g->mu);
	g->passed++;
	pthread_mutex_unlock(&g->mu);
	return 0;
}

void *job_at_gate(void *gate)
{
	gate_pass(gate);
	return gate;
}

void *job_stubborn(void *gate)
{
	gate_pass_stubborn(gate);
	return gate;
}

void *job_obedient(void *gate)
{
	int code = gate_pass_obedient(gate);

	return code ? ptj_job_fail(code, NULL) : gate;
}

void *job_identity(void *arg)
{
	return arg;
}

void *job_fail_eio(void *arg)
{
	(void)arg;
	return ptj_job_fail(EIO, "disk on fire");
}

void *job_sleep_forever(void *arg)
{
	(void)arg;
	return ptj_job_fail(ptj_sleep(PTJ_INFINITE), NULL);
}

/* ---- Recorders ------------------------------------------------------------------------------ */

void recorder_init(struct recorder *r)
{
	memset(r, 0, sizeof *r);
	pthread_mutex_init(&r->mu, NULL);
}

/* Also in a thread that a cancellation unwinds, where ThreadSanitizer must be told of the lock. */
void record(struct recorder *r, intptr_t what)
{
	mutex_lock(&r->mu);
	if (r->n < RECORD_MAX)
		r->what[r->n] = what;
	r->n++;
	mutex_unlock(&r->mu);
}

size_t recorded(struct recorder *r)
{
	size_t n;

	pthread_mutex_lock(&r->mu);
	n = r->n;
	pthread_mutex_unlock(&r->mu);
	return n;
}

intptr_t recorded_at(struct recorder *r, size_t i)
{
	intptr_t what;

	ck_assert_uint_lt(i, recorded(r));
	ck_assert_uint_lt(i, RECORD_MAX);
	pthread_mutex_lock(&r->mu);
	what = r->what[i];
	pthread_mutex_unlock(&r->mu);
	return what;
}

size_t recorded_times(struct recorder *r, intptr_t what)
{
	size_t times = 0;

	pthread_mutex_lock(&r->mu);
	for (size_t i = 0; i < r->n && i < RECORD_MAX; i++)
		times += r->what[i] == what;
	pthread_mutex_unlock(&r->mu);
	return times;
}

void reports_init(struct reports *r)
{
	memset(r, 0, sizeof *r);
	pthread_mutex_init(&r->mu, NULL);
}

static void fill_in(struct reported *e, ptj_scheduler *s, const ptj_context *context)
{
	const char *why = context->error_message;

	e->scheduler = s;
	snprintf(e->message, sizeof e->message, "%s", context->message);
	snprintf(e->error_message, sizeof e->error_message, "%s", why ? why : "");
	e->has_error_message = why != NULL;
	e->job_id = context->job ? ptj_job_id(context->job) : 0;
	e->error = context->error;
	e->job_error = context->job ? ptj_job_error(context->job) : 0;
	e->job_closed = context->job ? ptj_job_closed(context->job) : 0;
	e->has_traceback = context->source_traceback != NULL;
	e->traceback_len = context->source_traceback_len;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &e->cancel_state);
	pthread_setcancelstate(e->cancel_state, NULL);
}

void reports_handler(ptj_scheduler *s, const ptj_context *context, void *reports)
{
	struct reports *r = reports;
	struct reported e;

	fill_in(&e, s, context);
	pthread_mutex_lock(&r->mu);
	if (r->n < REPORT_MAX)
		r->seen[r->n] = e;
	r->n++;
	pthread_mutex_unlock(&r->mu);
}

size_t reports_count(struct reports *r)
{
	size_t n;

	pthread_mutex_lock(&r->mu);
	n = r->n;
	pthread_mutex_unlock(&r->mu);
	return n;
}

size_t reports_with(struct reports *r, const char *message)
{
	size_t n = 0;

	pthread_mutex_lock(&r->mu);
	for (size_t i = 0; i < r->n && i < REPORT_MAX; i++)
		n += strcmp(r->seen[i].message, message) == 0;
	pthread_mutex_unlock(&r->mu);
	return n;
}

struct reported report_at(struct reports *r, size_t i)
{
	struct reported e;

	ck_assert_uint_lt(i, reports_count(r));
	pthread_mutex_lock(&r->mu);
	e = r->seen[i];
	pthread_mutex_unlock(&r->mu);
	return e;
}

/* ---- Callers -------------------------------------------------------------------------------- */

int gettid_here(void)
{
	return (int)syscall(SYS_gettid);
}

static void caller_over(void *caller)
{
	struct caller *c = caller;

	atomic_store(&c->done, 1);
}

static void *caller_main(void *caller)
{
	struct caller *c = caller;

	atomic_store(&c->tid, gettid_here());
	pthread_cleanup_push(caller_over, c);
	c->result = c->call(c);
	pthread_cleanup_pop(1);
	return NULL;
}

void caller_start(struct caller *c, int (*call)(struct caller *c))
{
	c->call = call;
	c->result = 0;
	c->value = NULL;
	c->spawned = NULL;
	atomic_init(&c->tid, 0);
	atomic_init(&c->done, 0);
	ck_assert_int_eq(pthread_create(&c->thread, NULL, caller_main, c), 0);
}

int caller_done(struct caller *c)
{
	return atomic_load(&c->done);
}

int caller_join(struct caller *c)
{
	void *end;

	await(caller_done(c));
	ck_assert_int_eq(pthread_join(c->thread, &end), 0);
	return end == PTHREAD_CANCELED ? CALLER_CANCELLED : c->result;
}

/* The state letter of a thread and how often it gave up the processor by itself. */
static char thread_state(int tid, unsigned long *switches)
{
	char path[64], line[256], state = '?';
	FILE *f;

	*switches = 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
	f = fopen(path, "re");
	if (!f)
		return state;
	while (fgets(line, sizeof line, f)) {
		(void)sscanf(line, "State: %c", &state);
		(void)sscanf(line, "voluntary_ctxt_switches: %lu", switches);
	}
	fclose(f);
	return state;
}

/* A thread may sleep for a moment on a mutex on its way; one that sleeps through many looks is
   where it will stay. */
int thread_is_blocked(int tid)
{
	enum { LOOKS = 20 };
	unsigned long before, now;

	if (thread_state(tid, &before) != 'S')
		return 0;
	for (int i = 0; i < LOOKS; i++) {
		pause_briefly();
		if (thread_state(tid, &now) != 'S' || now != before)
			return 0;
	}
	return 1;
}

int thread_is_gone(int tid)
{
	unsigned long switches;

	return thread_state(tid, &switches) == '?';
}

void caller_await_blocked(struct caller *c)
{
	await(atomic_load(&c->tid) != 0);
	await(caller_done(c) || thread_is_blocked(atomic_load(&c->tid)));
	ck_assert_msg(!caller_done(c), "the call did not block but returned %d", c->result);
}

int call_wait(struct caller *c)
{
	return ptj_job_wait(c->job, c->timeout, &c->value);
}

int call_poll(struct caller *c)
{
	return ptj_job_poll(c->job, c->timeout, &c->value);
}

int call_close(struct caller *c)
{
	return ptj_job_close(c->job, c->timeout);
}

int call_spawn(struct caller *c)
{
	return ptj_spawn(c->s, c->fn, c->arg, &c->spawned);
}

int call_spawn_attr(struct caller *c)
{
	return ptj_spawn_attr(c->s, c->attr, c->fn, c->arg, c->timeout, &c->spawned);
}

int call_shield(struct caller *c)
{
	return ptj_shield(c->s, c->fn, c->arg, c->timeout, &c->value);
}

int call_scheduler_close(struct caller *c)
{
	return ptj_scheduler_close(c->s);
}

int call_scheduler_wait(struct caller *c)
{
	return ptj_scheduler_wait(c->s, c->timeout);
}

int call_wait_and_close(struct caller *c)
{
	return ptj_scheduler_wait_and_close(c->s, c->timeout);
}

/* ---- Schedulers ----------------------------------------------------------------------------- */

struct setup setup_of(size_t limit, size_t pending_limit)
{
	return (struct setup){
		.limit = limit,
		.pending_limit = pending_limit,
		.close_timeout = PATIENCE_MS,
		.wait_timeout = PATIENCE_MS,
		.idle_timeout = 10000,
		.mode = PTJ_CANCEL_DEFERRED,
	};
}

ptj_attr *attr_of(const struct setup *u)
{
	ptj_attr *attr;

	ok(ptj_attr_create(&attr));
	ok(ptj_attr_set_limit(attr, u->limit));
	ok(ptj_attr_set_pending_limit(attr, u->pending_limit));
	ok(ptj_attr_set_close_timeout(attr, u->close_timeout));
	ok(ptj_attr_set_wait_timeout(attr, u->wait_timeout));
	ok(ptj_attr_set_idle_timeout(attr, u->idle_timeout));
	ok(ptj_attr_set_cancel_mode(attr, u->mode));
	ok(ptj_attr_set_debug(attr, u->debug));
	if (u->reports)
		ok(ptj_attr_set_exception_handler(attr, reports_handler, u->reports));
	ok(ptj_attr_set_thread_start(attr, u->thread_start, u->thread_user));
	ok(ptj_attr_set_thread_stop(attr, u->thread_stop, u->thread_user));
	return attr;
}

ptj_scheduler *make(const struct setup *u)
{
	ptj_scheduler *s = NULL;
	ptj_attr *attr = attr_of(u);

	ok(ptj_scheduler_create(&s, attr));
	ck_assert_ptr_nonnull(s);
	ptj_attr_free(attr);
	return s;
}

ptj_scheduler *make_simple(size_t limit, size_t pending_limit)
{
	struct setup u = setup_of(limit, pending_limit);

	return make(&u);
}

struct setup setup_number(int i)
{
	static const size_t limits[] = {0, 1, 2, 8};
	static const size_t pending[] = {0, 1, 64};
	struct setup u = setup_of(limits[i % 4], pending[i / 4 % 3]);

	u.mode = i / 12 % 3;
	return u;
}

ptj_job *spawn(ptj_scheduler *s, ptj_job_fn fn, void *arg)
{
	ptj_job *job = NULL;

	ok(ptj_spawn(s, fn, arg, &job));
	if (!job)
		ck_abort_msg("there is no job");
	return job;
}

ptj_job *spawn_with(ptj_scheduler *s, const ptj_job_attr *attr, ptj_job_fn fn, void *arg)
{
	ptj_job *job = NULL;

	ok(ptj_spawn_attr(s, attr, fn, arg, PTJ_INFINITE, &job));
	if (!job)
		ck_abort_msg("there is no job");
	return job;
}

void spawn_n(ptj_scheduler *s, size_t n, ptj_job_fn fn, void *arg)
{
	while (n--)
		ok(ptj_spawn(s, fn, arg, NULL));
}

ptj_job_attr *job_attr(ptj_release_fn release, int mode)
{
	ptj_job_attr *attr;

	ok(ptj_job_attr_create(&attr));
	ok(ptj_job_attr_set_release(attr, release));
	if (mode >= 0)
		ok(ptj_job_attr_set_cancel_mode(attr, mode));
	return attr;
}

/* ---- Running -------------------------------------------------------------------------------- */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

#ifdef __SANITIZE_THREAD__
/* Schedulers work in the child of a fork, where ThreadSanitizer else refuses to start threads. */
__attribute__((weak)) const char tsan_options[] = "die_after_fork=0";

__attribute__((visibility("default"))) const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return tsan_options;
}
#endif

static int entries(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);
	int n = 0;

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

int threads_here(void)
{
	return entries("/proc/self/task");
}

int descriptors_here(void)
{
	return entries("/proc/self/fd");
}

static int descriptors_before;
static volatile pid_t testing; /* the process that is within a test; 0: none is */

/* To Check a test that exits with 0 in its midst has passed. */
static void exit_in_a_test(void)
{
	if (testing == getpid())
		_exit(EXIT_FAILURE);
}

static void before_test(void)
{
	static int registered;

	if (!registered)
		atexit(exit_in_a_test);
	registered = 1;
	descriptors_before = descriptors_here();
	testing = getpid();
}

static void after_test(void)
{
	await(descriptors_here() <= descriptors_before);
	testing = 0;
}

void add_fixture(TCase *tc)
{
	tcase_add_checked_fixture(tc, before_test, after_test);
}

int run_tests(const char *suite, void (*add)(TCase *tc))
{
	Suite *s = suite_create(suite);
	TCase *tc = tcase_create(suite);
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, CASE_TIMEOUT_S);
	add_fixture(tc);
	add(tc);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
