/* The three look-ups, each case as in aiojobs, and the life of an application's scheduler, from the
   server's start to its stop.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <sys/wait.h>

static struct gate gate;
static struct recorder seen;
static struct reports reports;

/* ---- Look-ups ------------------------------------------------------------------------------- */

/* Records the scheduler that both look-ups name, or what is wrong with them. */
static int handler_look(ptj_web_request *r, void *user)
{
	ptj_scheduler *found = ptj_web_scheduler_from_request(r), *s = (ptj_scheduler *)&seen;
	int code = ptj_web_scheduler(r, &s);

	(void)user;
	if (found)
		record(&seen, code == 0 && s == found ? (intptr_t)found : -1);
	else
		record(&seen, code == ENOENT && s == (ptj_scheduler *)&seen ? 0 : -1);
	return respond_text(r, 200, "looked");
}

/* root has /a, which has /a/b, which has /a/b/c; a bit of which says who has a scheduler. */
START_TEST(a_request_finds_its_own_scheduler_or_that_of_the_next_above)
{
	enum { DEPTH = 4 };
	static const char *const paths[DEPTH] = {"/x", "/a/x", "/a/b/x", "/a/b/c/x"};
	static const char *const prefixes[DEPTH] = {NULL, "/a", "/b", "/c"};
	ptj_web_app *apps[DEPTH];
	ptj_scheduler *next = NULL;
	uint16_t port;

	recorder_init(&seen);
	for (int i = 0; i < DEPTH; i++) {
		apps[i] = _i >> i & 1 ? web_app_with(setup_of(1, 1)) : web_app();
		ok(ptj_web_route(apps[i], "GET", "/x", handler_look, NULL));
	}
	for (int i = DEPTH - 1; i > 0; i--)
		ok(ptj_web_mount(apps[i - 1], prefixes[i], apps[i]));
	for (int i = 0; i < DEPTH; i++)
		ck_assert_ptr_null(ptj_web_scheduler_from_app(apps[i]));
	port = web_start(apps[0]);
	for (int i = 0; i < DEPTH; i++) {
		ptj_scheduler *own = ptj_web_scheduler_from_app(apps[i]);

		/* Its very own, or none, whatever its parents have. */
		ck_assert_int_eq(own != NULL, _i >> i & 1);
		ck_assert(!own || own != next);
		next = own ? own : next;
		expect_get(port, paths[i], 200, "looked");
		ck_assert_int_eq(recorded_at(&seen, (size_t)i), (intptr_t)next);
	}
	ok(ptj_web_stop(apps[0], PTJ_DEFAULT));
	for (int i = 0; i < DEPTH; i++) {
		ck_assert_ptr_null(ptj_web_scheduler_from_app(apps[i]));
		ptj_web_app_free(apps[i]);
	}
}
END_TEST

static int handler_inside(ptj_web_request *r, void *app)
{
	ptj_scheduler *s = ptj_web_scheduler_from_request(r);

	record(&seen, ptj_job_self() && ptj_scheduler_contains(s, ptj_job_self()));
	record(&seen, s == ptj_web_scheduler_from_app(app));
	return respond_text(r, 200, "inside");
}

START_TEST(an_atomic_handler_is_a_job_of_that_scheduler)
{
	ptj_web_app *root = web_app_with(setup_of(1, 1)), *with, *without;
	uint16_t port;

	recorder_init(&seen);
	with = web_app_with(setup_of(1, 1));
	without = web_app();
	ok(ptj_web_mount(root, "/with", with));
	ok(ptj_web_mount(root, "/without", without));
	web_atomic(root, "GET", "/", handler_inside, root);
	web_atomic(with, "GET", "/x", handler_inside, with);
	web_atomic(without, "GET", "/x", handler_inside, root);
	port = web_start(root);
	expect_get(port, "/", 200, "inside");
	expect_get(port, "/with/x", 200, "inside");
	expect_get(port, "/without/x", 200, "inside");
	ck_assert_uint_eq(recorded_times(&seen, 1), 6);
	web_end(root);
	ptj_web_app_free(with);
	ptj_web_app_free(without);
}
END_TEST

/* aiojobs raises RuntimeError; the program has forgotten something, and its log says so. */
START_TEST(an_atomic_route_without_any_scheduler_is_500)
{
	static struct lines lines;
	ptj_web_app *app = web_app();
	uint16_t port;

	lines_init(&lines);
	ok(ptj_web_set_log(app, lines_log, &lines));
	web_atomic(app, "GET", "/", handler_hello, NULL);
	ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
	port = web_start(app);
	expect_get(port, "/", 500, NULL);
	expect_get(port, "/inline", 200, "hello");
	ck_assert_uint_ge(lines_count(&lines), 1);
	web_end(app);
}
END_TEST

/* Nobody reads it, so it may not gather in memory, of which it could take any amount. */
START_TEST(nor_does_it_keep_a_body)
{
	enum { SIZE = 96 << 20 };
	ptj_web_app *app = web_app();
	struct client c;

	web_atomic_with(app, (struct way){.stream_body = 1, .sets_limit = 1}, "POST", "/",
	                handler_hello, NULL);
	client_open(&c, web_start(app));
	client_post(&c, "/", "abc", 3);
	client_expect(&c, 500, NULL);
	client_begin_post(&c, "/", SIZE, "");
	ck_assert_uint_lt(client_pour(&c, 0, SIZE, PATIENCE_MS), SIZE);
	client_close(&c);
	web_end(app);
}
END_TEST

/* ---- Its life ------------------------------------------------------------------------------- */

START_TEST(it_has_the_settings_that_were_given)
{
	struct setup u = setup_of(3, 7);
	ptj_web_app *app;
	ptj_scheduler *s;

	u.close_timeout = 1234;
	u.wait_timeout = 5678;
	app = web_app_with(u); /* which has released the attributes */
	web_start(app);
	s = ptj_web_scheduler_from_app(app);
	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(ptj_scheduler_limit(s), 3);
	ck_assert_uint_eq(ptj_scheduler_pending_limit(s), 7);
	ck_assert_int_eq(ptj_scheduler_close_timeout(s), 1234);
	ck_assert_int_eq(ptj_scheduler_wait_timeout(s), 5678);
	web_end(app);
}
END_TEST

START_TEST(it_has_the_defaults_without)
{
	ptj_web_app *app = web_app();
	ptj_scheduler *s;

	ok(ptj_web_setup(app, NULL));
	web_start(app);
	s = ptj_web_scheduler_from_app(app);
	ck_assert_uint_eq(ptj_scheduler_limit(s), 100);
	ck_assert_uint_eq(ptj_scheduler_pending_limit(s), 10000);
	web_end(app);
}
END_TEST

/* Gracefully: what was spawned, by whomever, is waited for. */
START_TEST(its_jobs_are_waited_for_at_the_stop)
{
	ptj_web_app *root = web_app_with(setup_of(1, 0)), *child = web_app_with(setup_of(1, 0));
	struct caller stop = {.arg = root, .timeout = PTJ_DEFAULT};

	gate_init(&gate);
	ok(ptj_web_mount(root, "/child", child));
	web_start(root);
	spawn_n(ptj_web_scheduler_from_app(root), 3, job_at_gate, &gate);
	spawn_n(ptj_web_scheduler_from_app(child), 3, job_at_gate, &gate);
	gate_await(&gate, 2);
	caller_start(&stop, call_web_stop);
	caller_await_blocked(&stop);
	gate_open(&gate);
	ok(caller_join(&stop));
	ck_assert_int_eq(gate_passed(&gate), 6);
	ptj_web_app_free(root);
	ptj_web_app_free(child);
	gate_destroy(&gate);
}
END_TEST

/* With no time to wait they are cancelled, and those in line never run. */
START_TEST(its_jobs_are_closed_when_the_time_is_over)
{
	ptj_web_app *app = web_app_with(setup_of(1, 0));
	ptj_job *active, *pending;

	gate_init(&gate);
	web_start(app);
	active = spawn(ptj_web_scheduler_from_app(app), job_at_gate, &gate);
	pending = spawn(ptj_web_scheduler_from_app(app), job_at_gate, &gate);
	gate_await(&gate, 1);
	ok(ptj_web_stop(app, 0));
	expect(ECANCELED, ptj_job_wait(active, 0, NULL));
	expect(ECANCELED, ptj_job_wait(pending, 0, NULL));
	ck_assert_int_eq(gate_arrived(&gate), 1);
	ck_assert_int_eq(gate_passed(&gate), 0);
	ptj_job_unref(active);
	ptj_job_unref(pending);
	ptj_web_app_free(app);
	gate_destroy(&gate);
}
END_TEST

static void *job_note_closed(void *s)
{
	record(&seen, ptj_scheduler_closed(s));
	return NULL;
}

START_TEST(each_start_makes_a_new_one)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));

	recorder_init(&seen);
	for (int i = 0; i < 3; i++) {
		ptj_scheduler *s;

		web_start(app);
		s = ptj_web_scheduler_from_app(app);
		ck_assert_int_eq(ptj_scheduler_closed(s), 0);
		ck_assert_uint_eq(ptj_scheduler_len(s), 0);
		spawn_n(s, 1, job_note_closed, s);
		ok(ptj_scheduler_wait(s, PTJ_INFINITE));
		ok(ptj_web_stop(app, PTJ_DEFAULT));
		ck_assert_ptr_null(ptj_web_scheduler_from_app(app));
	}
	ck_assert_uint_eq(recorded_times(&seen, 0), 3);
	ptj_web_app_free(app);
}
END_TEST

START_TEST(its_exception_handler_hears_of_its_jobs)
{
	struct setup u = setup_of(1, 1);
	ptj_web_app *app;

	reports_init(&reports);
	u.reports = &reports;
	app = web_app_with(u);
	web_start(app);
	spawn_n(ptj_web_scheduler_from_app(app), 1, job_fail_eio, NULL);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_uint_eq(reports_count(&reports), 1);
	ck_assert_int_eq(report_at(&reports, 0).error, EIO);
	ptj_web_app_free(app);
}
END_TEST

/* How many of the calls on a server of the parent's are wrong. */
static int wrong_in_the_child(ptj_web_app *app)
{
	static char place;
	struct MHD_Connection *connection = (struct MHD_Connection *)&place;
	void *request = NULL;
	size_t none = 0;
	ptj_web_app *child = NULL;
	int wrong = 0;

	wrong += ptj_web_stop(app, PTJ_DEFAULT) != ENOTRECOVERABLE;
	wrong += ptj_web_close(app, PTJ_DEFAULT) != ENOTRECOVERABLE;
	wrong += ptj_web_start(app, "127.0.0.1", 0) != ENOTRECOVERABLE;
	wrong += ptj_web_app_create(&child, app) != ENOTRECOVERABLE;
	wrong += ptj_web_set_threads(app, 2) != ENOTRECOVERABLE;
	wrong += ptj_web_port(app) != 0;
	wrong += ptj_web_request_count(app) != 0;
	wrong += ptj_web_connection_count(app) != 0;
	wrong += ptj_web_line_count(app) != 0;
	wrong += ptj_web_request_begin(app, connection, "/", "GET", "HTTP/1.1", NULL, &none,
	                               &request) != 0;
	wrong += ptj_web_scheduler_from_app(app) != NULL;
	ptj_web_app_free(app);
	return wrong;
}

START_TEST(in_the_child_of_a_fork_the_server_is_dead)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));
	uint16_t port;
	int status;
	pid_t pid;

	ok(ptj_web_route(app, "GET", "/", handler_look, NULL));
	recorder_init(&seen);
	port = web_start(app);
	/* The daemon's thread has begun, and given back what it was started with. */
	expect_get(port, "/", 200, "looked");
	pid = fork();
	if (pid == 0)
		_exit(wrong_in_the_child(app));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_get(port, "/", 200, "looked");
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ptj_web_app_free(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_request_finds_its_own_scheduler_or_that_of_the_next_above, 0, 16);
	tcase_add_test(tc, an_atomic_handler_is_a_job_of_that_scheduler);
	tcase_add_test(tc, an_atomic_route_without_any_scheduler_is_500);
	tcase_add_test(tc, nor_does_it_keep_a_body);
	tcase_add_test(tc, it_has_the_settings_that_were_given);
	tcase_add_test(tc, it_has_the_defaults_without);
	tcase_add_test(tc, its_jobs_are_waited_for_at_the_stop);
	tcase_add_test(tc, its_jobs_are_closed_when_the_time_is_over);
	tcase_add_test(tc, each_start_makes_a_new_one);
	tcase_add_test(tc, its_exception_handler_hears_of_its_jobs);
	tcase_add_test(tc, in_the_child_of_a_fork_the_server_is_dead);
}

int main(void)
{
	return run_tests("web_scheduler", add);
}
