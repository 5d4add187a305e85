/* The n-th allocation, thread or descriptor fails, for n = 0, 1, 2...: the call fails cleanly at
   first, and succeeds at last.

   SPDX-License-Identifier: Apache-2.0 */

#include "faults.h"
#include "support.h"

enum {
	MANY = 1000,  /* more than any call needs */
	RETRY_MS = 10 /* between two tries to have a thread started, for one that is blocked */
};

static struct gate gate;
static struct recorder seen;

static void release_record(void *arg)
{
	(void)arg;
	record(&seen, 1);
}

static ptj_scheduler *make_counted(struct setup u)
{
	ptj_scheduler *s;

	in_library(s = make(&u));
	return s;
}

static void free_counted(ptj_scheduler *s)
{
	in_library(ptj_scheduler_free(s));
}

/* ---- Memory --------------------------------------------------------------------------------- */

/* One call that needs memory: prepared, made while the n-th allocation fails, undone.  A failed
   call must leave things so that the same call works afterwards. */
struct operation {
	const char *name;
	void (*prepare)(void);
	int (*call)(void);
	void (*undo)(int code);
	int starts_a_thread;
};

static ptj_attr *attr;
static ptj_job_attr *ja;
static ptj_scheduler *s;
static ptj_job *job;
static ptj_completions *queue;

static void prepare_nothing(void)
{
}

static int call_attr_create(void)
{
	return ptj_attr_create(&attr);
}

static void undo_attr(int code)
{
	ck_assert((code == 0) == (attr != NULL));
	ptj_attr_free(attr);
}

static void prepare_attr(void)
{
	ok(ptj_attr_create(&attr));
	ok(ptj_attr_set_name(attr, "before"));
}

static int call_attr_set_name(void)
{
	return ptj_attr_set_name(attr, "a name that is longer than any buffer is likely to be");
}

static void undo_attr_name(int code)
{
	char name[64];

	ck_assert_int_gt(ptj_attr_get_name(attr, name, sizeof name), 0);
	if (code)
		ck_assert_str_eq(name, "before");
	ptj_attr_free(attr);
}

static int call_job_attr_create(void)
{
	return ptj_job_attr_create(&ja);
}

static void undo_job_attr(int code)
{
	ck_assert((code == 0) == (ja != NULL));
	ptj_job_attr_free(ja);
}

static void prepare_job_attr(void)
{
	ok(ptj_job_attr_create(&ja));
}

static int call_job_attr_set_name(void)
{
	return ptj_job_attr_set_name(ja, "a name that is longer than any buffer may be");
}

static void undo_job_attr_name(int code)
{
	(void)code;
	ptj_job_attr_free(ja);
}

static int call_scheduler_create(void)
{
	return ptj_scheduler_create(&s, NULL);
}

static int call_scheduler_create_with(void)
{
	return ptj_scheduler_create(&s, attr);
}

static void undo_scheduler(int code)
{
	ck_assert((code == 0) == (s != NULL));
	ptj_scheduler_free(s);
	ptj_attr_free(attr);
}

static void prepare_scheduler(void)
{
	struct setup u = setup_of(2, 0);

	s = make(&u);
}

static void prepare_debugged_scheduler(void)
{
	struct setup u = setup_of(2, 0);

	u.debug = 1;
	s = make(&u);
}

static void prepare_named_spawn(void)
{
	prepare_debugged_scheduler();
	ok(ptj_job_attr_create(&ja));
	ok(ptj_job_attr_set_name(ja, "a name that is longer than any buffer may be"));
	ok(ptj_job_attr_set_release(ja, release_record));
}

static int call_spawn_here(void)
{
	return ptj_spawn_attr(s, ja, job_identity, &gate, PTJ_INFINITE, &job);
}

static int call_spawn_symbol_here(void)
{
	static char text[] = "four";

	return ptj_spawn_symbol(s, ja, NULL, "strlen", text, PTJ_INFINITE, &job);
}

static void undo_spawn(int code)
{
	size_t released = recorded(&seen);
	int has_release = ja != NULL;

	if (code) {
		ck_assert_ptr_null(job);
		ck_assert_uint_eq(ptj_scheduler_len(s), 0);
		ck_assert_uint_eq(ptj_scheduler_active_count(s), 0);
		ok(call_spawn_here());
	}
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
	if (has_release && code)
		ck_assert_uint_eq(recorded(&seen), released + 1);
	ptj_job_unref(job);
	ptj_job_attr_free(ja);
	ptj_scheduler_free(s);
}

/* More jobs than one slab holds, none of which ends meanwhile. */
enum { CROWD = 2000 };

static size_t crowd;

static void prepare_crowd(void)
{
	prepare_scheduler();
	gate_init(&gate);
	crowd = 0;
}

static int call_spawn_crowd(void)
{
	int code = 0;

	for (; crowd < CROWD && !code; crowd += !code)
		code = ptj_spawn(s, job_at_gate, &gate, NULL);
	return code;
}

static void undo_crowd(int code)
{
	ck_assert_uint_eq(ptj_scheduler_len(s), crowd);
	if (code)
		ok(call_spawn_crowd());
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_int_eq(gate_passed(&gate), CROWD);
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

static int call_completions_create(void)
{
	return ptj_completions_create(&queue, -1);
}

static void undo_queue(int code)
{
	ck_assert((code == 0) == (queue != NULL));
	ptj_completions_free(queue);
}

static int call_spawn_external(void)
{
	return ptj_spawn_external(s, ja, &gate, PTJ_INFINITE, &job);
}

static void undo_external(int code)
{
	ptj_job *handed_out;

	if (code) {
		ck_assert_ptr_null(job);
		expect(ETIMEDOUT, ptj_external_next(s, 0, &handed_out));
		ck_assert_uint_eq(ptj_scheduler_active_count(s), 0);
		ok(call_spawn_external());
	}
	ok(ptj_external_next(s, 0, &handed_out));
	ck_assert_ptr_eq(handed_out, job);
	ok(ptj_job_finish(job, 0, NULL, NULL));
	ptj_job_unref(job);
	ptj_job_unref(job);
	ptj_job_attr_free(ja);
	ptj_scheduler_free(s);
}

static void prepare_external(void)
{
	prepare_scheduler();
	ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL));
	ok(ptj_external_next(s, 0, &job));
}

static int call_on_cancel(void)
{
	return ptj_external_on_cancel(job, release_record, NULL);
}

static void undo_on_cancel(int code)
{
	size_t called = recorded(&seen);

	expect(ETIMEDOUT, ptj_job_close(job, 0));
	ck_assert_uint_eq(recorded(&seen), called + !code);
	ok(ptj_job_finish(job, 0, NULL, NULL));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}

/* The attributes go first, then the queue, then its jobs. */
static void prepare_bound_spawn(void)
{
	prepare_named_spawn();
	ok(ptj_completions_create(&queue, -1));
	ok(ptj_job_attr_set_completions(ja, queue));
}

static void undo_bound_spawn(int code)
{
	ptj_job *taken;
	size_t n;

	if (code) {
		expect(ETIMEDOUT, ptj_completions_take(queue, &taken, 1, 0, &n));
		ok(call_spawn_here());
	}
	ptj_job_attr_free(ja);
	ja = NULL;
	ok(ptj_completions_take(queue, &taken, 1, PTJ_INFINITE, &n));
	ck_assert_ptr_eq(taken, job);
	ptj_job_unref(taken);
	ptj_completions_free(queue);
	undo_spawn(0);
}

static int call_shield_here(void)
{
	return ptj_shield(s, job_identity, NULL, PTJ_INFINITE, NULL);
}

static void undo_shield(int code)
{
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
	if (code)
		ok(call_shield_here());
	ptj_scheduler_free(s);
}

static void nobody(ptj_scheduler *sched, const ptj_context *context, void *user)
{
	(void)sched;
	(void)context;
	(void)user;
}

static int call_set_handler(void)
{
	return ptj_scheduler_set_exception_handler(s, nobody, &seen);
}

static void undo_handler(int code)
{
	ck_assert(ptj_scheduler_get_exception_handler(s, NULL) == (code ? NULL : nobody));
	ptj_scheduler_free(s);
}

static void prepare_job(void)
{
	prepare_scheduler();
	ok(ptj_spawn(s, job_identity, NULL, &job));
	ok(ptj_job_wait(job, PTJ_INFINITE, NULL));
}

static int call_set_name(void)
{
	return ptj_job_set_name(job, "a name that is longer than any buffer is likely to be");
}

static void undo_name(int code)
{
	char name[64];

	ptj_job_get_name(job, name, sizeof name);
	ck_assert((code == 0) == (strcmp(name, "job-1") != 0));
	ptj_job_unref(job);
	ptj_scheduler_free(s);
}

static const struct operation operations[] = {
	{"attr_create", prepare_nothing, call_attr_create, undo_attr, 0},
	{"attr_set_name", prepare_attr, call_attr_set_name, undo_attr_name, 0},
	{"job_attr_create", prepare_nothing, call_job_attr_create, undo_job_attr, 0},
	{"job_attr_set_name", prepare_job_attr, call_job_attr_set_name, undo_job_attr_name, 0},
	{"scheduler_create", prepare_nothing, call_scheduler_create, undo_scheduler, 0},
	{"scheduler_create with attributes", prepare_attr, call_scheduler_create_with,
         undo_scheduler, 0},
	{"spawn", prepare_scheduler, call_spawn_here, undo_spawn, 1},
	{"spawn with a name and a trace", prepare_named_spawn, call_spawn_here, undo_spawn, 1},
	{"completions_create", prepare_nothing, call_completions_create, undo_queue, 0},
	{"spawn with a completion queue", prepare_bound_spawn, call_spawn_here, undo_bound_spawn,
         1},
	{"spawn_external", prepare_scheduler, call_spawn_external, undo_external, 0},
	{"spawn_external with attributes", prepare_named_spawn, call_spawn_external, undo_external,
         0},
	{"external_on_cancel", prepare_external, call_on_cancel, undo_on_cancel, 0},
	{"spawn of a symbol", prepare_named_spawn, call_spawn_symbol_here, undo_spawn, 1},
	{"many spawns", prepare_crowd, call_spawn_crowd, undo_crowd, 1},
	{"shield", prepare_scheduler, call_shield_here, undo_shield, 1},
	{"shield with a trace", prepare_debugged_scheduler, call_shield_here, undo_shield, 1},
	{"set_exception_handler", prepare_scheduler, call_set_handler, undo_handler, 0},
	{"job_set_name", prepare_job, call_set_name, undo_name, 0},
};

enum { OPERATIONS = sizeof operations / sizeof *operations };

static int run_operation(const struct operation *o, int n, int lasting, int *hits)
{
	int code;

	attr = NULL;
	ja = NULL;
	s = NULL;
	job = NULL;
	queue = NULL;
	library_enter();
	o->prepare();
	fault_arm(NO_MEMORY, n, lasting);
	code = o->call();
	*hits = fault_disarm(NO_MEMORY);
	o->undo(code);
	library_leave();
	return code;
}

START_TEST(without_memory_each_call_fails_cleanly_and_succeeds_at_last)
{
	const struct operation *o = &operations[_i / 2];
	int n = 0, hits, code;

	recorder_init(&seen);
	for (; n < MANY; n++) {
		code = run_operation(o, n, _i % 2, &hits);
		await(blocks_held() == 0);
		if (hits == 0)
			break;
		/* Memory for a thread is missing in the way of a thread, or there is one. */
		ck_assert_msg(code == ENOMEM || (o->starts_a_thread && code == EAGAIN) ||
		                      (o->starts_a_thread && code == 0 && n > 0),
		              "%s, %d: %s", o->name, n, ptj_strerror(code));
	}
	ck_assert_msg(n > 0, "%s needs no memory", o->name);
	ck_assert_int_lt(n, MANY);
	expect(0, code);
}
END_TEST

/* Within a job. */
static void *job_fail_without_memory(void *arg)
{
	fault_arm(NO_MEMORY, 0, 1);
	ptj_job_fail(EIO, "a message that is longer than any buffer is likely to be, or is it");
	record(arg, fault_disarm(NO_MEMORY));
	return NULL;
}

START_TEST(a_failure_is_recorded_although_its_message_is_dropped)
{
	ptj_job *failed;

	recorder_init(&seen);
	s = make_counted(setup_of(1, 0));
	in_library(failed = spawn(s, job_fail_without_memory, &seen));
	expect(PTJ_EFAILED, ptj_job_wait(failed, PTJ_INFINITE, NULL));
	ck_assert_int_eq(ptj_job_error(failed), EIO);
	if (recorded_at(&seen, 0))
		ck_assert_ptr_null(ptj_job_error_message(failed));
	ptj_job_unref(failed);
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

static void *job_ask_without(void *arg)
{
	int fd;

	fault_arm(NO_MEMORY, 0, 1);
	fault_arm(NO_DESCRIPTOR, 0, 1);
	fd = ptj_job_cancel_fd();
	record(arg, ptj_job_on_cancel(free, NULL));
	fault_disarm(NO_MEMORY);
	record(arg, fd);
	record(arg, ptj_job_cancel_fd());
	fault_disarm(NO_DESCRIPTOR);
	fd = ptj_job_cancel_fd();
	record(arg, fd >= 0 ? 1 : -2);
	record(arg, ptj_job_on_cancel(free, NULL));
	return arg;
}

START_TEST(cancel_fd_and_callback_fail_cleanly)
{
	recorder_init(&seen);
	s = make_counted(setup_of(1, 0));
	in_library(spawn_n(s, 1, job_ask_without, &seen));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ck_assert_uint_eq(recorded(&seen), 5);
	ck_assert(recorded_at(&seen, 0) == ENOMEM || recorded_at(&seen, 0) == 0);
	ck_assert_int_eq(recorded_at(&seen, 1), -1);
	ck_assert_int_eq(recorded_at(&seen, 2), -1);
	ck_assert_int_eq(recorded_at(&seen, 3), 1);
	ck_assert_int_eq(recorded_at(&seen, 4), 0);
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

START_TEST(a_queue_without_a_descriptor_is_none)
{
	queue = NULL;
	fault_arm(NO_DESCRIPTOR, 0, 1);
	in_library(expect(EMFILE, ptj_completions_create(&queue, -1)));
	ck_assert_int_eq(fault_disarm(NO_DESCRIPTOR), 1);
	ck_assert_ptr_null(queue);
	ck_assert_uint_eq(blocks_held(), 0);
}
END_TEST

START_TEST(an_external_job_without_memory_and_descriptors)
{
	int code;

	s = make_counted(setup_of(1, 0));
	in_library(ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL)));
	fault_arm(NO_DESCRIPTOR, 0, 1);
	in_library(ck_assert_int_eq(ptj_external_fd(s), -1));
	ok(ptj_external_next(s, 0, &job));
	in_library(ck_assert_int_eq(ptj_external_cancel_fd(job), -1));
	ck_assert_int_eq(fault_disarm(NO_DESCRIPTOR), 2);
	ck_assert_int_ge(ptj_external_fd(s), 0);
	fault_arm(NO_MEMORY, 0, 1);
	in_library(code = ptj_job_finish(job, EIO, "a message that is dropped", NULL));
	ck_assert_int_ge(fault_disarm(NO_MEMORY), 1);
	ok(code);
	ck_assert_int_eq(ptj_job_error(job), EIO);
	ck_assert_ptr_null(ptj_job_error_message(job));
	ptj_job_unref(job);
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

/* No thread is needed for it, and none is started for those in line behind it. */
START_TEST(an_external_job_needs_no_thread)
{
	ptj_job *in_line;

	s = make_counted(setup_of(1, 0));
	fault_arm(NO_THREAD, 0, 1);
	in_library(ok(ptj_spawn_external(s, NULL, NULL, PTJ_INFINITE, NULL)));
	in_library(ok(ptj_spawn(s, job_identity, NULL, &in_line)));
	ok(ptj_external_next(s, 0, &job));
	in_library(ok(ptj_job_finish(job, 0, NULL, NULL)));
	ck_assert_int_ge(fault_hits(NO_THREAD), 1);
	ck_assert_int_eq(ptj_job_active(in_line), 1);
	in_library(expect(ETIMEDOUT, ptj_job_poll(in_line, SHORT_MS, NULL)));
	fault_disarm(NO_THREAD);
	ok(ptj_job_wait(in_line, PTJ_INFINITE, NULL));
	ptj_job_unref(in_line);
	ptj_job_unref(job);
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

/* ---- Threads -------------------------------------------------------------------------------- */

START_TEST(without_any_thread_a_spawn_is_eagain_and_nothing_happened)
{
	struct setup u = setup_number(_i);
	ptj_job *none = NULL, *later;
	void *result = NULL;

	recorder_init(&seen);
	s = make_counted(u);
	in_library(ja = job_attr(release_record, -1));
	fault_arm(NO_THREAD, 0, 1);
	in_library(expect(EAGAIN, ptj_spawn_attr(s, ja, job_identity, NULL, 0, &none)));
	in_library(expect(EAGAIN, ptj_shield(s, job_identity, NULL, PTJ_INFINITE, &result)));
	ck_assert_int_ge(fault_disarm(NO_THREAD), 2);
	ck_assert_ptr_null(none);
	ck_assert_ptr_null(result);
	ck_assert_uint_eq(recorded(&seen), 0);
	ck_assert_uint_eq(ptj_scheduler_len(s), 0);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 0);
	ck_assert_uint_eq(ptj_scheduler_shield_count(s), 0);
	in_library(later = spawn_with(s, ja, job_identity, &gate));
	ok(ptj_job_wait(later, PTJ_INFINITE, NULL));
	ck_assert_uint_eq(recorded(&seen), 1);
	ptj_job_unref(later);
	ptj_job_attr_free(ja);
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

/* Active without a thread: the running worker takes it when it is through. */
START_TEST(a_job_waits_for_a_running_worker)
{
	struct setup u = setup_of(3, 0);
	struct gate open;
	ptj_job *waiting, *dropped;

	u.mode = _i;
	gate_init(&gate);
	gate_init(&open);
	gate_open(&open);
	s = make_counted(u);
	in_library(spawn_n(s, 1, job_at_gate, &gate));
	gate_await(&gate, 1);
	fault_arm(NO_THREAD, 0, 1);
	in_library(waiting = spawn(s, job_at_gate, &open));
	in_library(dropped = spawn(s, job_at_gate, &open));
	ck_assert_int_eq(ptj_job_active(waiting), 1);
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 3);
	/* This one's thread has not entered its function, so it never will. */
	in_library(ok(ptj_job_close(dropped, PTJ_INFINITE)));
	expect(ECANCELED, ptj_job_wait(dropped, 0, NULL));
	ck_assert_int_eq(gate_arrived(&open), 0);
	gate_open(&gate);
	ok(ptj_job_wait(waiting, PTJ_INFINITE, NULL));
	ck_assert_int_ge(fault_disarm(NO_THREAD), 1);
	ck_assert_int_eq(gate_passed(&open), 1);
	ptj_job_unref(waiting);
	ptj_job_unref(dropped);
	free_counted(s);
	gate_destroy(&gate);
	gate_destroy(&open);
}
END_TEST

static void *job_note(void *what)
{
	record(&seen, (intptr_t)what);
	return NULL;
}

/* It is active, and others are only in line: the worker does not pass its permit to them first. */
START_TEST(a_job_without_a_thread_goes_before_those_in_line)
{
	recorder_init(&seen);
	gate_init(&gate);
	s = make_counted(setup_of(2, 0));
	in_library(spawn_n(s, 1, job_at_gate, &gate));
	gate_await(&gate, 1);
	fault_arm(NO_THREAD, 0, 1);
	in_library(spawn_n(s, 1, job_note, (void *)1));
	in_library(spawn_n(s, 1, job_note, (void *)2));
	in_library(spawn_n(s, 1, job_note, (void *)3));
	ck_assert_uint_eq(ptj_scheduler_active_count(s), 2);
	ck_assert_uint_eq(ptj_scheduler_pending_count(s), 2);
	gate_open(&gate);
	in_library(ok(ptj_scheduler_wait(s, PTJ_INFINITE))); /* which would find a thread */
	ck_assert_int_ge(fault_disarm(NO_THREAD), 1);
	ck_assert_uint_eq(recorded(&seen), 3);
	ck_assert_int_eq(recorded_at(&seen, 0), 1);
	ck_assert_int_eq(recorded_at(&seen, 1), 2);
	free_counted(s);
	gate_destroy(&gate);
}
END_TEST

/* The thread that would have run the pending job is cancelled, and there is no other. */
START_TEST(a_cancelled_worker_is_replaced_when_threads_are_to_be_had_again)
{
	struct setup u = setup_of(1, 0);
	ptj_job *first, *second;

	gate_init(&gate);
	s = make_counted(u);
	in_library(first = spawn(s, job_obedient, &gate));
	gate_await(&gate, 1);
	in_library(second = spawn(s, job_identity, NULL));
	fault_arm(NO_THREAD, 0, 1);
	in_library(ok(ptj_job_close(first, PTJ_INFINITE)));
	in_library(expect(ETIMEDOUT, ptj_job_poll(second, SHORT_MS, NULL)));
	ck_assert_int_ge(fault_hits(NO_THREAD), 1);
	fault_disarm(NO_THREAD);
	/* Who waits for it sees to it that it has a thread. */
	in_library(ok(ptj_job_poll(second, PATIENCE_MS, NULL)));
	ptj_job_unref(first);
	ptj_job_unref(second);
	free_counted(s);
	gate_destroy(&gate);
}
END_TEST

static void *job_exit_at_gate(void *at)
{
	gate_pass_stubborn(at);
	pthread_exit(at);
}

static int call_next(struct caller *c)
{
	library_enter();
	return ptj_external_next(c->s, c->timeout, &c->job);
}

static int call_spawn_counted(struct caller *c)
{
	library_enter();
	return call_spawn(c);
}

/* Somebody blocked tries to have a thread, from time to time; where there is nobody the one that
   ends stays until it has one. */
START_TEST(a_thread_that_ends_leaves_nothing_that_nobody_comes_for)
{
	static int (*const calls[])(struct caller *) = {NULL, call_next, call_spawn_counted};
	struct caller c = {.fn = job_identity, .timeout = PTJ_INFINITE};
	ptj_job *first, *second;

	gate_init(&gate);
	s = make_counted(setup_of(1, 1));
	c.s = s;
	in_library(first = spawn(s, job_exit_at_gate, &gate));
	in_library(second = spawn(s, job_identity, NULL));
	gate_await(&gate, 1);
	if (calls[_i]) {
		caller_start(&c, calls[_i]);
		caller_await_blocked(&c);
	}
	fault_arm(NO_THREAD, 0, 1);
	gate_open(&gate);
	await(fault_hits(NO_THREAD) >= 3);
	fault_disarm(NO_THREAD);
	/* A spawner whose job was put in line is gone. */
	if (calls[_i] == call_spawn_counted)
		in_library(ok(ptj_job_poll(second, PATIENCE_MS, NULL)));
	await(ptj_job_closed(first) && ptj_job_closed(second));
	ok(ptj_job_wait(first, PTJ_INFINITE, NULL));
	ok(ptj_job_wait(second, PTJ_INFINITE, NULL));
	ptj_job_unref(first);
	ptj_job_unref(second);
	in_library(ok(ptj_scheduler_close(s)));
	if (calls[_i] == call_next)
		expect(ESHUTDOWN, caller_join(&c));
	if (calls[_i] == call_spawn_counted) {
		ok(caller_join(&c));
		ptj_job_unref(c.spawned);
	}
	free_counted(s);
	gate_destroy(&gate);
	await(blocks_held() == 0);
}
END_TEST

static int call_poll_counted(struct caller *c)
{
	library_enter();
	return ptj_job_poll(c->job, c->timeout, NULL);
}

/* How many times it tried in vain is no more than fits the time. */
static void expect_calm_tries(int more)
{
	int64_t start = now_ms();
	int before = fault_hits(NO_THREAD), tries;

	await(fault_hits(NO_THREAD) >= before + more);
	tries = fault_hits(NO_THREAD) - before;
	ck_assert_int_le(tries, (now_ms() - start) / RETRY_MS + 2);
}

/* However many are blocked; and when that one leaves, another does. */
START_TEST(one_of_those_blocked_tries_again_from_time_to_time)
{
	enum { MOST = 5 };
	int n = _i ? MOST : 1;
	struct caller c[MOST] = {{0}};
	ptj_job *first, *second;

	gate_init(&gate);
	s = make_counted(setup_of(2, 0));
	in_library(first = spawn(s, job_stubborn, &gate));
	gate_await(&gate, 1);
	fault_arm(NO_THREAD, 0, FAULT_FOR_EVER);
	in_library(second = spawn(s, job_identity, NULL));
	for (int i = 0; i < n; i++) {
		c[i].job = second;
		c[i].timeout = PTJ_INFINITE;
		caller_start(&c[i], call_poll_counted);
		if (i == 0)
			expect_calm_tries(3);
		else
			caller_await_blocked(&c[i]);
	}
	expect_calm_tries(3);
	if (n > 1) {
		ck_assert_int_eq(pthread_cancel(c[0].thread), 0);
		ck_assert_int_eq(caller_join(&c[0]), CALLER_CANCELLED);
		expect_calm_tries(3);
	}
	fault_disarm(NO_THREAD);
	for (int i = n > 1; i < n; i++)
		ok(caller_join(&c[i]));
	gate_open(&gate);
	in_library(ok(ptj_job_wait(second, PTJ_INFINITE, NULL)));
	ptj_job_unref(first);
	ptj_job_unref(second);
	free_counted(s);
	gate_destroy(&gate);
	await(blocks_held() == 0);
}
END_TEST

static struct gate held;
static ptj_job *waited;

static void release_at_gate(void *arg)
{
	(void)arg;
	gate_pass_stubborn(&held);
}

static void release_and_poll(void *arg)
{
	release_at_gate(arg);
	record(&seen, ptj_job_poll(waited, PTJ_INFINITE, NULL));
}

/* Who tries again is first to join a thread, and to call the release function of its job, which
   waits until a thread was had: in its own way, or in a call that tries itself, or while the last
   thread ends, which stays for that. */
START_TEST(who_is_busy_leaves_it_to_another_to_try_again)
{
	enum { BY_ANOTHER, BY_ITSELF, BY_A_THREAD };
	struct caller c[2] = {{.timeout = PTJ_INFINITE}, {.timeout = PTJ_INFINITE}};
	int n = _i == BY_ANOTHER ? 2 : 1, tries;
	ptj_job *first, *second;
	struct gate other;

	gate_init(&gate);
	gate_init(&other);
	gate_init(&held);
	recorder_init(&seen);
	s = make_counted(setup_of(3, 0));
	in_library(ja = job_attr(_i == BY_ITSELF ? release_and_poll : release_at_gate, -1));
	in_library(first = spawn(s, _i == BY_A_THREAD ? job_exit_at_gate : job_stubborn, &gate));
	in_library(second = spawn_with(s, ja, job_exit_at_gate, &other));
	gate_await(&gate, 1);
	gate_await(&other, 1);
	fault_arm(NO_THREAD, 0, FAULT_FOR_EVER);
	in_library(waited = spawn(s, job_identity, NULL));
	for (int i = 0; i < n; i++) {
		c[i].job = waited;
		caller_start(&c[i], call_poll_counted);
		if (i == 0)
			expect_calm_tries(3);
		else
			caller_await_blocked(&c[i]);
	}
	gate_open(&other);
	gate_await(&held, 1);
	if (_i == BY_ITSELF)
		gate_open(&held);
	if (_i == BY_A_THREAD)
		gate_open(&gate);
	/* Those who take their turn meanwhile try once each as well. */
	tries = fault_hits(NO_THREAD);
	await(fault_hits(NO_THREAD) >= tries + 10);
	fault_disarm(NO_THREAD);
	await(ptj_job_closed(waited));
	gate_open(&held);
	for (int i = 0; i < n; i++)
		ok(caller_join(&c[i]));
	gate_open(&gate);
	in_library(ok(ptj_job_wait(second, PTJ_INFINITE, NULL)));
	ck_assert_uint_eq(recorded_times(&seen, 0), _i == BY_ITSELF);
	ptj_job_unref(first);
	ptj_job_unref(second);
	ptj_job_unref(waited);
	ptj_job_attr_free(ja);
	free_counted(s);
	gate_destroy(&gate);
	gate_destroy(&other);
	gate_destroy(&held);
	await(blocks_held() == 0);
}
END_TEST

/* The only worker is gone, and who waited for the job that it left is, too: the next spawn sees to
   that, though its own job has to wait in line. */
START_TEST(a_spawn_has_a_thread_started_for_those_before_it)
{
	ptj_job *first, *second, *third;

	gate_init(&gate);
	s = make_counted(setup_of(1, 0));
	in_library(first = spawn(s, job_obedient, &gate));
	gate_await(&gate, 1);
	in_library(second = spawn(s, job_identity, NULL));
	fault_arm(NO_THREAD, 0, 1);
	in_library(ok(ptj_job_close(first, PTJ_INFINITE)));
	in_library(expect(ETIMEDOUT, ptj_job_poll(second, SHORT_MS, NULL)));
	in_library(third = spawn(s, job_identity, NULL));
	fault_disarm(NO_THREAD);
	in_library(spawn_n(s, 1, job_identity, NULL));
	await(ptj_job_closed(second) && ptj_job_closed(third));
	ptj_job_unref(first);
	ptj_job_unref(second);
	ptj_job_unref(third);
	free_counted(s);
	gate_destroy(&gate);
	await(blocks_held() == 0);
}
END_TEST

static void *job_poll_a_child(void *timeout)
{
	ptj_job *child;
	int code;

	if (ptj_spawn(s, job_identity, NULL, &child))
		return NULL;
	fault_arm(NO_THREAD, 0, 1);
	code = ptj_job_poll(child, SHORT_MS, NULL);
	record(&seen, code);
	if (timeout)
		fault_disarm(NO_THREAD);
	record(&seen, ptj_job_poll(child, PTJ_INFINITE, NULL));
	ptj_job_unref(child);
	return timeout;
}

START_TEST(a_lender_without_a_thread_for_its_child_keeps_its_bound)
{
	ptj_job *parent;

	recorder_init(&seen);
	s = make_counted(setup_of(1, 0));
	in_library(parent = spawn(s, job_poll_a_child, _i ? &seen : NULL));
	await(recorded(&seen) >= 1);
	ck_assert_int_eq(recorded_at(&seen, 0), ETIMEDOUT);
	if (_i == 0) {
		/* The library tries again by itself, also where the parent is blocked by now. */
		await(fault_hits(NO_THREAD) >= 2);
		fault_disarm(NO_THREAD);
	}
	ok(ptj_job_wait(parent, PTJ_INFINITE, NULL));
	ck_assert_int_eq(recorded_at(&seen, 1), 0);
	ptj_job_unref(parent);
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

static void *job_take_a_child(void *arg)
{
	ptj_job *child;
	size_t n;

	if (ptj_spawn_attr(s, ja, job_identity, NULL, PTJ_INFINITE, NULL))
		return NULL;
	fault_arm(NO_THREAD, 0, 1);
	record(&seen, ptj_completions_take(queue, &child, 1, SHORT_MS, &n));
	record(&seen, ptj_completions_take(queue, &child, 1, PTJ_INFINITE, &n));
	ptj_job_unref(child);
	return arg;
}

START_TEST(so_does_one_that_takes)
{
	ptj_job *parent;

	recorder_init(&seen);
	s = make_counted(setup_of(1, 0));
	in_library(ok(ptj_completions_create(&queue, -1)); ja = job_attr(NULL, -1));
	ok(ptj_job_attr_set_completions(ja, queue));
	in_library(parent = spawn(s, job_take_a_child, NULL));
	await(recorded(&seen) >= 1);
	ck_assert_int_eq(recorded_at(&seen, 0), ETIMEDOUT);
	await(fault_hits(NO_THREAD) >= 2);
	fault_disarm(NO_THREAD);
	ok(ptj_job_wait(parent, PTJ_INFINITE, NULL));
	ck_assert_int_eq(recorded_at(&seen, 1), 0);
	ptj_job_unref(parent);
	ptj_job_attr_free(ja);
	ptj_completions_free(queue);
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

static atomic_int started, stopped;

static void count_start(void *user)
{
	(void)user;
	atomic_fetch_add(&started, 1);
}

static void count_stop(void *user)
{
	(void)user;
	atomic_fetch_add(&stopped, 1);
}

/* Each of the threads that a busy scheduler starts fails in turn; the others call both hooks. */
START_TEST(the_nth_thread_fails)
{
	enum { JOBS = 40 };
	struct setup u = setup_number(_i);
	int n = 0, hits = 1;

	u.pending_limit = 0;
	u.thread_start = count_start;
	u.thread_stop = count_stop;
	for (; n < MANY && hits; n++) {
		size_t spawned = 0;

		gate_init(&gate);
		gate_open(&gate);
		s = make_counted(u);
		fault_arm(NO_THREAD, n, 0);
		for (int i = 0; i < JOBS; i++) {
			int code;

			in_library(code = ptj_spawn(s, job_at_gate, &gate, NULL));
			ck_assert(code == 0 || (code == EAGAIN && n == 0));
			spawned += code == 0;
		}
		ok(ptj_scheduler_wait(s, PTJ_INFINITE));
		hits = fault_disarm(NO_THREAD);
		ck_assert_int_eq(gate_passed(&gate), (int)spawned);
		free_counted(s);
		ck_assert_int_eq(atomic_load(&started), atomic_load(&stopped));
		await(blocks_held() == 0);
		gate_destroy(&gate);
	}
	ck_assert_int_ge(atomic_load(&started), n - 1);
	ck_assert_int_ge(n, 2);
}
END_TEST

/* ---- Mutexes, time, mappings, messages ------------------------------------------------------- */

/* fork_watch() needs something once, the others each time. */
START_TEST(without_a_mutex_there_is_neither_scheduler_nor_queue)
{
	int n = 0, hits = 1, code;

	for (; n < MANY && hits; n++) {
		s = NULL;
		queue = NULL;
		fault_arm(NO_OBJECT, n, _i);
		if (n % 2)
			in_library(code = ptj_scheduler_create(&s, NULL));
		else
			in_library(code = ptj_completions_create(&queue, -1));
		hits = fault_disarm(NO_OBJECT);
		ck_assert(code == 0 || (code == ENOMEM && hits > 0));
		/* The mutex comes last; what only makes it a better one may be missing. */
		ck_assert(code == ENOMEM || !_i || hits == 0);
		ck_assert((code == 0) == (s || queue));
		free_counted(s);
		in_library(ptj_completions_free(queue));
		await(blocks_held() == 0);
	}
	ck_assert_int_ge(n, 3);
	ck_assert_int_lt(n, MANY);
	s = make_counted(setup_of(1, 0));
	in_library(ok(ptj_spawn(s, job_identity, NULL, NULL)));
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	free_counted(s);
}
END_TEST

START_TEST(without_a_clock_every_timeout_has_passed)
{
	struct setup u = setup_of(1, 1);
	int64_t start = now_ms();
	ptj_job *running, *handed_out;
	size_t n;

	gate_init(&gate);
	s = make_counted(u);
	in_library(ok(ptj_completions_create(&queue, -1)));
	in_library(running = spawn(s, job_at_gate, &gate));
	gate_await(&gate, 1);
	in_library(spawn_n(s, 1, job_identity, NULL));
	fault_arm(NO_CLOCK, _i, 1);
	in_library(expect(ETIMEDOUT, ptj_job_poll(running, INT32_MAX, NULL)));
	in_library(expect(ETIMEDOUT, ptj_scheduler_wait(s, INT32_MAX)));
	in_library(expect(ETIMEDOUT, ptj_spawn_attr(s, NULL, job_identity, NULL, INT32_MAX, NULL)));
	in_library(expect(ETIMEDOUT, ptj_external_next(s, INT32_MAX, &handed_out)));
	in_library(expect(ETIMEDOUT, ptj_completions_take(queue, &handed_out, 1, INT32_MAX, &n)));
	in_library(expect(ETIMEDOUT, ptj_shield(s, job_identity, NULL, 0, NULL)));
	in_library(ok(ptj_sleep(INT32_MAX)));
	ck_assert_int_ge(fault_disarm(NO_CLOCK), 1);
	expect_took(start, 0);
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_job_unref(running);
	ptj_completions_free(queue);
	free_counted(s);
	gate_destroy(&gate);
}
END_TEST

static void be_crowded(void)
{
	prepare_crowd();
	ok(call_spawn_crowd());
	gate_open(&gate);
	ok(ptj_scheduler_wait(s, PTJ_INFINITE));
	ptj_scheduler_free(s);
	gate_destroy(&gate);
}

/* They serve the next scheduler, which unmaps them when it can. */
START_TEST(slabs_that_cannot_be_unmapped_are_not_lost)
{
	enum { ROUNDS = 5 };
	size_t left;
	int i;

	fault_arm(NO_UNMAPPING, 0, 1);
	in_library(be_crowded());
	await(blocks_held() > 0);
	left = blocks_held();
	for (i = 0; i < ROUNDS; i++)
		in_library(be_crowded());
	ck_assert_int_ge(fault_disarm(NO_UNMAPPING), ROUNDS);
	ck_assert_uint_eq(blocks_held(), left);
	in_library(be_crowded());
	await(blocks_held() == 0);
}
END_TEST

/* Neither opening nor closing the stream that it is put together in. */
START_TEST(without_memory_a_report_says_at_least_that)
{
	const ptj_context context = {.message = "a message", .error = EIO};
	char text[256] = "";
	int fds[2], err = dup(STDERR_FILENO);

	s = make_counted(setup_of(1, 0));
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_ge(dup2(fds[1], STDERR_FILENO), 0);
	fault_arm(NO_MEMORY, _i, 0);
	in_library(ok(ptj_scheduler_call_exception_handler(s, &context)));
	ck_assert_int_eq(fault_disarm(NO_MEMORY), 1);
	ck_assert_int_ge(dup2(err, STDERR_FILENO), 0);
	close(err);
	close(fds[1]);
	ck_assert_int_gt(read(fds[0], text, sizeof text - 1), 0);
	close(fds[0]);
	ck_assert_str_eq(text, "ptjobs: a job failed, and there is no memory to say how\n");
	free_counted(s);
	await(blocks_held() == 0);
}
END_TEST

/* A descriptor of the program's is written to, whatever is interrupted on the way. */
START_TEST(an_interruption_does_not_keep_a_queue_from_telling)
{
	int n = 0, hits = 1, fds[2];
	uint64_t told;

	for (; n < MANY && hits; n++) {
		ck_assert_int_eq(pipe(fds), 0);
		s = make_counted(setup_of(1, 0));
		in_library(ok(ptj_completions_create(&queue, fds[1])); ja = job_attr(NULL, -1));
		ok(ptj_job_attr_set_completions(ja, queue));
		fault_arm(INTERRUPTED, n, 0);
		in_library(ok(ptj_spawn_attr(s, ja, job_identity, NULL, PTJ_INFINITE, &job)));
		in_library(ok(ptj_job_wait(job, PTJ_INFINITE, NULL)));
		hits = fault_disarm(INTERRUPTED);
		ck_assert_int_eq(read(fds[0], &told, sizeof told), sizeof told);
		ptj_job_unref(job);
		ptj_job_attr_free(ja);
		ptj_completions_free(queue);
		free_counted(s);
		close(fds[0]);
		close(fds[1]);
	}
	ck_assert_int_ge(n, 2);
	ck_assert_int_lt(n, MANY);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, without_memory_each_call_fails_cleanly_and_succeeds_at_last, 0,
	                    2 * OPERATIONS);
	tcase_add_test(tc, a_failure_is_recorded_although_its_message_is_dropped);
	tcase_add_test(tc, cancel_fd_and_callback_fail_cleanly);
	tcase_add_test(tc, a_queue_without_a_descriptor_is_none);
	tcase_add_test(tc, an_external_job_without_memory_and_descriptors);
	tcase_add_test(tc, an_external_job_needs_no_thread);
	tcase_add_loop_test(tc, without_any_thread_a_spawn_is_eagain_and_nothing_happened, 0,
	                    SETUPS);
	tcase_add_loop_test(tc, a_job_waits_for_a_running_worker, 0, MODES);
	tcase_add_test(tc, a_job_without_a_thread_goes_before_those_in_line);
	tcase_add_test(tc, a_cancelled_worker_is_replaced_when_threads_are_to_be_had_again);
	tcase_add_test(tc, a_spawn_has_a_thread_started_for_those_before_it);
	tcase_add_loop_test(tc, a_thread_that_ends_leaves_nothing_that_nobody_comes_for, 0, 3);
	tcase_add_loop_test(tc, one_of_those_blocked_tries_again_from_time_to_time, 0, 2);
	tcase_add_loop_test(tc, who_is_busy_leaves_it_to_another_to_try_again, 0, 3);
	tcase_add_loop_test(tc, a_lender_without_a_thread_for_its_child_keeps_its_bound, 0, 2);
	tcase_add_test(tc, so_does_one_that_takes);
	tcase_add_loop_test(tc, the_nth_thread_fails, 0, SETUPS);
	tcase_add_loop_test(tc, without_a_mutex_there_is_neither_scheduler_nor_queue, 0, 2);
	tcase_add_loop_test(tc, without_a_clock_every_timeout_has_passed, 0, 2);
	tcase_add_test(tc, slabs_that_cannot_be_unmapped_are_not_lost);
	tcase_add_loop_test(tc, without_memory_a_report_says_at_least_that, 0, 2);
	tcase_add_test(tc, an_interruption_does_not_keep_a_queue_from_telling);
}

int main(void)
{
	faults_spare_this_thread();
	return run_tests("faults", add);
}
