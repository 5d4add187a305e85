# SPDX-License-Identifier: Apache-2.0
"""ptjobs for asyncio, with ctypes.

    async with ptjobs.Scheduler(limit=4) as scheduler:
        size = await scheduler.spawn(library.function, b"argument")
        answer = await scheduler.call(function, "argument")

Which way to give a job: the address of a C function, spawn().  It runs on a thread of the
scheduler's beside Python, since nothing in it needs Python's lock.  call() is for Python that waits
most of the time; its thread takes the lock, and the way from C into Python and back costs more than
most calls.  Both are in cooperative mode, for a thread that runs Python must never be cancelled.

All methods are for the thread of the event loop.
"""

import asyncio
import ctypes
import errno
import functools
import itertools
import traceback
import weakref
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p

_ptj = ctypes.CDLL("libptjobs.so.0")
_function = ctypes.CFUNCTYPE(c_void_p, c_void_p)


class Error(Exception):
    """A call did not do what it should: code is an errno value."""

    def __init__(self, code, message=None):
        super().__init__(message or _ptj.ptj_strerror(code).decode())
        self.code = code


class JobError(Error):
    """The job failed, with this code and message."""


def _check(code, *_):
    if code != 0:
        raise Error(code)


def _declare():
    status, pointer, out = object(), c_void_p, POINTER(c_void_p)
    for result, name, *arguments in (
        (c_char_p, "strerror", c_int),
        (status, "constant", c_char_p, POINTER(c_int64)),
        (status, "attr_create", out),
        (status, "attr_set_limit", pointer, c_size_t),
        (status, "attr_set_pending_limit", pointer, c_size_t),
        (status, "attr_set_cancel_mode", pointer, c_int),
        (None, "attr_free", pointer),
        (status, "scheduler_create", out, pointer),
        (status, "scheduler_close", pointer),
        (None, "scheduler_free", pointer),
        (status, "completions_create", out, c_int),
        (c_int, "completions_fd", pointer),
        (c_int, "completions_take", pointer, out, c_size_t, c_int64, POINTER(c_size_t)),
        (None, "completions_free", pointer),
        (status, "job_attr_create", out),
        (status, "job_attr_set_completions", pointer, pointer),
        (status, "job_attr_set_explicit_result", pointer, c_int),
        (None, "job_attr_free", pointer),
        (status, "spawn_attr", pointer, pointer, pointer, pointer, c_int64, out),
        (c_int, "job_poll", pointer, c_int64, out),
        (c_int, "job_close", pointer, c_int64),
        (c_int, "job_error", pointer),
        (c_char_p, "job_error_message", pointer),
        (None, "job_unref", pointer),
        (pointer, "job_fail", c_int, c_char_p),
        (c_int, "job_succeed", pointer),
        (c_int, "job_cancelled"),
    ):
        function = getattr(_ptj, "ptj_" + name)
        function.argtypes = arguments
        if result is status:
            function.errcheck = _check
        else:
            function.restype = result


_declare()


def _create(function, *arguments):
    handle = c_void_p()
    function(byref(handle), *arguments)
    return handle


def constant(name):
    value = c_int64()
    _ptj.ptj_constant(name.encode(), byref(value))
    return value.value


EFAILED = constant("PTJ_EFAILED")
COOPERATIVE = constant("PTJ_CANCEL_COOPERATIVE")


# The jobs that have not been taken from their queue, by the address of their handle, and those of
# call() by number, too: C may use whatever they refer to, and their scheduler, as long as they run.
_jobs = {}
_calls = {}
_numbers = itertools.count(1)


@_function
def _call(number):
    """The C function that each call() is a job of."""
    job = _calls[number]
    try:
        job._value = job._argument()
        _ptj.ptj_job_succeed(None)
    except asyncio.CancelledError:
        _ptj.ptj_job_fail(errno.ECANCELED, None)
    except BaseException as error:
        job._cause = error
        message = "".join(traceback.format_exception_only(error)).strip()
        _ptj.ptj_job_fail(EFAILED, message.encode())
    return 0


def cancelled():
    """Within call(): whether the job is being closed.  To obey is to raise CancelledError."""
    return _ptj.ptj_job_cancelled() == 1


class Job(asyncio.Future):
    """The future of a job's result, which for a C function is an int.

    cancel() begins to close the job.  When it has ended by that the future is cancelled; a job that
    finishes all the same has its result."""

    _argument = _number = _value = _cause = None

    def cancel(self, msg=None):
        if self.done():
            return False
        _ptj.ptj_job_close(self._handle, 0)
        return True

    def _end(self):
        result = c_void_p()
        code = _ptj.ptj_job_poll(self._handle, 0, byref(result))
        if self.done():
            pass  # Its scheduler was closed before it had ended.
        elif code == 0:
            self.set_result(self._value if self._number else result.value or 0)
        elif code == EFAILED:
            message = _ptj.ptj_job_error_message(self._handle)
            error = JobError(_ptj.ptj_job_error(self._handle), message and message.decode())
            error.__cause__ = self._cause
            self.set_exception(error)
        else:
            super().cancel()
        _calls.pop(self._number, None)
        _ptj.ptj_job_unref(self._handle)


def _free(scheduler, completions, attr, call_attr):
    _ptj.ptj_scheduler_free(scheduler)
    _ptj.ptj_completions_free(completions)
    _ptj.ptj_job_attr_free(attr)
    _ptj.ptj_job_attr_free(call_attr)


class Scheduler:
    """Runs at most limit jobs at once; leaving its context closes them all."""

    def __init__(self, limit=100, pending_limit=10000):
        self._closed, self._count = False, 0
        self._completions = _create(_ptj.ptj_completions_create, -1)
        self._attr = _create(_ptj.ptj_job_attr_create)
        _ptj.ptj_job_attr_set_completions(self._attr, self._completions)
        self._call_attr = _create(_ptj.ptj_job_attr_create)
        _ptj.ptj_job_attr_set_completions(self._call_attr, self._completions)
        _ptj.ptj_job_attr_set_explicit_result(self._call_attr, 1)
        attr = _create(_ptj.ptj_attr_create)
        _ptj.ptj_attr_set_limit(attr, limit)
        _ptj.ptj_attr_set_pending_limit(attr, pending_limit)
        _ptj.ptj_attr_set_cancel_mode(attr, COOPERATIVE)
        self._scheduler = _create(_ptj.ptj_scheduler_create, attr)
        _ptj.ptj_attr_free(attr)
        weakref.finalize(
            self, _free, self._scheduler, self._completions, self._attr, self._call_attr
        )

    async def __aenter__(self):
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(_ptj.ptj_completions_fd(self._completions), self._take)
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def close(self):
        """Closes all jobs.  The future of one that does not obey fails with ETIMEDOUT."""
        await asyncio.to_thread(_ptj.ptj_scheduler_close, self._scheduler)
        while self._take():
            pass
        self._closed = True
        for job in _jobs.values():
            if job._scheduler is self and not job.done():
                job.set_exception(Error(errno.ETIMEDOUT))
        self._rest()

    def spawn(self, function, argument=None):
        """Runs a C function, void *(*)(void *).  argument is None, bytes, or of ctypes, and lives
        until the job has ended.  With pending_limit jobs in line: Error(EAGAIN)."""
        job = Job(loop=self._loop)
        job._argument = argument
        return self._start(job, self._attr, function, argument)

    def call(self, function, *arguments):
        """Runs function(*arguments), whose exception becomes the cause of a JobError."""
        job = Job(loop=self._loop)
        job._argument = functools.partial(function, *arguments)
        job._number = next(_numbers)
        _calls[job._number] = job
        return self._start(job, self._call_attr, _call, job._number)

    def _start(self, job, attr, function, argument):
        job._handle = c_void_p()
        try:
            _ptj.ptj_spawn_attr(self._scheduler, attr, function, argument, 0, byref(job._handle))
        except Error:
            _calls.pop(job._number, None)
            raise
        job._scheduler = self
        _jobs[job._handle.value] = job
        self._count += 1
        return job

    def _take(self):
        handles, taken = (c_void_p * 64)(), c_size_t()
        if _ptj.ptj_completions_take(self._completions, handles, 64, 0, byref(taken)) != 0:
            return False
        for handle in handles[: taken.value]:
            _jobs.pop(handle)._end()
            _ptj.ptj_job_unref(handle)
        self._count -= taken.value
        self._rest()
        return True

    def _rest(self):
        if self._closed and self._count == 0:
            self._loop.remove_reader(_ptj.ptj_completions_fd(self._completions))
