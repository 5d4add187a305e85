"""What a job costs in Python, through each binding and in executors of Python's own: jobs that do
nothing, a thousand at a time, on four threads.  A function is one of C, a call one of Python."""

import asyncio
import concurrent.futures
import ctypes
import time

import ptjobs

THREADS, JOBS, BATCH = 4, 20_000, 1000
give = ctypes.CDLL("libjobs.so").job_give


def nothing(n):
    return n


class Figure:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *_):
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        print(f"{self.name:<40} {JOBS / wall:9.0f} jobs/s {cpu / JOBS * 1e6:8.2f} us of CPU each")


async def await_each(name, start, function):
    with Figure(name):
        for _ in range(0, JOBS, BATCH):
            await asyncio.gather(*(start(function, n) for n in range(BATCH)))


async def in_asyncio():
    loop = asyncio.get_running_loop()
    async with ptjobs.Scheduler(limit=THREADS) as scheduler:
        await await_each("Python, ptjobs with ctypes: function", scheduler.spawn, give)
        await await_each("Python, ptjobs with ctypes: call", scheduler.call, nothing)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as executor:

        def start(function, n):
            return loop.run_in_executor(executor, function, n)

        await await_each("Python, run_in_executor(): function", start, give)
        await await_each("Python, run_in_executor(): call", start, nothing)


def in_executor(name, executor, function, argument=int):
    with Figure(name):
        for _ in range(0, JOBS, BATCH):
            futures = [executor.submit(function, argument(n)) for n in range(BATCH)]
            concurrent.futures.wait(futures)


asyncio.run(in_asyncio())
with concurrent.futures.ThreadPoolExecutor(THREADS) as executor:
    in_executor("Python, ThreadPoolExecutor: function", executor, give)
    in_executor("Python, ThreadPoolExecutor: call", executor, nothing)

try:
    import ptjobs_cffi
except ModuleNotFoundError:
    raise SystemExit
ptjobs_cffi.ffi.cdef("void *job_give(void *arg);")
library = ptjobs_cffi.ffi.dlopen("libjobs.so")


def pointer(n):
    return ptjobs_cffi.ffi.cast("void *", n)


with ptjobs_cffi.Executor(THREADS) as executor:
    in_executor("Python, ptjobs with cffi: function", executor, library.job_give, pointer)
    in_executor("Python, ptjobs with cffi: call", executor, nothing)
