"""What ptjobs with ctypes and asyncio, examples/ffi/python/ptjobs.py, must stand."""

import asyncio
import ctypes
import errno
import gc
import multiprocessing
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

import ptjobs

jobs = ctypes.CDLL("libjobs.so")
ptj = ptjobs._ptj


class Gate:
    """Where job_gate() waits until it is let through, and job_obey() until it is closed."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(60)
        self.fd = self.theirs.fileno()

    def wait_for_job(self):
        self.ours.recv(1)

    def open(self):
        self.ours.send(b"\7")

    def keep(self, door):
        self.theirs.send(b"!")
        door.wait()

    def obey(self):
        self.theirs.send(b"!")
        while not ptjobs.cancelled():
            time.sleep(0.001)
        raise asyncio.CancelledError


class Jobs(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # It has a traceback for each future.
        asyncio.get_running_loop().set_debug(False)

    async def test_thousands_of_functions(self):
        async with ptjobs.Scheduler(limit=4, pending_limit=0) as scheduler:
            results = await asyncio.gather(
                *(scheduler.spawn(jobs.job_give, n) for n in range(20_000))
            )
        self.assertEqual(results, list(range(20_000)))

    async def test_thousands_of_calls(self):
        async with ptjobs.Scheduler(limit=4) as scheduler:
            results = await asyncio.gather(
                *(scheduler.call(str, n) for n in range(3000))
            )
        self.assertEqual(results, [str(n) for n in range(3000)])

    async def test_failure_has_its_code_and_message(self):
        async with ptjobs.Scheduler() as scheduler:
            with self.assertRaises(ptjobs.JobError) as raised:
                await scheduler.spawn(jobs.job_fail, "disk öff".encode())
        self.assertEqual(raised.exception.code, errno.EIO)
        self.assertEqual(str(raised.exception), "disk öff")

    async def test_exception_is_a_failure_with_its_message(self):
        async with ptjobs.Scheduler() as scheduler:
            with self.assertRaisesRegex(ptjobs.JobError, "^ValueError: invalid .* 'x'$") as raised:
                await scheduler.call(int, "x")
            with self.assertRaisesRegex(ptjobs.JobError, "^SystemExit: 3$"):
                await scheduler.call(sys.exit, 3)
        self.assertIsInstance(raised.exception.__cause__, ValueError)

    async def test_full_line_is_refused(self):
        gate = Gate()
        async with ptjobs.Scheduler(limit=1, pending_limit=1) as scheduler:
            first = scheduler.spawn(jobs.job_gate, gate.fd)
            second = scheduler.spawn(jobs.job_give, 2)
            with self.assertRaises(ptjobs.Error) as raised:
                scheduler.call(print, "never")
            gate.open()
            self.assertEqual(await asyncio.gather(first, second), [7, 2])
        self.assertEqual(raised.exception.code, errno.EAGAIN)
        self.assertEqual(ptjobs._calls, {})

    async def test_cancel_ends_a_job_that_obeys(self):
        gate = Gate()
        async with ptjobs.Scheduler() as scheduler:
            for job in scheduler.call(gate.obey), scheduler.spawn(jobs.job_obey, gate.fd):
                gate.wait_for_job()
                self.assertTrue(job.cancel())
                with self.assertRaises(asyncio.CancelledError):
                    await job
                self.assertFalse(job.cancel())

    async def test_cancelled_job_that_finishes_all_the_same_has_its_result(self):
        gate = Gate()
        async with ptjobs.Scheduler() as scheduler:
            job = scheduler.spawn(jobs.job_gate, gate.fd)
            gate.wait_for_job()
            job.cancel()
            gate.open()
            self.assertEqual(await job, 7)

    async def test_wait_for_cancels_the_job(self):
        gate = Gate()
        async with ptjobs.Scheduler(limit=1) as scheduler:
            job = scheduler.spawn(jobs.job_obey, gate.fd)
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(job, 0.01)
            self.assertTrue(job.cancelled())
            self.assertEqual(await scheduler.spawn(jobs.job_give, 1), 1)

    async def test_close_does_not_wait_for_a_job_that_does_not_obey(self):
        gate, door = Gate(), threading.Event()
        async with ptjobs.Scheduler() as scheduler:
            stubborn = [scheduler.spawn(jobs.job_gate, gate.fd), scheduler.call(gate.keep, door)]
            obedient = scheduler.spawn(jobs.job_obey, gate.fd)
            for _ in range(3):
                gate.wait_for_job()
        self.assertTrue(obedient.cancelled())
        for job in stubborn:
            self.assertEqual(job.exception().code, errno.ETIMEDOUT)
        with self.assertRaises(ptjobs.Error) as raised:
            scheduler.spawn(jobs.job_give)
        self.assertEqual(raised.exception.code, errno.ESHUTDOWN)
        # The queue is still read, so that what they hold is given back in the end.
        gate.open()
        door.set()
        while ptjobs._jobs:
            await asyncio.sleep(0.001)
        self.assertEqual(ptjobs._calls, {})

    async def test_arguments_live_until_their_jobs_have_ended(self):
        gate = Gate()
        async with ptjobs.Scheduler(limit=1) as scheduler:
            scheduler.spawn(jobs.job_gate, gate.fd)
            sums = []
            for n in range(1, 1000):
                # Nobody but the binding holds the argument and the future.
                job = scheduler.spawn(jobs.job_sum, bytes([n % 255 + 1]) * n)
                job.add_done_callback(lambda job: sums.append(job.result()))
                scheduler.call(lambda text: sums.append(sum(text)), bytes([n % 255 + 1]) * n)
            del job
            gc.collect()
            [bytes([1]) * n for n in range(1000)]
            gate.open()
            while len(sums) < 2 * 999:
                gc.collect()
                await asyncio.sleep(0.01)
        self.assertEqual(sorted(sums), sorted(2 * [n * (n % 255 + 1) for n in range(1, 1000)]))
        gc.collect()
        self.assertEqual([job for job in gc.get_objects() if type(job) is ptjobs.Job], [])

    async def test_garbage_is_collected_while_jobs_run(self):
        def make_garbage(n):
            ring = [n]
            ring.append(ring)
            if n % 10 == 0:
                gc.collect()
            return n

        async with ptjobs.Scheduler(limit=4) as scheduler:
            results = await asyncio.gather(
                *(scheduler.call(make_garbage, n) for n in range(500))
            )
        self.assertEqual(results, list(range(500)))


class Threads(unittest.TestCase):
    """The functions themselves, from many threads of Python's."""

    def test_lock_is_not_held_while_a_thread_waits(self):
        gate = Gate()
        scheduler = ptjobs.Scheduler()
        job, result = ctypes.c_void_p(), ctypes.c_void_p()
        ptj.ptj_spawn_attr(
            scheduler._scheduler, None, jobs.job_gate, gate.fd, 0, ctypes.byref(job)
        )
        gate.wait_for_job()
        # It opens the gate while this thread waits in the library, or never.
        opener = threading.Timer(0.05, gate.open)
        opener.start()
        self.assertEqual(ptj.ptj_job_wait(job, ctypes.c_int64(60000), ctypes.byref(result)), 0)
        self.assertEqual(result.value, 7)
        ptj.ptj_job_unref(job)

    def test_many_threads_call_at_once(self):
        def spawn_and_wait(first):
            job, result = ctypes.c_void_p(), ctypes.c_void_p()
            for n in range(first, first + 1000):
                ptj.ptj_spawn_attr(
                    scheduler._scheduler, None, jobs.job_give, n, -1, ctypes.byref(job)
                )
                ptj.ptj_job_wait(job, ctypes.c_int64(-1), ctypes.byref(result))
                ptj.ptj_job_unref(job)
                results.append(result.value)

        results = []
        scheduler = ptjobs.Scheduler(limit=2, pending_limit=1)
        threads = [
            threading.Thread(target=spawn_and_wait, args=(first,)) for first in range(1, 8000, 1000)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), list(range(1, 8001)))


class Fork(unittest.TestCase):
    def test_child_has_dead_schedulers_and_makes_new_ones(self):
        async def parent():
            gate = Gate()
            async with ptjobs.Scheduler() as scheduler:
                job = scheduler.spawn(jobs.job_gate, gate.fd)
                gate.wait_for_job()
                child = multiprocessing.get_context("fork").Process(
                    target=in_child, args=(scheduler, job)
                )
                child.start()
                await asyncio.to_thread(child.join, 60)
                gate.open()
                self.assertEqual(await job, 7)
            return child.exitcode

        self.assertEqual(asyncio.run(parent()), 0)


def in_child(scheduler, job):
    async def new_scheduler():
        async with ptjobs.Scheduler() as another:
            return await asyncio.gather(
                another.spawn(jobs.job_give, 5), another.call(int, "6")
            )

    try:
        scheduler.spawn(jobs.job_give)
        sys.exit(1)
    except ptjobs.Error as error:
        if error.code != errno.ENOTRECOVERABLE:
            sys.exit(2)
    job.cancel()
    if asyncio.run(new_scheduler()) != [5, 6]:
        sys.exit(3)


# Ends of a program with jobs: Python's that obey no close, and functions of C that do and do not.
# Those that do not are reported by the close of the scheduler, which there is unless the process ends
# without more ado.
ENDS = {
    "": {"job-1", "job-2", "job-3"},
    "sys.exit()": {"job-1", "job-2", "job-3"},
    "os._exit(0)": set(),
}
END = """
import asyncio, ctypes, os, socket, sys, time
import ptjobs

jobs = ctypes.CDLL("libjobs.so")
ours, theirs = socket.socketpair()

def sleep():
    theirs.send(b"!")
    time.sleep(1000)

def compute():
    theirs.send(b"!")
    while True:
        pass

async def main():
    scheduler = await ptjobs.Scheduler().__aenter__()
    scheduler.call(sleep)
    scheduler.call(compute)
    scheduler.spawn(jobs.job_gate, theirs.fileno())
    scheduler.spawn(jobs.job_obey, theirs.fileno())
    for _ in range(4):
        ours.recv(1)
    {end}

asyncio.run(main())
"""


class Exit(unittest.TestCase):
    def test_program_ends_while_jobs_run(self):
        for end, reported in ENDS.items():
            for _ in range(3):
                with self.subTest(end):
                    program = subprocess.run(
                        [sys.executable, "-c", END.format(end=end)],
                        capture_output=True,
                        timeout=60,
                        text=True,
                    )
                    names = re.findall("name=(.*)>", program.stderr)
                    self.assertEqual(program.returncode, 0, program.stderr)
                    self.assertEqual((len(names), set(names)), (len(reported), reported))
                    self.assertEqual(program.stderr.count("\n"), 3 * len(names), program.stderr)


unittest.main(warnings="ignore")
