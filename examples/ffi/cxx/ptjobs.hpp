// ptjobs for C++17: lambdas as jobs, exceptions as failures, and nothing to release by hand.
//
//	ptj::scheduler s;
//	ptj::job<int> answer = s.spawn([] { return 6 * 7; });
//	std::cout << answer.get();
//
// A lambda is how C++ gives a job: it runs on the scheduler's threads as it is, owns what it
// captures, and its exception comes out of get() whole.  A C function that calls ptj_job_fail() is
// called in one, and get() throws its code and message.
//
// Jobs are in cooperative mode: a cancelled thread would unwind through noexcept functions, which
// ends the program.  A lambda obeys by asking ptj_job_cancelled() and throwing ptj::cancelled();
// one that does not may outlive the scheduler, and whatever it has captured by reference.
//
// SPDX-License-Identifier: Apache-2.0

#ifndef PTJOBS_HPP
#define PTJOBS_HPP

#include <cerrno>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <ptjobs.h>

namespace ptj
{

// A call, or a C function in a job, failed: an errno value and what it means.
class error : public std::runtime_error
{
public:
	explicit error(int number, const char *message = nullptr)
		: std::runtime_error(message ? message : ptj_strerror(number)), code(number)
	{
	}

	const int code;
};

// The job was cancelled, or never ran.
class cancelled : public error
{
public:
	cancelled() : error(ECANCELED)
	{
	}
};

inline void check(int rc)
{
	if (rc)
		throw error(rc);
}

template <auto release> struct releaser {
	template <class T> void operator()(T *handle) const
	{
		release(handle);
	}
};

using handle = std::unique_ptr<ptj_job, releaser<ptj_job_unref>>;

// The jobs that have ended, for an event loop that polls fd(), or for a thread.
class completions
{
public:
	completions()
	{
		ptj_completions *made;

		check(ptj_completions_create(&made, -1));
		queue.reset(made);
	}

	int fd() const
	{
		return ptj_completions_fd(queue.get());
	}

	// The next ones; none when the timeout has passed.
	std::vector<handle> take(std::chrono::milliseconds timeout = std::chrono::milliseconds(-1))
	{
		ptj_job *jobs[64];
		std::size_t n = 0;
		int rc = ptj_completions_take(queue.get(), jobs, 64, timeout.count(), &n);

		if (rc != ETIMEDOUT)
			check(rc);
		return std::vector<handle>(jobs, jobs + n);
	}

private:
	friend class scheduler;
	std::unique_ptr<ptj_completions, releaser<ptj_completions_free>> queue;
};

// What a lambda leaves to those who wait for its job.
template <class R> struct outcome {
	std::optional<std::conditional_t<std::is_void_v<R>, std::monostate, R>> value;
	std::exception_ptr exception;
};

// A job whose lambda returns an R.  Without it the job goes on.
template <class R> class job
{
public:
	// Waits for the job; the lambda's result or its exception.  Once.
	R get()
	{
		int rc = ptj_job_wait(job_handle.get(), PTJ_INFINITE, nullptr);

		if (rc == ECANCELED)
			throw cancelled();
		if (rc == PTJ_EFAILED && result->exception)
			std::rethrow_exception(result->exception);
		if (rc == PTJ_EFAILED)
			throw error(ptj_job_error(job_handle.get()),
			            ptj_job_error_message(job_handle.get()));
		check(rc);
		if constexpr (!std::is_void_v<R>)
			return std::move(*result->value);
	}

	// Begins to close the job and does not wait.
	void cancel()
	{
		ptj_job_close(job_handle.get(), 0);
	}

	ptj_job *native_handle() const
	{
		return job_handle.get();
	}

private:
	friend class scheduler;
	job(ptj_job *spawned, std::shared_ptr<outcome<R>> shared)
		: job_handle(spawned), result(std::move(shared))
	{
	}

	handle job_handle;
	std::shared_ptr<outcome<R>> result;
};

struct options {
	std::size_t limit = 100;
	std::size_t pending_limit = 10000;
	std::chrono::milliseconds close_timeout{100};
	const completions *queue = nullptr; // outlives the scheduler
};

// Runs lambdas as jobs.  Its end closes them all, within the close timeout.
class scheduler
{
public:
	explicit scheduler(const options &o = {})
	{
		ptj_attr *made;
		ptj_job_attr *made_for_jobs;
		ptj_scheduler *created;

		check(ptj_attr_create(&made));
		std::unique_ptr<ptj_attr, releaser<ptj_attr_free>> attr(made);
		check(ptj_attr_set_limit(made, o.limit));
		check(ptj_attr_set_pending_limit(made, o.pending_limit));
		check(ptj_attr_set_close_timeout(made, o.close_timeout.count()));
		check(ptj_attr_set_cancel_mode(made, PTJ_CANCEL_COOPERATIVE));
		check(ptj_job_attr_create(&made_for_jobs));
		job_attr.reset(made_for_jobs);
		check(ptj_job_attr_set_release(made_for_jobs, release));
		if (o.queue)
			check(ptj_job_attr_set_completions(made_for_jobs, o.queue->queue.get()));
		check(ptj_scheduler_create(&created, made));
		s.reset(created);
	}

	// Runs f().  Blocks while the line is full.
	template <class F> auto spawn(F f) -> job<std::invoke_result_t<F &>>
	{
		auto w = std::make_unique<work_of<F>>(std::move(f));
		auto result = w->result;
		ptj_job *spawned;

		check(ptj_spawn_attr(s.get(), job_attr.get(), run, w.get(), PTJ_INFINITE,
		                     &spawned));
		w.release(); // The job releases it.
		return {spawned, std::move(result)};
	}

	// Waits until there is no job, and leaves the scheduler open.
	void wait()
	{
		check(ptj_scheduler_wait(s.get(), PTJ_INFINITE));
	}

	void close()
	{
		check(ptj_scheduler_close(s.get()));
	}

	ptj_scheduler *native_handle() const
	{
		return s.get();
	}

private:
	struct work {
		virtual ~work() = default;
		virtual void run() = 0;
	};

	template <class F> struct work_of final : work {
		using R = std::invoke_result_t<F &>;

		explicit work_of(F &&moved) : f(std::move(moved))
		{
		}

		void run() override
		try {
			if constexpr (std::is_void_v<R>)
				f();
			else
				result->value.emplace(f());
		} catch (const cancelled &) {
			result->exception = std::current_exception();
			ptj_job_fail(ECANCELED, nullptr);
		} catch (const error &e) {
			result->exception = std::current_exception();
			ptj_job_fail(e.code, e.what());
		} catch (const std::exception &e) {
			result->exception = std::current_exception();
			ptj_job_fail(PTJ_EFAILED, e.what());
		} catch (...) {
			result->exception = std::current_exception();
			ptj_job_fail(PTJ_EFAILED, "an exception that is no std::exception");
		}

		F f;
		std::shared_ptr<outcome<R>> result = std::make_shared<outcome<R>>();
	};

	static void *run(void *arg) noexcept
	{
		static_cast<work *>(arg)->run();
		return nullptr;
	}

	static void release(void *arg)
	{
		delete static_cast<work *>(arg);
	}

	std::unique_ptr<ptj_job_attr, releaser<ptj_job_attr_free>> job_attr;
	std::unique_ptr<ptj_scheduler, releaser<ptj_scheduler_free>> s;
};

} // namespace ptj

#endif
