/* SPDX-License-Identifier: Apache-2.0 */

#include <config.h>

#include "bench_peers.h"

/* A peer has a share where it is so slow that all the jobs would take minutes. */
const struct peer_info bench_peers[] = {
	{"ptjobs", "peer-ptjobs", "ptjobs", "liburcu-dev", 1},
	{"glib", "peer-glib", "GLib GThreadPool", "libglib2.0-dev", 1},
	{"uv", "peer-uv", "libuv", "libuv1-dev", 1},
	{"apr", "peer-apr", "APR-util thread pool", "libaprutil1-dev", 5},
	{"tbb-group", "peer-tbb", "oneTBB task_group", "libtbb-dev", 1},
	{"tbb-enqueue", "peer-tbb", "oneTBB task_arena::enqueue", "libtbb-dev", 1},
	{"asio", "peer-asio", "Boost.Asio thread_pool", "libboost-dev", 1},
	{"gomp", "peer-gomp", "libgomp tasks", "gcc", 1},
	{"java-linked", "peer-java", "Java pool, LinkedBlockingQueue", "default-jdk-headless", 1},
	{"java-array", "peer-java", "Java pool, ArrayBlockingQueue", "default-jdk-headless", 1},
	{"go", "peer-go", "Go, buffered channel", "golang-go", 1},
	{"threadpool", "peer-rust", "Rust threadpool", "librust-threadpool-dev", 1},
	{"rayon", "peer-rust", "Rust rayon", "librust-rayon-dev", 1},
	{"python", "peer-python", "Python ThreadPoolExecutor", "python3", 50},
	{"list", "peer-floors", "floor: mutex and list", "liburcu-dev", 1},
	{"wfcq", "peer-floors", "floor: cds_wfcq", "liburcu-dev", 1},
	{"ring", "peer-floors", "floor: ring without locks", "liburcu-dev", 1},
	{"threads", "peer-floors", "floor: a thread for each job", "liburcu-dev", 50},
	{"futex", "peer-floors", "floor: futex hand-over", "liburcu-dev", 1},
};

const size_t bench_peers_count = sizeof(bench_peers) / sizeof(bench_peers[0]);
