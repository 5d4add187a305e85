#!/usr/bin/env python3
# Python's ThreadPoolExecutor.  peer.h has the protocol.
#
# SPDX-License-Identifier: Apache-2.0

import platform
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

BATCH = 1000
SETTLE_S = 0.1
EXIT_CANNOT = 3


class Task:
    def __init__(self, numbers):
        self.jobs, self.workers, self.producers, self.time_ns, self.pending_limit = numbers


class Meter:
    def __init__(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.wall = time.monotonic_ns()
        self.cpu = time.process_time_ns()
        self.voluntary, self.involuntary = used.ru_nvcsw, used.ru_nivcsw


def report(before, after):
    print("wall_ns", after.wall - before.wall)
    print("cpu_ns", after.cpu - before.cpu)
    print("voluntary", after.voluntary - before.voluntary)
    print("involuntary", after.involuntary - before.involuntary)


def report_latencies(latencies):
    print("latency_ns", *latencies)


def memory():
    """The bytes of memory that the process has touched, without those of files."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def compute(rounds):
    x = 0
    for _ in range(rounds):
        x += 1


def rounds_for(ns):
    """How many rounds take so long; what is not the fastest trial was interrupted."""
    trial_rounds, best = 1000, float("inf")
    for _ in range(50):
        start = time.monotonic_ns()
        compute(trial_rounds)
        best = min(best, time.monotonic_ns() - start)
    return round(ns * trial_rounds / best)


def nothing():
    pass


def produce(task, part):
    """Has each producer call its part with its share of the jobs."""
    producers = []
    for i in range(task.producers):
        share = task.jobs // task.producers + (i < task.jobs % task.producers)
        producers.append(threading.Thread(target=part, args=(share,)))
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()


def forget(task, job, *args):
    pool = ThreadPoolExecutor(task.workers)

    def part(share):
        for _ in range(share):
            pool.submit(job, *args)

    before = Meter()
    produce(task, part)
    pool.shutdown()
    report(before, Meter())


def jobs(task):
    if task.time_ns:
        forget(task, compute, rounds_for(task.time_ns))
    else:
        forget(task, nothing)


def sleep(task):
    forget(task, time.sleep, task.time_ns / 1e9)


def handles(task):
    pool = ThreadPoolExecutor(task.workers)

    def part(share):
        while share:
            batch = min(share, BATCH)
            for future in [pool.submit(nothing) for _ in range(batch)]:
                future.result()
            share -= batch

    before = Meter()
    produce(task, part)
    pool.shutdown()
    report(before, Meter())


def roundtrip(task):
    pool = ThreadPoolExecutor(task.workers)
    latencies = []
    pool.submit(nothing).result()
    before = Meter()
    for _ in range(task.jobs):
        if task.time_ns:
            time.sleep(task.time_ns / 1e9)
        start = time.monotonic_ns()
        pool.submit(nothing).result()
        latencies.append(time.monotonic_ns() - start)
    after = Meter()
    pool.shutdown()
    report(before, after)
    report_latencies(latencies)


def start(task):
    pool = ThreadPoolExecutor(task.workers)
    latencies = [0] * (task.jobs + 1)

    def stamp(i, spawned):
        latencies[i] = time.monotonic_ns() - spawned

    before = Meter()
    for i in range(task.jobs + 1):
        wait = before.wall + i * task.time_ns - time.monotonic_ns()
        time.sleep(max(wait, 0) / 1e9)
        pool.submit(stamp, i, time.monotonic_ns())
    pool.shutdown()
    report(before, Meter())
    report_latencies(latencies[1:])


def occupy(task, pool):
    """Has each worker stand still until the returned gate is set."""
    standing, opened = threading.Semaphore(0), threading.Event()

    def stand():
        standing.release()
        opened.wait()

    for _ in range(task.workers):
        pool.submit(stand)
    for _ in range(task.workers):
        standing.acquire()
    return opened


def pending(task):
    pool = ThreadPoolExecutor(task.workers)
    gate = occupy(task, pool)
    before = memory()
    for _ in range(task.jobs - 1):
        pool.submit(nothing)
    last = pool.submit(nothing)
    full = memory()
    gate.set()
    last.result()
    time.sleep(SETTLE_S)
    after = memory()
    pool.shutdown()
    print("bytes", (full - before) / task.jobs)
    if full > before:
        print("returned", (full - after) / (full - before))


def close(task):
    pool = ThreadPoolExecutor(task.workers)
    gate = occupy(task, pool)
    for _ in range(task.jobs):
        pool.submit(nothing)
    before = Meter()
    pool.shutdown(wait=False, cancel_futures=True)
    gate.set()
    pool.shutdown()
    report(before, Meter())


def idle(task):
    pool = ThreadPoolExecutor(task.workers)
    occupy(task, pool).set()
    time.sleep(SETTLE_S)
    before = Meter()
    time.sleep(task.time_ns / 1e9)
    after = Meter()
    pool.shutdown()
    report(before, after)


WORKLOADS = {
    "jobs": jobs,
    "sleep": sleep,
    "handles": handles,
    "roundtrip": roundtrip,
    "start": start,
    "memory": pending,
    "close": close,
    "idle": idle,
}


def main():
    if len(sys.argv) != 8:
        sys.exit("wanted: PEER WORKLOAD JOBS WORKERS PRODUCERS TIME PENDING_LIMIT")
    run, task = WORKLOADS.get(sys.argv[2]), Task(map(int, sys.argv[3:]))
    if not run or task.pending_limit:
        sys.exit(EXIT_CANNOT)
    print("version", platform.python_version())
    run(task)


main()
