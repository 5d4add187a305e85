// ptjobs from C++: what the binding in examples/ffi/cxx stands.
//
// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <iostream>
#include <string>
#include <thread>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../examples/ffi/cxx/ptjobs.hpp"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			std::cerr << __FILE__ << ':' << __LINE__ << ": not " #condition "\n";      \
			std::_Exit(1);                                                             \
		}                                                                                  \
	} while (0)

// What f() throws.
template <class E, class F> static E thrown(F f)
{
	try {
		f();
	} catch (const E &e) {
		return e;
	}
	std::cerr << "nothing was thrown\n";
	std::_Exit(1);
}

static ptj::options with(std::size_t limit, std::size_t pending_limit = 10000)
{
	ptj::options o;

	o.limit = limit;
	o.pending_limit = pending_limit;
	return o;
}

// Where a job waits until it is let through, closed or not.
class gate
{
public:
	int pass()
	{
		reached.set_value();
		return opened.get_future().get();
	}

	void wait_for_job()
	{
		reached.get_future().wait();
	}

	void open(int value)
	{
		opened.set_value(value);
	}

private:
	std::promise<void> reached;
	std::promise<int> opened;
};

static void sleep_until_cancelled()
{
	if (ptj_sleep(PTJ_INFINITE) == ECANCELED)
		throw ptj::cancelled();
}

static void thousands_of_jobs()
{
	ptj::completions ended;
	ptj::options o = with(4, 0);
	o.queue = &ended;
	ptj::scheduler s(o);
	std::vector<ptj::job<int>> jobs;
	std::size_t taken = 0;

	for (int i = 0; i < 20000; i++)
		jobs.push_back(s.spawn([i] { return 2 * i; }));
	while (taken < jobs.size())
		taken += ended.take().size();
	CHECK(taken == jobs.size());
	CHECK(ended.take(std::chrono::milliseconds(0)).empty());
	for (int i = 0; i < 20000; i++)
		CHECK(jobs[i].get() == 2 * i);
}

static void results_of_any_type()
{
	ptj::scheduler s;

	CHECK(*s.spawn([] { return std::make_unique<int>(5); }).get() == 5);
	s.spawn([owned = std::make_unique<int>(6)] { CHECK(*owned == 6); }).get();
}

static void exceptions_are_failures()
{
	struct odd : std::runtime_error {
		explicit odd(int i) : std::runtime_error("odd"), number(i)
		{
		}
		int number;
	};
	ptj::scheduler s;

	auto job = s.spawn([] { throw odd(7); });
	CHECK(thrown<odd>([&] { job.get(); }).number == 7);
	CHECK(ptj_job_error(job.native_handle()) == PTJ_EFAILED);
	CHECK(std::string(ptj_job_error_message(job.native_handle())) == "odd");
	CHECK(thrown<int>([&] { s.spawn([] { throw 42; }).get(); }) == 42);

	// A C function that the lambda calls.
	auto error = thrown<ptj::error>(
		[&] { s.spawn([] { return ptj_job_fail(EIO, "disk on fire"); }).get(); });
	CHECK(error.code == EIO);
	CHECK(error.what() == std::string("disk on fire"));
}

static void captures_are_released_once()
{
	auto owned = std::make_shared<int>();
	ptj::scheduler s(with(1));
	gate g;

	auto first = s.spawn([&g, owned] { g.pass(); });
	g.wait_for_job();
	auto pending = s.spawn([owned] {});
	CHECK(owned.use_count() == 3);
	pending.cancel();
	thrown<ptj::cancelled>([&] { pending.get(); });
	CHECK(owned.use_count() == 2);
	g.open(0);
	first.get();
	CHECK(owned.use_count() == 1);
	s.close();
	CHECK(thrown<ptj::error>([&] { s.spawn([owned] {}); }).code == ESHUTDOWN);
	CHECK(owned.use_count() == 1);
}

static void cancel_ends_a_job_that_obeys()
{
	ptj::scheduler s;
	auto job = s.spawn(sleep_until_cancelled);

	job.cancel();
	thrown<ptj::cancelled>([&] { job.get(); });
}

static void close_leaves_a_job_that_does_not_obey()
{
	gate g;
	auto s = std::make_unique<ptj::scheduler>();
	auto stubborn = s->spawn([&g] { return g.pass(); });
	auto obedient = s->spawn(sleep_until_cancelled);

	g.wait_for_job();
	s.reset();
	thrown<ptj::cancelled>([&] { obedient.get(); });
	CHECK(!ptj_job_active(stubborn.native_handle()));
	g.open(7);
	CHECK(stubborn.get() == 7);
}

static void many_threads_at_once()
{
	ptj::scheduler s(with(2, 1));
	std::vector<std::thread> threads;
	std::atomic<long> sum{0};

	for (int t = 0; t < 8; t++)
		threads.emplace_back([&s, &sum] {
			for (int i = 0; i < 1000; i++)
				sum += s.spawn([i] { return i; }).get();
		});
	for (std::thread &thread : threads)
		thread.join();
	CHECK(sum == 8 * 999 * 500);
}

// The child has the parent's schedulers dead, and makes others.
static void fork_while_jobs_run()
{
	gate g;
	ptj::scheduler s;
	auto job = s.spawn([&g] { return g.pass(); });
	int status;

	g.wait_for_job();
	pid_t child = fork();
	if (child == 0) {
		CHECK(thrown<ptj::error>([&] { s.spawn([] {}); }).code == ENOTRECOVERABLE);
		CHECK(thrown<ptj::error>([&] { job.get(); }).code == ENOTRECOVERABLE);
		CHECK(ptj::scheduler().spawn([] { return 5; }).get() == 5);
		std::_Exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(status == 0);
	g.open(7);
	CHECK(job.get() == 7);
}

// Ends the program in the way called so while a job runs that does not obey.
static void end(const std::string &way)
{
	static std::unique_ptr<ptj::scheduler> global;
	static gate never;

	global = std::make_unique<ptj::scheduler>();
	global->spawn([] { never.pass(); });
	never.wait_for_job();
	if (way == "destructor")
		std::exit(0);
	if (way == "leak") {
		global.release();
		std::exit(0);
	}
	std::_Exit(0);
}

static void program_ends_while_jobs_run(const std::string &program)
{
	for (const char *way : {"destructor", "leak", "at once"})
		CHECK(std::system(("'" + program + "' '" + way + "' 2>/dev/null").c_str()) == 0);
}

static double seconds(const timeval &t)
{
	return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

// Prints what n jobs take.
template <class F> static void measure(const char *name, int n, F jobs)
{
	rusage before, after;
	getrusage(RUSAGE_SELF, &before);
	auto start = std::chrono::steady_clock::now();
	jobs(n);
	std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
	getrusage(RUSAGE_SELF, &after);
	double cpu = seconds(after.ru_utime) - seconds(before.ru_utime) +
	             seconds(after.ru_stime) - seconds(before.ru_stime);
	std::printf("%-40s %9.0f jobs/s %8.2f us of CPU each\n", name, n / wall.count(),
	            1e6 * cpu / n);
}

static void *give(void *arg)
{
	return arg;
}

static void figures()
{
	measure("C: ptj_spawn()", 1000000, [](int n) {
		ptj::scheduler s(with(4));
		for (int i = 0; i < n; i++)
			ptj::check(ptj_spawn(s.native_handle(), give, nullptr, nullptr));
		s.wait();
	});
	measure("C++: lambdas", 300000, [](int n) {
		ptj::scheduler s(with(4));
		for (int i = 0; i < n; i++)
			s.spawn([i] { return i; });
		s.wait();
	});
	measure("C++: std::async(std::launch::async)", 20000, [](int n) {
		for (int i = 0; i < n; i++)
			std::async(std::launch::async, [i] { return i; }).get();
	});
}

int main(int argc, char **argv)
{
	if (argc > 1 && argv[1] == std::string("figures")) {
		figures();
		return 0;
	}
	if (argc > 1)
		end(argv[1]);
	thousands_of_jobs();
	results_of_any_type();
	exceptions_are_failures();
	captures_are_released_once();
	cancel_ends_a_job_that_obeys();
	close_leaves_a_job_that_does_not_obey();
	many_threads_at_once();
	fork_while_jobs_run();
	program_ends_while_jobs_run(argv[0]);
}
