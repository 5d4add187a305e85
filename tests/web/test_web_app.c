/* Applications: the tree of them, routes, mounts, settings, starts and stops, and each error that a
   bad argument is.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static struct gate gate;
static struct lines lines;
static char other[] = "other";

/* ---- Bad arguments -------------------------------------------------------------------------- */

START_TEST(no_application_is_einval)
{
	ptj_web_app *app = NULL;

	expect(EINVAL, ptj_web_app_create(NULL, NULL));
	ptj_web_app_free(NULL);
	expect(EINVAL, ptj_web_setup(NULL, NULL));
	expect(EINVAL, ptj_web_route(NULL, "GET", "/", handler_hello, NULL));
	expect(EINVAL, ptj_web_atomic(NULL, "GET", "/", handler_hello, NULL));
	expect(EINVAL, ptj_web_route_with(NULL, NULL, "GET", "/", handler_hello, NULL));
	ok(ptj_web_app_create(&app, NULL));
	expect(EINVAL, ptj_web_mount(NULL, "/a", app));
	expect(EINVAL, ptj_web_mount(app, "/a", NULL));
	ptj_web_app_free(app);
	expect(EINVAL, ptj_web_set_threads(NULL, 1));
	expect(EINVAL, ptj_web_set_connection_limit(NULL, 1));
	expect(EINVAL, ptj_web_set_header_limit(NULL, 65536));
	expect(EINVAL, ptj_web_set_body_limit(NULL, 1));
	expect(EINVAL, ptj_web_set_receive_timeout(NULL, 1));
	expect(EINVAL, ptj_web_set_line_limit(NULL, 1));
	expect(EINVAL, ptj_web_set_tls(NULL, NULL, NULL));
	expect(EINVAL, ptj_web_set_log(NULL, lines_log, &lines));
	expect(EINVAL, ptj_web_start(NULL, NULL, 0));
	expect(EINVAL, ptj_web_stop(NULL, 0));
	expect(EINVAL, ptj_web_open(NULL));
	expect(EINVAL, ptj_web_close(NULL, 0));
	ck_assert_uint_eq(ptj_web_port(NULL), 0);
	ck_assert_uint_eq(ptj_web_connection_count(NULL), 0);
	ck_assert_uint_eq(ptj_web_request_count(NULL), 0);
	ck_assert_uint_eq(ptj_web_line_count(NULL), 0);
	ck_assert_ptr_null(ptj_web_scheduler_from_app(NULL));
}
END_TEST

static int visit_nothing(const char *name, const char *value, void *user)
{
	(void)name;
	(void)value;
	(void)user;
	return 1;
}

START_TEST(no_request_is_einval)
{
	ptj_scheduler *s = NULL;
	ptj_job *job = NULL;
	void *result = &result;
	size_t n = 7;
	uint64_t written = 7;
	char byte;

	ck_assert_ptr_null(ptj_web_scheduler_from_request(NULL));
	expect(EINVAL, ptj_web_scheduler(NULL, &s));
	expect(EINVAL, ptj_web_spawn(NULL, job_identity, NULL, &job));
	expect(EINVAL, ptj_web_shield(NULL, job_identity, NULL, 0, &result));
	ck_assert_ptr_null(ptj_web_request_app(NULL));
	ck_assert_ptr_null(ptj_web_method(NULL));
	ck_assert_ptr_null(ptj_web_uri(NULL));
	ck_assert_ptr_null(ptj_web_remote(NULL));
	ck_assert_ptr_null(ptj_web_param(NULL, "a"));
	ck_assert_ptr_null(ptj_web_query(NULL, "a"));
	ck_assert_ptr_null(ptj_web_header(NULL, "a"));
	ck_assert_int_eq(ptj_web_each_query(NULL, visit_nothing, NULL), EINVAL);
	ck_assert_int_eq(ptj_web_each_header(NULL, visit_nothing, NULL), EINVAL);
	ck_assert_ptr_null(ptj_web_body(NULL, &n));
	expect(EINVAL, ptj_web_read(NULL, &byte, 1, 0, &n));
	expect(EINVAL, ptj_web_read_to_fd(NULL, 1, 0, &written));
	expect(EINVAL, ptj_web_respond(NULL, 200, NULL, "", 0));
	expect(EINVAL, ptj_web_respond_fd(NULL, 200, NULL, 0, 0, 0));
	expect(EINVAL, ptj_web_stream(NULL, 200, NULL, 0));
	expect(EINVAL, ptj_web_write(NULL, "", 0, 0, &n));
	expect(EINVAL, ptj_web_fail(NULL, EIO, "disk on fire"));
	ck_assert_ptr_null(s);
	ck_assert_ptr_null(job);
	ck_assert_ptr_eq(result, &result);
}
END_TEST

START_TEST(no_attributes_are_einval)
{
	expect(EINVAL, ptj_web_route_attr_create(NULL));
	ptj_web_route_attr_free(NULL);
	expect(EINVAL, ptj_web_route_attr_set_atomic(NULL, 1));
	expect(EINVAL, ptj_web_route_attr_set_close_on_disconnect(NULL, 1));
	expect(EINVAL, ptj_web_route_attr_set_stream_body(NULL, 1));
	expect(EINVAL, ptj_web_route_attr_set_body_limit(NULL, 1));
	expect(EINVAL, ptj_web_route_attr_set_cancel_mode(NULL, PTJ_CANCEL_DEFERRED));
	expect(EINVAL, ptj_web_route_attr_set_name(NULL, "name"));
}
END_TEST

START_TEST(a_setting_out_of_range_is_einval)
{
	ptj_web_app *app = web_app();

	expect(EINVAL, ptj_web_set_threads(app, 0));
	expect(EINVAL, ptj_web_set_threads(app, 65));
	expect(EINVAL, ptj_web_set_header_limit(app, 4095));
	expect(EINVAL, ptj_web_set_body_limit(app, 0));
	expect(EINVAL, ptj_web_set_receive_timeout(app, 0));
	expect(EINVAL, ptj_web_set_receive_timeout(app, PTJ_INFINITE));
	expect(EINVAL, ptj_web_set_receive_timeout(app, PTJ_DEFAULT));
	expect(EINVAL, ptj_web_set_receive_timeout(app, DAY_MS + 1));
	expect(EINVAL, ptj_web_set_tls(app, "certificate", NULL));
	expect(EINVAL, ptj_web_set_tls(app, NULL, "key"));
	ok(ptj_web_set_threads(app, 1));
	ok(ptj_web_set_threads(app, 64));
	ok(ptj_web_set_connection_limit(app, 0));
	ok(ptj_web_set_connection_limit(app, 1));
	ok(ptj_web_set_header_limit(app, 4096));
	ok(ptj_web_set_body_limit(app, 1));
	ok(ptj_web_set_body_limit(app, UINT64_MAX));
	ok(ptj_web_set_receive_timeout(app, 1));
	ok(ptj_web_set_receive_timeout(app, DAY_MS));
	ok(ptj_web_set_line_limit(app, 0));
	ok(ptj_web_set_line_limit(app, 1));
	ok(ptj_web_set_tls(app, NULL, NULL));
	ok(ptj_web_set_log(app, NULL, NULL));
	ptj_web_app_free(app);
}
END_TEST

START_TEST(a_timeout_that_is_none_is_einval)
{
	ptj_web_app *app = web_app();
	uint16_t port;

	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	port = web_start(app);
	expect(EINVAL, ptj_web_stop(app, -3));
	expect_get(port, "/", 200, "hello");
	/* Beyond any clock is never. */
	ok(ptj_web_stop(app, INT64_MAX));
	ptj_web_app_free(app);
}
END_TEST

/* ---- Routes --------------------------------------------------------------------------------- */

START_TEST(a_bad_method_is_einval)
{
	static const char *const methods[] = {NULL,   "",     "G T",       "GET ",
	                                      "G\tT", "GE(T", "G\xc3\xa4T"};
	ptj_web_app *app = web_app();

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		expect(EINVAL, ptj_web_route(app, methods[i], "/", handler_hello, NULL));
	expect(EINVAL, ptj_web_route(app, "GET", "/", NULL, NULL));
	ok(ptj_web_route(app, "M-SEARCH", "/", handler_hello, NULL));
	ptj_web_app_free(app);
}
END_TEST

START_TEST(a_bad_path_is_einval)
{
	static const char *const paths[] = {
		NULL,        "",      "a",     "{a}",     "/.",     "/..",      "/a/../b",
		"/a/./b",    "/a/..", "/{}",   "/a/{}/b", "/{...}", "/{a}/{a}", "/{a}/{a...}",
		"/{a...}/b", "/{a}b", "/b{a}", "/{a",     "/a}",    "/{{a}}",
	};
	ptj_web_app *app = web_app();

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		expect(EINVAL, ptj_web_route(app, "GET", paths[i], handler_hello, NULL));
		expect(EINVAL, ptj_web_atomic(app, "GET", paths[i], handler_hello, NULL));
	}
	ok(ptj_web_route(app, "GET", "/{a}/{b}/{c...}", handler_hello, NULL));
	ok(ptj_web_route(app, "GET", "/...", handler_hello, NULL));
	ok(ptj_web_route(app, "GET", "/.a", handler_hello, NULL));
	ptj_web_app_free(app);
}
END_TEST

START_TEST(a_route_is_added_once)
{
	ptj_web_app *app = web_app();

	ok(ptj_web_route(app, "GET", "/a/{b}", handler_hello, NULL));
	expect(EEXIST, ptj_web_route(app, "GET", "/a/{b}", handler_at_gate, NULL));
	expect(EEXIST, ptj_web_atomic(app, "GET", "/a/{b}", handler_hello, NULL));
	ok(ptj_web_route(app, "POST", "/a/{b}", handler_hello, NULL));
	ok(ptj_web_route(app, "*", "/a/{b}", handler_hello, NULL));
	expect(EEXIST, ptj_web_route(app, "*", "/a/{b}", handler_hello, NULL));
	ok(ptj_web_route(app, "GET", "/a/b", handler_hello, NULL));
	ok(ptj_web_route(app, "GET", "/a/b/", handler_hello, NULL));
	ok(ptj_web_route(app, "get", "/a/b", handler_hello, NULL));
	ptj_web_app_free(app);
}
END_TEST

START_TEST(what_is_for_atomic_routes_needs_one)
{
	static const char *const paths[] = {"/0", "/1", "/2", "/3"};
	ptj_web_app *app = web_app();
	ptj_web_route_attr *attr = NULL;

	for (int i = 0; i < 4; i++) {
		ok(ptj_web_route_attr_create(&attr));
		if (i == 0)
			ok(ptj_web_route_attr_set_close_on_disconnect(attr, 1));
		if (i == 1)
			ok(ptj_web_route_attr_set_stream_body(attr, 1));
		if (i == 2)
			ok(ptj_web_route_attr_set_cancel_mode(attr, PTJ_CANCEL_MASKED));
		if (i == 3)
			ok(ptj_web_route_attr_set_name(attr, "name"));
		expect(EINVAL, ptj_web_route_with(app, attr, "GET", "/", handler_hello, NULL));
		ok(ptj_web_route_attr_set_atomic(attr, 1));
		ok(ptj_web_route_with(app, attr, "GET", paths[i], handler_hello, NULL));
		ptj_web_route_attr_free(attr);
	}
	ok(ptj_web_route_attr_create(&attr));
	expect(EINVAL, ptj_web_route_attr_set_cancel_mode(attr, -1));
	expect(EINVAL, ptj_web_route_attr_set_cancel_mode(attr, 3));
	ok(ptj_web_route_attr_set_body_limit(attr, 5));
	ok(ptj_web_route_with(app, attr, "GET", "/inline", handler_hello, NULL));
	ok(ptj_web_route_attr_set_body_limit(attr, 0));
	expect(EINVAL, ptj_web_route_with(app, attr, "GET", "/unbounded", handler_hello, NULL));
	ok(ptj_web_route_attr_set_atomic(attr, 1));
	expect(EINVAL, ptj_web_route_with(app, attr, "GET", "/unbounded", handler_hello, NULL));
	ok(ptj_web_route_attr_set_stream_body(attr, 1));
	ok(ptj_web_route_with(app, attr, "GET", "/unbounded", handler_hello, NULL));
	ok(ptj_web_route_attr_set_name(attr, "name"));
	ok(ptj_web_route_attr_set_name(attr, NULL));
	ok(ptj_web_route_attr_set_atomic(attr, 0));
	ok(ptj_web_route_attr_set_stream_body(attr, 0));
	ok(ptj_web_route_attr_set_body_limit(attr, 5));
	ok(ptj_web_route_with(app, attr, "GET", "/unnamed", handler_hello, NULL));
	ptj_web_route_attr_free(attr);
	ptj_web_app_free(app);
}
END_TEST

/* ---- Mounts --------------------------------------------------------------------------------- */

START_TEST(a_mount_needs_a_plain_prefix)
{
	static const char *const prefixes[] = {NULL,  "",    "a",     "/",     "/{a}", "/a/{b}",
	                                       "/a/", "//a", "/a//b", "/a/..", "/.",   "/{a...}"};
	ptj_web_app *app = web_app(), *child, *other_child;

	ok(ptj_web_app_create(&child, app));
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		expect(EINVAL, ptj_web_mount(app, prefixes[i], child));
	ok(ptj_web_mount(app, "/a/b", child));
	ptj_web_app_free(child);
	/* Also where there is one already. */
	ok(ptj_web_app_create(&child, app));
	ok(ptj_web_mount(app, "/a", child));
	ok(ptj_web_app_create(&other_child, app));
	expect(EINVAL, ptj_web_mount(app, "/{a}", other_child));
	ptj_web_app_free(other_child);
	ptj_web_app_free(child);
	ptj_web_app_free(app);
}
END_TEST

START_TEST(a_tree_has_no_loops_and_no_doubles)
{
	ptj_web_app *root = web_app(), *middle, *leaf, *stray;

	ok(ptj_web_app_create(&middle, root));
	ok(ptj_web_app_create(&leaf, NULL));
	ok(ptj_web_app_create(&stray, middle));
	expect(ELOOP, ptj_web_mount(root, "/self", root));
	expect(EINVAL, ptj_web_mount(root, "/stray", stray)); /* it is another one's */
	ok(ptj_web_mount(root, "/middle", middle));
	expect(EEXIST, ptj_web_mount(root, "/again", middle));
	expect(EEXIST, ptj_web_mount(root, "/middle", leaf));
	ok(ptj_web_mount(middle, "/leaf", leaf));
	expect(ELOOP, ptj_web_mount(leaf, "/root", root));
	ptj_web_app_free(stray);
	ptj_web_app_free(leaf);
	ptj_web_app_free(middle);
	ptj_web_app_free(root);
}
END_TEST

/* Whoever is released first. */
START_TEST(a_tree_is_released_in_any_order)
{
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
	                                 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	ptj_web_app *apps[3];
	uint16_t port;

	apps[0] = web_app();
	ok(ptj_web_app_create(&apps[1], apps[0]));
	ok(ptj_web_app_create(&apps[2], NULL));
	ok(ptj_web_mount(apps[1], "/leaf", apps[2]));
	ok(ptj_web_mount(apps[0], "/middle", apps[1]));
	ok(ptj_web_route(apps[2], "GET", "/x", handler_hello, NULL));
	ok(ptj_web_route(apps[1], "GET", "/x", handler_hello, other));
	port = web_start(apps[0]);
	expect_get(port, "/middle/leaf/x", 200, "hello");
	expect_get(port, "/middle/x", 200, "other");
	ok(ptj_web_stop(apps[0], PTJ_DEFAULT));
	for (int i = 0; i < 3; i++)
		ptj_web_app_free(apps[orders[_i][i]]);
}
END_TEST

/* ---- Starts and stops ----------------------------------------------------------------------- */

static void change_everything(ptj_web_app *app, int code)
{
	ptj_web_app *child = NULL;

	expect(code, ptj_web_route(app, "GET", "/late", handler_hello, NULL));
	expect(code, ptj_web_atomic(app, "POST", "/late", handler_hello, NULL));
	expect(code, ptj_web_route_with(app, NULL, "PUT", "/late", handler_hello, NULL));
	expect(code, ptj_web_set_threads(app, 1));
	expect(code, ptj_web_set_connection_limit(app, 0));
	expect(code, ptj_web_set_header_limit(app, 32768));
	expect(code, ptj_web_set_body_limit(app, 1 << 20));
	expect(code, ptj_web_set_receive_timeout(app, DAY_MS));
	expect(code, ptj_web_set_line_limit(app, 0));
	expect(code, ptj_web_set_tls(app, NULL, NULL));
	expect(code, ptj_web_set_log(app, NULL, NULL));
	expect(code, ptj_web_app_create(&child, app));
	if (code) {
		ok(ptj_web_app_create(&child, NULL));
		expect(code, ptj_web_mount(app, "/late", child));
		expect(code, ptj_web_setup(app, NULL));
	} else {
		ok(ptj_web_mount(app, "/late", child));
		ok(ptj_web_setup(app, NULL));
		expect(EALREADY, ptj_web_setup(app, NULL));
	}
	ptj_web_app_free(child);
}

START_TEST(nothing_changes_while_it_runs)
{
	ptj_web_app *app = web_app(), *child;

	ok(ptj_web_app_create(&child, app));
	ok(ptj_web_mount(app, "/child", child));
	web_start(app);
	change_everything(app, EBUSY);
	change_everything(child, EBUSY);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	change_everything(child, 0);
	change_everything(app, 0);
	ptj_web_app_free(child);
	ptj_web_app_free(app);
}
END_TEST

START_TEST(it_is_started_once)
{
	ptj_web_app *app = web_app();
	uint16_t port = web_start(app);

	expect(EALREADY, ptj_web_start(app, "127.0.0.1", 0));
	expect(EALREADY, ptj_web_open(app));
	ck_assert_uint_eq(ptj_web_port(app), port);
	web_end(app);
}
END_TEST

START_TEST(only_the_root_is_started)
{
	ptj_web_app *app = web_app(), *child;

	ok(ptj_web_app_create(&child, app));
	expect(EINVAL, ptj_web_start(child, "127.0.0.1", 0));
	expect(EINVAL, ptj_web_open(child));
	expect(EINVAL, ptj_web_stop(child, 0));
	ok(ptj_web_mount(app, "/child", child));
	expect(EINVAL, ptj_web_start(child, "127.0.0.1", 0));
	ptj_web_app_free(child);
	ptj_web_app_free(app);
}
END_TEST

/* After an error nothing runs, and the next start works. */
START_TEST(a_start_that_fails_leaves_nothing_behind)
{
	ptj_web_app *first = web_app(), *second = web_app_with(setup_of(1, 1));
	uint16_t port = web_start(first);

	expect(EADDRINUSE, ptj_web_start(second, "127.0.0.1", port));
	ck_assert_uint_eq(ptj_web_port(second), 0);
	ck_assert_ptr_null(ptj_web_scheduler_from_app(second));
	expect(EADDRNOTAVAIL, ptj_web_start(second, "192.0.2.1", 0));
	ck_assert_uint_eq(ptj_web_port(second), 0);
	ok(ptj_web_set_line_limit(second, 1)); /* not EBUSY */
	ok(ptj_web_route(second, "GET", "/", handler_hello, NULL));
	ok(ptj_web_stop(first, PTJ_DEFAULT));
	ok(ptj_web_start(second, "127.0.0.1", port));
	ck_assert_uint_eq(ptj_web_port(second), port);
	expect_get(port, "/", 200, "hello");
	web_end(second);
	ptj_web_app_free(first);
}
END_TEST

START_TEST(a_stop_of_what_does_not_run_is_none)
{
	ptj_web_app *app = web_app();

	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ok(ptj_web_stop(app, 0));
	ok(ptj_web_close(app, 0));
	web_start(app);
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ok(ptj_web_stop(app, PTJ_DEFAULT));
	ck_assert_uint_eq(ptj_web_port(app), 0);
	ck_assert_uint_eq(ptj_web_connection_count(app), 0);
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	ptj_web_app_free(app);
}
END_TEST

START_TEST(it_starts_again_and_again)
{
	ptj_web_app *app = web_app_with(setup_of(2, 2));

	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	web_atomic(app, "GET", "/atomic", handler_hello, NULL);
	for (int i = 0; i < 5; i++) {
		uint16_t port = web_start(app);

		expect_get(port, "/", 200, "hello");
		expect_get(port, "/atomic", 200, "hello");
		ok(ptj_web_stop(app, PTJ_DEFAULT));
	}
	ptj_web_app_free(app);
}
END_TEST

START_TEST(it_is_stopped_by_its_release)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));
	struct client c;

	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	client_open(&c, web_start(app));
	client_request(&c, "GET", "/");
	client_expect(&c, 200, "hello");
	ptj_web_app_free(app);
	client_expect_end(&c);
	client_close(&c);
}
END_TEST

START_TEST(it_listens_at_any_address)
{
	static const char *const addresses[] = {NULL, "0.0.0.0", "localhost", "127.0.0.1"};
	ptj_web_app *app = web_app();

	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	ok(ptj_web_start(app, addresses[_i], 0));
	/* "localhost" may be ::1 as well. */
	if (_i != 2)
		expect_get(ptj_web_port(app), "/", 200, "hello");
	web_end(app);
}
END_TEST

START_TEST(it_listens_at_an_ipv6_address)
{
	ptj_web_app *app = web_app();
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct client c = {.fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	int has_ipv6 = c.fd >= 0 && bind(c.fd, (struct sockaddr *)&to, sizeof to) == 0;

	ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
	if (has_ipv6) {
		ok(ptj_web_start(app, "::1", 0));
		to.sin6_port = htons(ptj_web_port(app));
		ck_assert_int_eq(connect(c.fd, (struct sockaddr *)&to, sizeof to), 0);
		client_request(&c, "GET", "/");
		client_expect(&c, 200, "hello");
	} else {
		ck_assert_int_ne(ptj_web_start(app, "::1", 0), 0);
	}
	client_close(&c);
	web_end(app);
}
END_TEST

/* ---- From within ---------------------------------------------------------------------------- */

static ptj_web_app *released;

static int handler_release(ptj_web_request *r, void *user)
{
	(void)user;
	ptj_web_app_free(released);
	return respond_text(r, 200, "still here");
}

/* On the event loop, and as a job. */
START_TEST(a_release_from_within_is_only_logged)
{
	uint16_t port;

	lines_init(&lines);
	released = web_app_with(setup_of(1, 1));
	ok(ptj_web_set_log(released, lines_log, &lines));
	ok(ptj_web_route(released, "GET", "/", handler_release, NULL));
	web_atomic(released, "GET", "/atomic", handler_release, NULL);
	port = web_start(released);
	expect_get(port, "/", 200, "still here");
	ck_assert_uint_ge(lines_count(&lines), 1);
	expect_get(port, "/atomic", 200, "still here");
	ck_assert_uint_ge(lines_count(&lines), 2);
	expect_get(port, "/", 200, "still here");
	web_end(released);
}
END_TEST

/* ---- Counts --------------------------------------------------------------------------------- */

START_TEST(connections_and_requests_are_counted)
{
	ptj_web_app *app = web_app_with(setup_of(2, 2));
	struct client idle, asking;
	uint16_t port;

	gate_init(&gate);
	web_atomic(app, "GET", "/", handler_at_gate, &gate);
	port = web_start(app);
	ck_assert_uint_eq(ptj_web_connection_count(app), 0);
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	client_open(&idle, port);
	client_open(&asking, port);
	await(ptj_web_connection_count(app) == 2);
	ck_assert_uint_eq(ptj_web_request_count(app), 0);
	client_request(&asking, "GET", "/");
	gate_await(&gate, 1);
	ck_assert_uint_eq(ptj_web_request_count(app), 1);
	ck_assert_uint_eq(ptj_web_connection_count(app), 2);
	ck_assert_uint_eq(ptj_web_line_count(app), 0);
	gate_open(&gate);
	client_expect(&asking, 200, "passed");
	await(ptj_web_request_count(app) == 0);
	client_close(&asking);
	client_close(&idle);
	await(ptj_web_connection_count(app) == 0);
	web_end(app);
	gate_destroy(&gate);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, no_application_is_einval);
	tcase_add_test(tc, no_request_is_einval);
	tcase_add_test(tc, no_attributes_are_einval);
	tcase_add_test(tc, a_setting_out_of_range_is_einval);
	tcase_add_test(tc, a_timeout_that_is_none_is_einval);
	tcase_add_test(tc, a_bad_method_is_einval);
	tcase_add_test(tc, a_bad_path_is_einval);
	tcase_add_test(tc, a_route_is_added_once);
	tcase_add_test(tc, what_is_for_atomic_routes_needs_one);
	tcase_add_test(tc, a_mount_needs_a_plain_prefix);
	tcase_add_test(tc, a_tree_has_no_loops_and_no_doubles);
	tcase_add_loop_test(tc, a_tree_is_released_in_any_order, 0, 6);
	tcase_add_test(tc, nothing_changes_while_it_runs);
	tcase_add_test(tc, it_is_started_once);
	tcase_add_test(tc, only_the_root_is_started);
	tcase_add_test(tc, a_start_that_fails_leaves_nothing_behind);
	tcase_add_test(tc, a_stop_of_what_does_not_run_is_none);
	tcase_add_test(tc, it_starts_again_and_again);
	tcase_add_test(tc, it_is_stopped_by_its_release);
	tcase_add_loop_test(tc, it_listens_at_any_address, 0, 4);
	tcase_add_test(tc, it_listens_at_an_ipv6_address);
	tcase_add_test(tc, a_release_from_within_is_only_logged);
	tcase_add_test(tc, connections_and_requests_are_counted);
}

int main(void)
{
	return run_tests("web_app", add);
}
