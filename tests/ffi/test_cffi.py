"""What ptjobs with cffi and concurrent.futures, examples/ffi/python/ptjobs_cffi.py, must stand."""

import asyncio
import concurrent.futures
import errno
import gc
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

import cffi

import ptjobs_cffi

ffi = cffi.FFI()
ffi.cdef(
    """
    void *job_give(void *arg);
    void *job_sum(void *text);
    void *job_fail(void *message);
    void *job_obey(void *gate);
    void *job_gate(void *gate);
    """
)
jobs = ffi.dlopen("libjobs.so")


def number(n):
    return ffi.cast("void *", n)


class Gate:
    """Where job_gate() waits until it is let through, and job_obey() until it is closed."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(60)
        self.fd = number(self.theirs.fileno())

    def wait_for_job(self):
        self.ours.recv(1)

    def open(self):
        self.ours.send(b"\7")

    def keep(self, door):
        self.theirs.send(b"!")
        door.wait()

    def obey(self):
        self.theirs.send(b"!")
        while not ptjobs_cffi.cancelled():
            time.sleep(0.001)
        raise concurrent.futures.CancelledError


class Jobs(unittest.TestCase):
    def test_thousands_of_functions(self):
        with ptjobs_cffi.Executor(limit=4) as executor:
            futures = [executor.submit(jobs.job_give, number(n)) for n in range(20_000)]
        self.assertEqual([future.result() for future in futures], list(range(20_000)))

    def test_thousands_of_calls(self):
        with ptjobs_cffi.Executor(limit=4) as executor:
            self.assertEqual(list(executor.map(str, range(3000))), [str(n) for n in range(3000)])

    def test_failure_has_its_code_and_message(self):
        with ptjobs_cffi.Executor() as executor:
            error = executor.submit(jobs.job_fail, "disk öff\0".encode()).exception()
        self.assertIs(type(error), ptjobs_cffi.JobError)
        self.assertEqual((error.code, str(error)), (errno.EIO, "disk öff"))

    def test_exception_is_a_failure_with_its_message(self):
        with ptjobs_cffi.Executor() as executor:
            error = executor.submit(int, "x").exception()
            ended = executor.submit(sys.exit, 3).exception()
        self.assertRegex(str(error), "^ValueError: invalid .* 'x'$")
        self.assertIsInstance(error.__cause__, ValueError)
        self.assertEqual(str(ended), "SystemExit: 3")

    def test_cancel_ends_a_job_that_obeys(self):
        gate = Gate()
        with ptjobs_cffi.Executor() as executor:
            for job in executor.submit(gate.obey), executor.submit(jobs.job_obey, gate.fd):
                gate.wait_for_job()
                self.assertTrue(job.cancel())
                self.assertEqual(concurrent.futures.wait([job], 60).done, {job})
                self.assertTrue(job.cancelled())
                self.assertFalse(job.cancel())

    def test_cancelled_job_that_finishes_all_the_same_has_its_result(self):
        gate = Gate()
        with ptjobs_cffi.Executor() as executor:
            job = executor.submit(jobs.job_gate, gate.fd)
            gate.wait_for_job()
            job.cancel()
            gate.open()
            self.assertEqual(job.result(60), 7)

    def test_close_does_not_wait_for_a_job_that_does_not_obey(self):
        gate, door = Gate(), threading.Event()
        executor = ptjobs_cffi.Executor()
        stubborn = [executor.submit(jobs.job_gate, gate.fd), executor.submit(gate.keep, door)]
        obedient = executor.submit(jobs.job_obey, gate.fd)
        for _ in range(3):
            gate.wait_for_job()
        executor.shutdown(cancel_futures=True)
        self.assertEqual(concurrent.futures.wait([obedient], 60).done, {obedient})
        self.assertTrue(obedient.cancelled())
        self.assertFalse(stubborn[0].done() or stubborn[1].done())
        with self.assertRaises(ptjobs_cffi.Error) as raised:
            executor.submit(print)
        self.assertEqual(raised.exception.code, errno.ESHUTDOWN)
        gate.open()
        door.set()
        self.assertEqual([job.result(60) for job in stubborn], [7, None])

    def test_event_loop_takes_the_executor(self):
        async def square():
            return await asyncio.get_running_loop().run_in_executor(executor, pow, 12, 2)

        with ptjobs_cffi.Executor() as executor:
            self.assertEqual(asyncio.run(square()), 144)

    def test_arguments_live_until_their_jobs_have_ended(self):
        gate, sums = Gate(), []
        with ptjobs_cffi.Executor(limit=1) as executor:
            executor.submit(jobs.job_gate, gate.fd)
            for n in range(1, 1000):
                # Nobody but the binding holds the argument and the future.
                text = bytes([n % 255 + 1]) * n
                job = executor.submit(jobs.job_sum, text + b"\0")
                job.add_done_callback(lambda job: sums.append(job.result()))
                executor.submit(lambda text: sums.append(sum(text)), text)
            del job
            gc.collect()
            [bytes([1]) * n for n in range(1000)]
            gate.open()
        self.assertEqual(sorted(sums), sorted(2 * [n * (n % 255 + 1) for n in range(1, 1000)]))

    def test_garbage_is_collected_while_jobs_run(self):
        def make_garbage(n):
            ring = [n]
            ring.append(ring)
            if n % 10 == 0:
                gc.collect()
            return n

        with ptjobs_cffi.Executor(limit=4) as executor:
            self.assertEqual(list(executor.map(make_garbage, range(500))), list(range(500)))

    def test_many_threads_submit_and_wait_at_once(self):
        def submit_and_wait(first):
            for n in range(first, first + 500):
                results.append(executor.submit(jobs.job_give, number(n)).result(60))
                results.append(executor.submit(int, n).result(60))

        results = []
        with ptjobs_cffi.Executor(limit=2, pending_limit=1) as executor:
            threads = [
                threading.Thread(target=submit_and_wait, args=(first,))
                for first in range(0, 4000, 500)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(sorted(results), sorted(2 * list(range(4000))))

    def test_jobs_submit_jobs_into_a_full_line(self):
        def submit(depth):
            return executor.submit(submit, depth - 1) if depth else None

        with ptjobs_cffi.Executor(limit=2, pending_limit=1) as executor:
            jobs = [executor.submit(submit, 20) for _ in range(10)]
            for _ in range(20):
                jobs = [job.result(60) for job in jobs]
            self.assertEqual([job.result(60) for job in jobs], 10 * [None])

    def test_child_has_dead_schedulers_and_makes_new_ones(self):
        gate = Gate()
        with ptjobs_cffi.Executor() as executor:
            job = executor.submit(jobs.job_gate, gate.fd)
            gate.wait_for_job()
            child = os.fork()
            if child == 0:
                os._exit(in_child(executor, job))
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            gate.open()
            self.assertEqual(job.result(60), 7)


def in_child(executor, job):
    try:
        executor.submit(jobs.job_give, number(1))
        return 1
    except ptjobs_cffi.Error as error:
        if error.code != errno.ENOTRECOVERABLE:
            return 2
    job.cancel()
    with ptjobs_cffi.Executor() as another:
        if another.submit(jobs.job_give, number(5)).result(60) != 5:
            return 3
        if another.submit(int, "6").result(60) != 6:
            return 4
    return 0


# Ends of a program with jobs: Python's that obey no close, and functions of C that do and do not.
# shutdown() has those that do not reported.
ENDS = {
    "executor.shutdown(cancel_futures=True)": {"job-1", "job-2", "job-3"},
    "sys.exit()": set(),
    "os._exit(0)": set(),
}
END = """
import os, socket, sys, time
import cffi, ptjobs_cffi

ffi = cffi.FFI()
ffi.cdef("void *job_gate(void *gate); void *job_obey(void *gate);")
jobs = ffi.dlopen("libjobs.so")
ours, theirs = socket.socketpair()
gate = ffi.cast("void *", theirs.fileno())

def sleep():
    theirs.send(b"!")
    time.sleep(1000)

def compute():
    theirs.send(b"!")
    while True:
        pass

executor = ptjobs_cffi.Executor()
executor.submit(sleep)
executor.submit(compute)
executor.submit(jobs.job_gate, gate)
executor.submit(jobs.job_obey, gate)
for _ in range(4):
    ours.recv(1)
{end}
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
