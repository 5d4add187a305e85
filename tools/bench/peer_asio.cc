// Boost.Asio's thread_pool.  A handle is a std::future.
//
// SPDX-License-Identifier: Apache-2.0

#include "gate.h"
#include "peer.h"

#include <future>
#include <memory>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/version.hpp>

namespace
{

std::unique_ptr<boost::asio::thread_pool> pool;
work_fn work;

const char *version()
{
	return BOOST_LIB_VERSION;
}

void open_pool(const task *t, size_t, work_fn fn)
{
	work = fn;
	pool = std::make_unique<boost::asio::thread_pool>(t->workers);
}

void spawn(void *arg)
{
	boost::asio::post(*pool, [arg] { work(arg); });
}

void finish()
{
	pool->join();
}

void *spawn_handle(void *arg)
{
	std::packaged_task<void()> job([arg] { work(arg); });
	auto *handle = new std::future<void>(job.get_future());

	boost::asio::post(*pool, std::move(job));
	return handle;
}

void wait_handle(void *handle)
{
	auto *future = static_cast<std::future<void> *>(handle);

	future->get();
	delete future;
}

void close_pool()
{
	pool->stop();
	gate_open();
	pool->join();
}

peer describe()
{
	peer p{};

	p.name = "asio";
	p.version = version;
	p.abilities = CAN_POOL | CAN_HANDLES | CAN_CLOSE;
	p.open = open_pool;
	p.spawn = spawn;
	p.finish = finish;
	p.spawn_handle = spawn_handle;
	p.wait_handle = wait_handle;
	p.close = close_pool;
	return p;
}

const peer asio = describe();

} // namespace

const peer *const peers[] = {&asio, nullptr};
