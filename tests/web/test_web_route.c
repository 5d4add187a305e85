/* Which handler a request meets, and what it knows of the request: paths and their parameters,
   mounts, methods, queries, headers.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <stdio.h>

static struct recorder seen;

/* Answers with its route's text and the parameters a, b and rest, where there are such. */
static int handler_tell(ptj_web_request *r, void *route)
{
	static const char *const names[] = {"a", "b", "rest"};
	char text[1024];
	int len = snprintf(text, sizeof text, "%s", (const char *)route);

	for (size_t i = 0; i < 3; i++) {
		const char *value = ptj_web_param(r, names[i]);

		if (value)
			len += snprintf(text + len, sizeof text - (size_t)len, " %s=%s", names[i],
			                value);
	}
	return ptj_web_respond(r, 200, NULL, text, (size_t)len);
}

static void tell(ptj_web_app *app, const char *method, const char *path, const char *route)
{
	ok(ptj_web_route(app, method, path, handler_tell, (char *)(uintptr_t)route));
}

/* ---- Matching ------------------------------------------------------------------------------- */

static const struct {
	const char *path;
	int status;
	const char *body;
} targets[] = {
	{"/", 200, "root"},
	{"/plain", 200, "plain"},
	{"/plain/", 404, NULL},
	{"/Plain", 404, NULL},
	{"//plain", 404, NULL},
	{"/plain?query", 200, "plain"},
	{"/plain?a=/b/c&d=%2e%2e/../%zz", 200, "plain"},
	{"/pl%61in", 200, "plain"},
	{"/one/x", 200, "one a=x"},
	{"/one/", 404, NULL},
	{"/one", 404, NULL},
	{"/one/x/", 404, NULL},
	{"/one/special", 200, "one a=special"}, /* the first that was added */
	{"/one/a%20b", 200, "one a=a b"},
	{"/one/a+b", 200, "one a=a+b"},
	{"/one/a%2Fb", 200, "one a=a/b"},
	{"/one/a%2fb", 200, "one a=a/b"},
	{"/one/%25", 200, "one a=%"},
	{"/one/%2525", 200, "one a=%25"},
	{"/one/%C3%A4", 200, "one a=\xc3\xa4"},
	{"/one/{a}", 200, "one a={a}"},
	{"/one/...", 200, "one a=..."},
	{"/one/.x", 200, "one a=.x"},
	{"/two/x/y", 200, "two a=x b=y"},
	{"/two/x/y/z", 404, NULL},
	{"/two//y", 404, NULL},
	{"/two/x/", 404, NULL},
	{"/files/", 200, "files rest="},
	{"/files/a", 200, "files rest=a"},
	{"/files/a/b/c.txt", 200, "files rest=a/b/c.txt"},
	{"/files/a/b/", 200, "files rest=a/b/"},
	{"/files/a%20b/%C3%A4", 200, "files rest=a b/\xc3\xa4"},
	{"/mixed/x/and/y/z", 200, "mixed a=x rest=y/z"},
	{"/mixed/x/or/y/z", 404, NULL},
	{"/nothing", 404, NULL},
	/* A handler that opens files by what it is given must not be led out of its folder. */
	{"/.", 400, NULL},
	{"/..", 400, NULL},
	{"/../plain", 400, NULL},
	{"/./plain", 400, NULL},
	{"/plain/..", 400, NULL},
	{"/plain/../plain", 400, NULL},
	{"/one/..", 400, NULL},
	{"/one/%2e%2e", 400, NULL},
	{"/one/.%2E", 400, NULL},
	{"/one/%2e", 400, NULL},
	{"/files/a/../b", 400, NULL},
	{"/files/..", 400, NULL},
	{"/files/%2e%2e/b", 400, NULL},
	{"/nothing/..", 400, NULL},
	/* Nor by a slash that is one only when it is decoded. */
	{"/files/..%2Fb", 404, NULL},
	{"/files/a%2Fb", 404, NULL},
	/* Bad encodings. */
	{"/one/%", 400, NULL},
	{"/one/%2", 400, NULL},
	{"/one/%zz", 400, NULL},
	{"/one/%0g", 400, NULL},
	{"/one/%-1", 400, NULL},
	{"/one/a%00b", 400, NULL},
	{"/%00", 400, NULL},
	{"/nothing/%", 400, NULL},
	{"/plain?a%00b=c", 400, NULL},
	{"/plain?a=b%00c", 400, NULL},
	{"/one/a\x7f", 400, NULL},
	/* The absolute form, as to a proxy. */
	{"http://localhost/plain", 200, "plain"},
	{"HTTP://localhost:8080/one/x?y=z", 200, "one a=x"},
	{"http://localhost/nothing", 404, NULL},
	{"http://localhost/files/../x", 400, NULL},
	{"http://localhost", 200, "root"},
	{"http://localhost?y=z", 200, "root"},
	{"plain/x://localhost/plain", 400, NULL},
	/* What is no path. */
	{"plain", 400, NULL},
	{"*", 400, NULL},
};

enum { TARGETS = sizeof targets / sizeof targets[0] };

static ptj_web_app *make_here(void)
{
	ptj_web_app *app = web_app();

	tell(app, "GET", "/", "root");
	tell(app, "GET", "/plain", "plain");
	tell(app, "GET", "/one/{a}", "one");
	tell(app, "GET", "/one/special", "special");
	tell(app, "GET", "/two/{a}/{b}", "two");
	tell(app, "GET", "/files/{rest...}", "files");
	tell(app, "GET", "/mixed/{a}/and/{rest...}", "mixed");
	return app;
}

START_TEST(each_target_finds_its_route_or_none)
{
	ptj_web_app *app = make_here();
	uint16_t port = web_start(app);

	for (int i = 0; i < TARGETS; i++) {
		struct client c;
		struct answer a;

		client_open(&c, port);
		client_request(&c, "GET", targets[i].path);
		client_answer(&c, "GET", &a);
		ck_assert_msg(a.status == targets[i].status && a.whole, "%s: %d, and not %d: %s",
		              targets[i].path, a.status, targets[i].status, a.body);
		if (targets[i].body)
			ck_assert_msg(strcmp(a.body, targets[i].body) == 0, "%s: %s",
			              targets[i].path, a.body);
		answer_free(&a);
		client_close(&c);
	}
	web_end(app);
}
END_TEST

/* All on one connection, where they leave it open; the answers are framed so that the next is
   found. */
START_TEST(one_connection_has_them_all)
{
	ptj_web_app *app = make_here();
	uint16_t port = web_start(app);
	struct client c;

	client_open(&c, port);
	for (int i = 0; i < TARGETS; i++) {
		if (targets[i].status == 400)
			continue;
		client_request(&c, "GET", targets[i].path);
		client_expect(&c, targets[i].status, targets[i].body);
	}
	client_close(&c);
	web_end(app);
}
END_TEST

START_TEST(a_path_of_too_many_segments_is_refused)
{
	enum { SLASHES = 2000 };
	ptj_web_app *app = make_here();
	uint16_t port = web_start(app);
	char text[SLASHES + 64];
	struct answer a;
	struct client c;

	client_open(&c, port);
	client_send(&c, "GET /files");
	memset(text, '/', SLASHES);
	strcpy(text + SLASHES, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
	client_send(&c, text);
	client_answer(&c, "GET", &a);
	ck_assert_int_eq(a.status / 100, 4);
	answer_free(&a);
	client_close(&c);
	expect_get(port, "/files/a/b", 200, "files rest=a/b");
	web_end(app);
}
END_TEST

START_TEST(one_that_is_asked_for_by_a_handler_is_there_or_not)
{
	ptj_web_app *app = web_app();
	uint16_t port;

	tell(app, "GET", "/{other}", "other");
	tell(app, "GET", "/{a}/{A}", "case");
	port = web_start(app);
	expect_get(port, "/x", 200, "other");
	expect_get(port, "/x/y", 200, "case a=x");
	web_end(app);
}
END_TEST

/* ---- Methods -------------------------------------------------------------------------------- */

static void expect_method(uint16_t port, const char *method, const char *path, int status,
                          const char *body)
{
	struct answer a;
	struct client c;

	client_open(&c, port);
	client_request(&c, method, path);
	client_answer(&c, method, &a);
	ck_assert_msg(a.status == status, "%s %s: %d, and not %d", method, path, a.status, status);
	if (body)
		ck_assert_str_eq(a.body, body);
	answer_free(&a);
	/* Framed as it should be, so that the next answer is one. */
	client_request(&c, "GET", "/get");
	client_expect(&c, 200, "get");
	client_close(&c);
}

START_TEST(methods_are_told_apart)
{
	ptj_web_app *app = web_app();
	uint16_t port;

	tell(app, "GET", "/get", "get");
	tell(app, "GET", "/both", "both get");
	tell(app, "DELETE", "/both", "both delete");
	tell(app, "*", "/any", "any");
	tell(app, "PURGE", "/odd", "odd");
	tell(app, "PUT", "/{a}", "put");
	port = web_start(app);
	expect_method(port, "GET", "/both", 200, "both get");
	expect_method(port, "DELETE", "/both", 200, "both delete");
	expect_method(port, "PUT", "/both", 200, "put a=both");
	expect_method(port, "PUT", "/any", 200, "any");
	expect_method(port, "OPTIONS", "/any", 200, "any");
	expect_method(port, "BREW", "/any", 200, "any");
	expect_method(port, "PURGE", "/odd", 200, "odd");
	expect_method(port, "purge", "/odd", 405, NULL);
	expect_method(port, "get", "/get", 405, NULL);
	expect_method(port, "DELETE", "/nothing/at/all", 404, NULL);
	web_end(app);
}
END_TEST

/* How often it stands in Allow. */
static int allows(struct answer *a, const char *method)
{
	char list[512], *token, *rest = list;
	int n = 0;

	ck_assert_ptr_nonnull(answer_header(a, "Allow"));
	strcpy(list, answer_header(a, "Allow"));
	while ((token = strsep(&rest, ", ")))
		n += strcmp(token, method) == 0;
	return n;
}

START_TEST(another_method_is_405_with_what_is_allowed)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));
	struct answer a;
	struct client c;

	tell(app, "GET", "/x", "get");
	tell(app, "PUT", "/x", "put");
	tell(app, "DELETE", "/{a}", "delete");
	/* The beginning of another, and one that is there already. */
	tell(app, "DEL", "/{a}", "del");
	tell(app, "DEL", "/x", "del too");
	tell(app, "PUT", "/{a}", "put too");
	tell(app, "GETALL", "/x", "get all");
	tell(app, "GET", "/{a}", "get too");
	tell(app, "PATCH", "/y", "other path");
	tell(app, "TRACE", "/z/z", "no head");
	web_atomic(app, "LOCK", "/x", handler_hello, NULL);
	client_open(&c, web_start(app));
	client_request(&c, "POST", "/x");
	client_answer(&c, "POST", &a);
	ck_assert_int_eq(a.status, 405);
	ck_assert_int_eq(allows(&a, "GET"), 1);
	ck_assert_int_eq(allows(&a, "HEAD"), 1);
	ck_assert_int_eq(allows(&a, "PUT"), 1);
	ck_assert_int_eq(allows(&a, "DELETE"), 1);
	ck_assert_int_eq(allows(&a, "DEL"), 1);
	ck_assert_int_eq(allows(&a, "GETALL"), 1);
	ck_assert_int_eq(allows(&a, "LOCK"), 1);
	ck_assert_int_eq(allows(&a, "PATCH"), 0);
	ck_assert_int_eq(allows(&a, "POST"), 0);
	answer_free(&a);
	client_request(&c, "POST", "/y");
	client_answer(&c, "POST", &a);
	ck_assert_int_eq(a.status, 405);
	ck_assert_int_eq(allows(&a, "PATCH"), 1);
	ck_assert_int_eq(allows(&a, "HEAD"), 1);
	answer_free(&a);
	client_request(&c, "POST", "/z/z");
	client_answer(&c, "POST", &a);
	ck_assert_int_eq(a.status, 405);
	ck_assert_int_eq(allows(&a, "TRACE"), 1);
	ck_assert_int_eq(allows(&a, "HEAD"), 0);
	answer_free(&a);
	client_close(&c);
	web_end(app);
}
END_TEST

static int handler_method(ptj_web_request *r, void *user)
{
	(void)user;
	return respond_text(r, 200, ptj_web_method(r));
}

START_TEST(get_serves_head_too)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));
	struct answer a;
	struct client c;

	ok(ptj_web_route(app, "GET", "/inline", handler_method, NULL));
	web_atomic(app, "GET", "/atomic", handler_method, NULL);
	ok(ptj_web_route(app, "HEAD", "/own", handler_hello, NULL));
	ok(ptj_web_route(app, "GET", "/own", handler_method, NULL));
	ok(ptj_web_route(app, "POST", "/post", handler_method, NULL));
	client_open(&c, web_start(app));
	for (int i = 0; i < 2; i++) {
		client_request(&c, "HEAD", i ? "/atomic" : "/inline");
		client_answer(&c, "HEAD", &a);
		ck_assert_int_eq(a.status, 200);
		ck_assert_str_eq(answer_header(&a, "Content-Length"), "4");
		answer_free(&a);
	}
	client_request(&c, "HEAD", "/own");
	client_answer(&c, "HEAD", &a);
	ck_assert_str_eq(answer_header(&a, "Content-Length"), "5");
	answer_free(&a);
	client_request(&c, "HEAD", "/post");
	client_answer(&c, "HEAD", &a);
	ck_assert_int_eq(a.status, 405);
	answer_free(&a);
	client_request(&c, "GET", "/own");
	client_expect(&c, 200, "GET");
	client_close(&c);
	web_end(app);
}
END_TEST

/* ---- Mounts --------------------------------------------------------------------------------- */

START_TEST(a_mount_takes_what_is_below_its_prefix)
{
	ptj_web_app *root = web_app(), *admin, *deep, *late;
	uint16_t port;

	ok(ptj_web_app_create(&admin, root));
	ok(ptj_web_app_create(&deep, NULL));
	ok(ptj_web_app_create(&late, root));
	tell(root, "GET", "/admin/own", "root");
	tell(root, "GET", "/admin/both", "root");
	tell(root, "POST", "/admin/post", "root");
	tell(admin, "GET", "/", "admin");
	tell(admin, "GET", "/both", "admin");
	tell(admin, "GET", "/user/{a}", "admin");
	tell(admin, "GET", "/post", "admin");
	tell(deep, "GET", "/{rest...}", "deep");
	tell(late, "GET", "/x/late", "late");
	ok(ptj_web_mount(root, "/admin", admin));
	ok(ptj_web_mount(admin, "/very/deep", deep));
	ok(ptj_web_mount(root, "/admin/user", late));
	port = web_start(root);
	expect_get(port, "/admin/", 200, "admin");
	expect_get(port, "/admin/user/x", 200, "admin a=x");
	expect_get(port, "/admin/own", 200, "root");
	expect_get(port, "/admin/both", 200, "root"); /* routes of the parent go first */
	expect_get(port, "/admin/very/deep/a/b", 200, "deep rest=a/b");
	expect_get(port, "/admin/very/deep/", 200, "deep rest=");
	expect_get(port, "/admin/very", 404, NULL);
	expect_get(port, "/adminx", 404, NULL);
	expect_get(port, "/user/x", 404, NULL);
	expect_get(port, "/%61dmin/user/x", 200, "admin a=x");
	expect_get(port, "/admin%2Fuser/x", 404, NULL);
	/* The first mount that fits, whether or not it has a route. */
	expect_get(port, "/admin/user/x/late", 404, NULL);
	expect_get(port, "/admin/very/deep/..", 400, NULL);
	web_end(root);
	ptj_web_app_free(admin);
	ptj_web_app_free(deep);
	ptj_web_app_free(late);
}
END_TEST

static int handler_whose(ptj_web_request *r, void *app)
{
	record(&seen, ptj_web_request_app(r) == *(ptj_web_app **)app);
	return respond_text(r, 200, ptj_web_uri(r));
}

START_TEST(a_request_knows_its_application_and_its_whole_target)
{
	ptj_web_app *root = web_app(), *child;
	uint16_t port;

	recorder_init(&seen);
	ok(ptj_web_app_create(&child, root));
	ok(ptj_web_route(root, "GET", "/x%2Fy", handler_whose, &root));
	ok(ptj_web_route(root, "GET", "/{a}", handler_whose, &root));
	ok(ptj_web_route(child, "GET", "/{a}", handler_whose, &child));
	ok(ptj_web_mount(root, "/child", child));
	port = web_start(root);
	expect_get(port, "/a%20b?c=%64&e", 200, "/a%20b?c=%64&e");
	expect_get(port, "/child/%41?", 200, "/child/%41?");
	ck_assert_uint_eq(recorded(&seen), 2);
	ck_assert_uint_eq(recorded_times(&seen, 1), 2);
	web_end(root);
	ptj_web_app_free(child);
}
END_TEST

/* ---- Queries and headers -------------------------------------------------------------------- */

struct walk {
	char text[1024];
	int stop_at;
	int n;
};

static int append(const char *name, const char *value, void *walk)
{
	struct walk *w = walk;
	size_t len = strlen(w->text);

	snprintf(w->text + len, sizeof w->text - len, "%s=%s;", name, value);
	return ++w->n == w->stop_at ? 77 : 0;
}

static int handler_query(ptj_web_request *r, void *user)
{
	static const char *const names[] = {"name", "empty", "bare", "missing", ""};
	struct walk all = {.stop_at = -1}, first = {.stop_at = 1};
	char text[4096];
	int len = 0;

	(void)user;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = ptj_web_query(r, names[i]);

		len += snprintf(text + len, sizeof text - (size_t)len, "[%s]",
		                value ? value : "none");
	}
	record(&seen, ptj_web_each_query(r, append, &all));
	record(&seen, ptj_web_each_query(r, append, &first));
	snprintf(text + len, sizeof text - (size_t)len, " %s %s", all.text, first.text);
	return respond_text(r, 200, text);
}

START_TEST(query_parameters_are_decoded_and_in_order)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));
	uint16_t port;

	recorder_init(&seen);
	ok(ptj_web_route(app, "GET", "/", handler_query, NULL));
	web_atomic(app, "GET", "/atomic", handler_query, NULL);
	port = web_start(app);
	for (int i = 0; i < 2; i++) {
		expect_get(port,
		           i ? "/atomic?name=a%20b&empty=&bare&name=second%26"
		             : "/?name=a%20b&empty=&bare&name=second%26",
		           200,
		           "[a b][][][none][none] name=a b;empty=;bare=;name=second&; name=a b;");
		ck_assert_int_eq(recorded_at(&seen, 2 * (size_t)i), 0);
		ck_assert_int_eq(recorded_at(&seen, 2 * (size_t)i + 1), 77);
	}
	expect_get(port, "/", 200, "[none][none][none][none][none]  ");
	expect_get(port, "/?n%61me=%C3%A4=%3D", 200,
	           "[\xc3\xa4==][none][none][none][none] name=\xc3\xa4==; name=\xc3\xa4==;");
	web_end(app);
}
END_TEST

static int handler_header(ptj_web_request *r, void *user)
{
	const char *one = ptj_web_header(r, "x-ONE"), *two = ptj_web_header(r, "X-Two");
	const char *none = ptj_web_header(r, "X-None"), *host = ptj_web_header(r, "host");
	struct walk all = {.stop_at = -1}, first = {.stop_at = 1};
	char text[4096];

	(void)user;
	record(&seen, ptj_web_each_header(r, append, &all));
	record(&seen, ptj_web_each_header(r, append, &first));
	record(&seen, strcmp(ptj_web_remote(r), "127.0.0.1"));
	snprintf(text, sizeof text, "[%s][%s][%s][%s] %s %s", one ? one : "none",
	         two ? two : "none", none ? none : "none", host ? host : "none", all.text,
	         first.text);
	return respond_text(r, 200, text);
}

START_TEST(headers_are_found_whatever_their_case)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));
	struct client c;

	recorder_init(&seen);
	ok(ptj_web_route(app, "GET", "/", handler_header, NULL));
	web_atomic(app, "GET", "/atomic", handler_header, NULL);
	client_open(&c, web_start(app));
	for (int i = 0; i < 2; i++) {
		client_request_with(&c, "GET", i ? "/atomic" : "/",
		                    "X-One: 1\r\nx-two:   two words \t \r\nX-ONE: again\r\n");
		client_expect(&c, 200,
		              "[1][two words][none][localhost] "
		              "Host=localhost;X-One=1;x-two=two words;X-ONE=again; "
		              "Host=localhost;");
		ck_assert_int_eq(recorded_at(&seen, 3 * (size_t)i), 0);
		ck_assert_int_eq(recorded_at(&seen, 3 * (size_t)i + 1), 77);
		ck_assert_int_eq(recorded_at(&seen, 3 * (size_t)i + 2), 0);
	}
	client_close(&c);
	web_end(app);
}
END_TEST

static int handler_ask_for_nothing(ptj_web_request *r, void *user)
{
	(void)user;
	record(&seen, ptj_web_param(r, NULL) == NULL);
	record(&seen, ptj_web_query(r, NULL) == NULL);
	record(&seen, ptj_web_header(r, NULL) == NULL);
	record(&seen, ptj_web_each_query(r, NULL, NULL) == EINVAL);
	record(&seen, ptj_web_each_header(r, NULL, NULL) == EINVAL);
	record(&seen, ptj_web_scheduler(r, NULL) == EINVAL);
	record(&seen, ptj_web_spawn(r, NULL, NULL, NULL) == EINVAL);
	record(&seen, ptj_web_shield(r, NULL, NULL, 0, NULL) == EINVAL);
	return respond_text(r, 200, "hello");
}

START_TEST(a_null_name_is_none)
{
	ptj_web_app *app = web_app_with(setup_of(1, 1));

	recorder_init(&seen);
	web_atomic(app, "GET", "/{a}", handler_ask_for_nothing, NULL);
	expect_get(web_start(app), "/x?y", 200, "hello");
	ck_assert_uint_eq(recorded(&seen), 8);
	ck_assert_uint_eq(recorded_times(&seen, 1), 8);
	web_end(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, each_target_finds_its_route_or_none);
	tcase_add_test(tc, one_connection_has_them_all);
	tcase_add_test(tc, a_path_of_too_many_segments_is_refused);
	tcase_add_test(tc, one_that_is_asked_for_by_a_handler_is_there_or_not);
	tcase_add_test(tc, methods_are_told_apart);
	tcase_add_test(tc, another_method_is_405_with_what_is_allowed);
	tcase_add_test(tc, get_serves_head_too);
	tcase_add_test(tc, a_mount_takes_what_is_below_its_prefix);
	tcase_add_test(tc, a_request_knows_its_application_and_its_whole_target);
	tcase_add_test(tc, query_parameters_are_decoded_and_in_order);
	tcase_add_test(tc, headers_are_found_whatever_their_case);
	tcase_add_test(tc, a_null_name_is_none);
}

int main(void)
{
	return run_tests("web_route", add);
}
