/* HTTPS, with a certificate that is made for the test, and curl for a client.

   SPDX-License-Identifier: Apache-2.0 */

#include "web_support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

static struct gate gate;
static char folder[] = "/tmp/ptjobs-web-tls.XXXXXX";
static char *certificate, *key;
static uint16_t port;

static char *slurp(const char *name)
{
	char path[64], *text = calloc(1, 65536);
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, 65535, f), 0);
	fclose(f);
	return text;
}

/* A shell command in the folder. */
static void run(const char *command)
{
	char text[1024];

	snprintf(text, sizeof text, "cd %s && %s", folder, command);
	ck_assert_msg(system(text) == 0, "%s", text);
}

static void make_certificate(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
	    "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 "
	    "-keyout key.pem -out cert.pem 2>log || { cat log; false; }");
	certificate = slurp("cert.pem");
	key = slurp("key.pem");
}

static void end_here(ptj_web_app *app)
{
	ptj_web_app_free(app);
	free(certificate);
	free(key);
	run("rm -r \"$PWD\"");
	gate_destroy(&gate);
}

/* An application with TLS, or without where libmicrohttpd has none. */
static ptj_web_app *make_here(int *has_tls)
{
	ptj_web_app *app = web_app_with(setup_of(2, 8));
	int code;

	gate_init(&gate);
	make_certificate();
	code = ptj_web_set_tls(app, certificate, key);
	ck_assert_msg(code == 0 || code == ENOTSUP, "%s", strerror(code));
	*has_tls = code == 0;
	return app;
}

/* Starts curl, whose output is what the server answers. */
static FILE *curl(const char *target, const char *options)
{
	char command[1024];
	FILE *f;

	snprintf(command, sizeof command,
	         "exec curl -sS --max-time %d --cacert %s/cert.pem %s https://127.0.0.1:%d%s 2>&1",
	         PATIENCE_MS / 1000, folder, options, port, target);
	f = popen(command, "re");
	ck_assert_ptr_nonnull(f);
	return f;
}

static void expect_output(FILE *f, const char *text)
{
	char got[1024] = "";

	(void)!fread(got, 1, sizeof got - 1, f);
	ck_assert_str_eq(got, text);
	ck_assert_int_eq(pclose(f), 0);
}

static int handler_size(ptj_web_request *r, void *user)
{
	char text[32];
	size_t size = 0;

	(void)user;
	ptj_web_body(r, &size);
	snprintf(text, sizeof text, "%zu", size);
	return respond_text(r, 200, text);
}

static int handler_stream(ptj_web_request *r, void *user)
{
	int code = ptj_web_stream(r, 200, NULL, UINT64_MAX);

	(void)user;
	if (code == 0)
		code = ptj_web_write(r, "one ", 4, PTJ_INFINITE, NULL);
	return code ? code : ptj_web_write(r, "two", 3, PTJ_INFINITE, NULL);
}

static int handler_read(ptj_web_request *r, void *user)
{
	char piece[1000], text[32];
	size_t size = 0, got = 1;
	int code = 0;

	(void)user;
	while (code == 0 && got > 0) {
		code = ptj_web_read(r, piece, sizeof piece, PTJ_INFINITE, &got);
		size += code ? 0 : got;
	}
	snprintf(text, sizeof text, "%zu", size);
	return code ? code : respond_text(r, 200, text);
}

START_TEST(each_kind_of_request_is_served)
{
	int has_tls;
	ptj_web_app *app = make_here(&has_tls);

	if (has_tls) {
		/* Both were copied. */
		memset(certificate, 'x', strlen(certificate));
		memset(key, 'x', strlen(key));
		ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
		web_atomic(app, "GET", "/atomic", handler_hello, NULL);
		web_atomic(app, "POST", "/size", handler_size, NULL);
		web_atomic(app, "GET", "/stream", handler_stream, NULL);
		web_atomic_with(app, (struct way){.stream_body = 1}, "POST", "/read", handler_read,
		                NULL);
		ok(ptj_web_set_threads(app, _i));
		port = web_start(app);
		expect_output(curl("/inline", ""), "hello");
		expect_output(curl("/atomic", ""), "hello");
		expect_output(curl("/size", "--data 12345"), "5");
		expect_output(curl("/read", "--data 12345"), "5");
		expect_output(curl("/stream", ""), "one two");
		ok(ptj_web_stop(app, PTJ_DEFAULT));
	}
	end_here(app);
}
END_TEST

START_TEST(the_event_loop_goes_on_there_too)
{
	int has_tls;
	ptj_web_app *app = make_here(&has_tls);
	FILE *blocked[2];

	if (has_tls) {
		ok(ptj_web_route(app, "GET", "/inline", handler_hello, NULL));
		web_atomic(app, "GET", "/gate", handler_at_gate, &gate);
		port = web_start(app);
		for (int i = 0; i < 2; i++)
			blocked[i] = curl("/gate", "");
		gate_await(&gate, 2);
		expect_output(curl("/inline", ""), "hello");
		gate_open(&gate);
		for (int i = 0; i < 2; i++)
			expect_output(blocked[i], "passed");
		ok(ptj_web_stop(app, PTJ_DEFAULT));
	}
	end_here(app);
}
END_TEST

START_TEST(whoever_was_accepted_is_answered_at_the_stop)
{
	int has_tls;
	ptj_web_app *app = make_here(&has_tls);
	struct caller stop = {.arg = app, .timeout = PTJ_DEFAULT};
	FILE *waiting;

	if (has_tls) {
		web_atomic(app, "GET", "/", handler_at_gate, &gate);
		port = web_start(app);
		waiting = curl("/", "");
		gate_await(&gate, 1);
		caller_start(&stop, call_web_stop);
		caller_await_blocked(&stop);
		gate_open(&gate);
		expect_output(waiting, "passed");
		ok(caller_join(&stop));
	}
	end_here(app);
}
END_TEST

START_TEST(a_client_that_speaks_plainly_is_no_client)
{
	int has_tls;
	ptj_web_app *app = make_here(&has_tls);
	struct client c;

	if (has_tls) {
		ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
		port = web_start(app);
		client_open(&c, port);
		client_request(&c, "GET", "/");
		client_await_end(&c);
		client_close(&c);
		expect_output(curl("/", ""), "hello");
		ok(ptj_web_stop(app, PTJ_DEFAULT));
	}
	end_here(app);
}
END_TEST

START_TEST(a_bad_certificate_or_key_is_einval_at_the_start)
{
	int has_tls;
	ptj_web_app *app = make_here(&has_tls);

	if (has_tls) {
		ok(ptj_web_set_tls(app, "no certificate", key));
		expect(EINVAL, ptj_web_start(app, "127.0.0.1", 0));
		ok(ptj_web_set_tls(app, certificate, "no key"));
		expect(EINVAL, ptj_web_start(app, "127.0.0.1", 0));
		ok(ptj_web_set_tls(app, certificate, certificate));
		expect(EINVAL, ptj_web_start(app, "127.0.0.1", 0));
		ok(ptj_web_route(app, "GET", "/", handler_hello, NULL));
		ok(ptj_web_set_tls(app, certificate, key));
		port = web_start(app);
		expect_output(curl("/", ""), "hello");
		ok(ptj_web_stop(app, PTJ_DEFAULT));
		/* Taken back, it is plain again. */
		ok(ptj_web_set_tls(app, NULL, NULL));
		expect_get(web_start(app), "/", 200, "hello");
		ok(ptj_web_stop(app, PTJ_DEFAULT));
	}
	end_here(app);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, each_kind_of_request_is_served, 1, 3);
	tcase_add_test(tc, the_event_loop_goes_on_there_too);
	tcase_add_test(tc, whoever_was_accepted_is_answered_at_the_stop);
	tcase_add_test(tc, a_client_that_speaks_plainly_is_no_client);
	tcase_add_test(tc, a_bad_certificate_or_key_is_einval_at_the_start);
}

int main(void)
{
	return run_tests("web_tls", add);
}
