// oneTBB: a task_group, whose tasks are made by threads of its arena, and task_arena::enqueue(), with
// which threads outside the arena make tasks, and for which there is no wait, so they are counted.
//
// SPDX-License-Identifier: Apache-2.0

#include "count.h"
#include "gate.h"
#include "peer.h"

#include <memory>
#include <thread>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

namespace
{

std::unique_ptr<tbb::global_control> control;
std::unique_ptr<tbb::task_arena> arena;
std::unique_ptr<tbb::task_group> group;
work_fn work;

const char *version()
{
	return TBB_runtime_version();
}

// An arena for so many workers, whatever the number of processors, and for producers.
void open_arena(size_t workers, size_t producers)
{
	control = std::make_unique<tbb::global_control>(
		tbb::global_control::max_allowed_parallelism, workers + 1);
	arena = std::make_unique<tbb::task_arena>(static_cast<int>(workers + producers),
	                                          static_cast<unsigned>(producers));
}

void open_group(const task *t, size_t, work_fn fn)
{
	work = fn;
	open_arena(t->workers, 1);
	group = std::make_unique<tbb::task_group>();
}

void spawn_in_group(void *arg)
{
	arena->execute([arg] { group->run([arg] { work(arg); }); });
}

void finish_group()
{
	arena->execute([] { group->wait(); });
}

void close_group()
{
	group->cancel();
	gate_open();
	finish_group();
}

// The threads that make tasks enter the arena once and not for each task.
void run_group(const task *t, work_fn fn, void *arg)
{
	std::vector<std::thread> producers;

	work = fn;
	open_arena(t->workers, t->producers);
	group = std::make_unique<tbb::task_group>();
	for (size_t i = 0; i < t->producers; i++) {
		size_t mine = t->jobs / t->producers + (i < t->jobs % t->producers);

		producers.emplace_back([mine, arg] {
			arena->execute([mine, arg] {
				for (size_t n = mine; n; n--)
					group->run([arg] { work(arg); });
			});
		});
	}
	for (auto &p : producers)
		p.join();
	finish_group();
}

void open_queue(const task *t, size_t jobs, work_fn fn)
{
	work = fn;
	count_start(jobs);
	open_arena(t->workers, 0);
}

void enqueue(void *arg)
{
	arena->enqueue([arg] {
		work(arg);
		count_one();
	});
}

void finish_queue()
{
	count_wait();
	arena->terminate();
}

peer describe_group()
{
	peer p{};

	p.name = "tbb-group";
	p.version = version;
	p.abilities = CAN_POOL | CAN_CLOSE;
	p.open = open_group;
	p.spawn = spawn_in_group;
	p.finish = finish_group;
	p.close = close_group;
	p.run_all = run_group;
	return p;
}

peer describe_queue()
{
	peer p{};

	p.name = "tbb-enqueue";
	p.version = version;
	p.abilities = CAN_POOL;
	p.open = open_queue;
	p.spawn = enqueue;
	p.finish = finish_queue;
	return p;
}

const peer of_group = describe_group();
const peer of_queue = describe_queue();

} // namespace

const peer *const peers[] = {&of_group, &of_queue, nullptr};
