/* What the suites share: gates, which force an interleaving; recorders, which workers fill in and
   the test reads; callers, threads that make one library call; and the way a suite is run.

   Check ends a failed test by exit or longjmp, so assertions are made on the test's own thread
   only: jobs and callers record what they saw, and the test looks at it after it has waited for
   them.  Nothing here sleeps in the hope that something happens meanwhile.  await() looks again
   and again at a state that no call waits for, with a deadline that passes only when something is
   broken.

   SPDX-License-Identifier: Apache-2.0 */

#ifndef PTJOBS_TESTS_SUPPORT_H
#define PTJOBS_TESTS_SUPPORT_H

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ptjobs.h>

enum {
	PATIENCE_MS = 60000, /* passes only when something is broken */
	SHORT_MS = 50,       /* a timeout that is meant to pass */
	SLACK_MS = 20000,    /* how late a timeout may be noticed on a busy machine */
	EARLY_MS = 2,        /* clocks are read at different moments and rounded */
	CASE_TIMEOUT_S = 120 /* times CK_TIMEOUT_MULTIPLIER */
};

int64_t now_ms(void);
void pause_briefly(void);

/* Has the child of a fork die of SIGALRM if it is still there after that many seconds.  Check's own
   handler for it, which it inherits, would kill the test instead. */
void end_in(unsigned seconds);

/* What ThreadSanitizer is told; a suite may have its own. */
extern const char tsan_options[];

/* Check writes each assertion down in a file, also those that hold, which takes longer than most
   calls do.  So these, which stand in loops, tell it of nothing but failures. */

/* Fails the test unless the call returns this code; both are named in the message. */
#define expect(code, call)                                                              \
	do {                                                                            \
		int expect_got = (call);                                                \
		int expect_code = (code);                                               \
		if (expect_got != expect_code)                                          \
			ck_abort_msg("%s: %d (%s), and not %d (%s)", #call, expect_got, \
			             ptj_strerror(expect_got), expect_code,             \
			             ptj_strerror(expect_code));                        \
	} while (0)

#define ok(call) expect(0, call)

#define await(condition)                                                 \
	do {                                                             \
		int64_t await_end = now_ms() + PATIENCE_MS;              \
		while (!(condition)) {                                   \
			if (now_ms() >= await_end)                       \
				ck_abort_msg("in vain: %s", #condition); \
			pause_briefly();                                 \
		}                                                        \
	} while (0)

/* The call took at least low_ms, and no longer than that and SLACK_MS. */
#define expect_took(start_ms, low_ms)                           \
	do {                                                    \
		int64_t took_ms = now_ms() - (start_ms);        \
		ck_assert_int_ge(took_ms, (low_ms)-EARLY_MS);   \
		ck_assert_int_le(took_ms, (low_ms) + SLACK_MS); \
	} while (0)

/* For a function that a cancellation unwinds while the address of one of its locals is known:
   gcc 12's AddressSanitizer leaves such a frame poisoned for the frames that come after it. */
#define UNWOUND __attribute__((no_sanitize_address))

/* ---- Gates ---------------------------------------------------------------------------------- */

/* Jobs arrive at a gate and stay until the test opens it; from then on they walk through. */
struct gate {
	pthread_mutex_t mu;
	pthread_cond_t changed; /* arrived or open changed */
	int arrived;            /* guarded by mu */
	int passed;             /* guarded by mu; those who saw it open */
	int open;               /* guarded by mu */
	int fd;                 /* readable once open; read-only after init */
};

void gate_init(struct gate *g);
void gate_destroy(struct gate *g);
void gate_open(struct gate *g);
/* Fails the test if fewer than n ever arrive. */
void gate_await(struct gate *g, int n);
int gate_arrived(struct gate *g);
int gate_passed(struct gate *g);

/* A cancellation point, as the thread's cancellation state says. */
void gate_pass(struct gate *g);
/* Cannot be cancelled in any mode. */
void gate_pass_stubborn(struct gate *g);
/* Obeys in every mode: ECANCELED when a close of the calling job begins, else 0. */
int gate_pass_obedient(struct gate *g);

/* The same as jobs; each returns its argument, the gate. */
void *job_at_gate(void *gate);
void *job_stubborn(void *gate);
void *job_obedient(void *gate);

/* Jobs without a gate. */
void *job_identity(void *arg);
void *job_fail_eio(void *arg); /* ptj_job_fail(EIO, "disk on fire") */
void *job_sleep_forever(void *arg);

/* ---- Recorders ------------------------------------------------------------------------------ */

enum { RECORD_MAX = 4096 };

struct recorder {
	pthread_mutex_t mu;
	size_t n; /* guarded by mu; may pass RECORD_MAX, the rest is only counted */
	intptr_t what[RECORD_MAX]; /* guarded by mu */
};

void recorder_init(struct recorder *r);
void record(struct recorder *r, intptr_t what);
size_t recorded(struct recorder *r);
intptr_t recorded_at(struct recorder *r, size_t i);
size_t recorded_times(struct recorder *r, intptr_t what);

enum { REPORT_MAX = 256, REPORT_TEXT = 64 };

struct reported {
	ptj_scheduler *scheduler;
	char message[REPORT_TEXT];
	char error_message[REPORT_TEXT];
	int has_error_message;
	uint64_t job_id; /* 0 without a job */
	int error;
	int job_error;  /* ptj_job_error() as the handler saw it */
	int job_closed; /* ptj_job_closed() as the handler saw it */
	int has_traceback;
	size_t traceback_len;
	int cancel_state;
};

/* An exception handler and what it was told. */
struct reports {
	pthread_mutex_t mu;
	size_t n;                         /* guarded by mu */
	struct reported seen[REPORT_MAX]; /* guarded by mu */
};

void reports_init(struct reports *r);
void reports_handler(ptj_scheduler *s, const ptj_context *context, void *reports);
size_t reports_count(struct reports *r);
size_t reports_with(struct reports *r, const char *message);
struct reported report_at(struct reports *r, size_t i);

#define PROCESSING_FAILED "Job processing failed"
#define CLOSING_TIMED_OUT "Job closing timed out"

/* ---- Callers -------------------------------------------------------------------------------- */

enum { CALLER_CANCELLED = -1000 };

/* A thread that makes one call.  The fields above `result` are the test's until it has started,
   those below it are the test's again once it was joined. */
struct caller {
	ptj_scheduler *s;
	ptj_job *job;
	ptj_job_fn fn;
	void *arg;
	int64_t timeout;
	const ptj_job_attr *attr;

	int result;
	void *value;
	ptj_job *spawned;

	int (*call)(struct caller *c);
	pthread_t thread;
	atomic_int tid;
	atomic_int done;
};

void caller_start(struct caller *c, int (*call)(struct caller *c));
int caller_done(struct caller *c);
/* What the call returned, or CALLER_CANCELLED.  Fails the test if it never returns. */
int caller_join(struct caller *c);
/* Returns once the thread sleeps and stays asleep: its call blocks. */
void caller_await_blocked(struct caller *c);

int call_wait(struct caller *c);
int call_poll(struct caller *c);
int call_close(struct caller *c);
int call_spawn(struct caller *c);
int call_spawn_attr(struct caller *c);
int call_shield(struct caller *c);
int call_scheduler_close(struct caller *c);
int call_scheduler_wait(struct caller *c);
int call_wait_and_close(struct caller *c);

int gettid_here(void);
int thread_is_blocked(int tid);
int thread_is_gone(int tid);

/* ---- Schedulers ----------------------------------------------------------------------------- */

struct setup {
	size_t limit;
	size_t pending_limit;
	int64_t close_timeout;
	int64_t wait_timeout;
	int64_t idle_timeout;
	int mode;
	int debug;
	struct reports *reports; /* NULL: the default handler */
	ptj_thread_hook thread_start, thread_stop;
	void *thread_user;
};

/* The library's defaults but for these; a close timeout that never passes unless it is set. */
struct setup setup_of(size_t limit, size_t pending_limit);
/* The same as attributes, which are the caller's. */
ptj_attr *attr_of(const struct setup *u);
ptj_scheduler *make(const struct setup *u);
ptj_scheduler *make_simple(size_t limit, size_t pending_limit);

/* Limits 0, 1, 2, 8, pending limits 0, 1, 64, and the three modes: for tcase_add_loop_test(). */
enum { SETUPS = 4 * 3 * 3, MODES = 3 };
struct setup setup_number(int i);

/* These fail the test where the call fails. */
ptj_job *spawn(ptj_scheduler *s, ptj_job_fn fn, void *arg);
ptj_job *spawn_with(ptj_scheduler *s, const ptj_job_attr *attr, ptj_job_fn fn, void *arg);
void spawn_n(ptj_scheduler *s, size_t n, ptj_job_fn fn, void *arg);
ptj_job_attr *job_attr(ptj_release_fn release, int mode); /* mode -1: the scheduler's */

/* ---- Running -------------------------------------------------------------------------------- */

/* How many threads or descriptors the process has. */
int threads_here(void);
int descriptors_here(void);

/* Fails a test that leaves a descriptor open or whose process exits in its midst. */
void add_fixture(TCase *tc);

/* Runs one suite in Check's way, with the fixture, and returns the exit status for main(). */
int run_tests(const char *suite, void (*add)(TCase *tc));

#endif
