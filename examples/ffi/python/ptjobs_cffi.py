# SPDX-License-Identifier: Apache-2.0
"""ptjobs as an executor of concurrent.futures, with cffi.

    with ptjobs_cffi.Executor(limit=4) as executor:
        size = executor.submit(library.function, b"argument").result()
        answer = executor.submit(function, "argument").result()

submit() takes a C function or a Python callable.  The first runs without Python's lock; the second
is for Python that waits most of the time, and calls it through a closure of cffi's, which costs much
less than one of ctypes'.  Both are in cooperative mode, for a thread that runs Python must never be
cancelled.  All methods are for all threads; loop.run_in_executor() takes the executor, too.
"""

import concurrent.futures
import errno
import functools
import os
import threading
import traceback

import cffi

ffi = cffi.FFI()
ffi.cdef(
    """
    typedef struct ptj_attr ptj_attr;
    typedef struct ptj_scheduler ptj_scheduler;
    typedef struct ptj_job_attr ptj_job_attr;
    typedef struct ptj_job ptj_job;
    typedef struct ptj_completions ptj_completions;
    static const int PTJ_INFINITE = -1, PTJ_EFAILED = -1, PTJ_CANCEL_COOPERATIVE = 2;

    int ptj_attr_create(ptj_attr **out);
    int ptj_attr_set_limit(ptj_attr *attr, size_t limit);
    int ptj_attr_set_pending_limit(ptj_attr *attr, size_t pending_limit);
    int ptj_attr_set_cancel_mode(ptj_attr *attr, int mode);
    void ptj_attr_free(ptj_attr *attr);
    int ptj_scheduler_create(ptj_scheduler **out, const ptj_attr *attr);
    int ptj_scheduler_wait(ptj_scheduler *s, int64_t timeout_ms);
    int ptj_scheduler_close(ptj_scheduler *s);
    void ptj_scheduler_free(ptj_scheduler *s);
    int ptj_job_attr_create(ptj_job_attr **out);
    int ptj_job_attr_set_completions(ptj_job_attr *attr, ptj_completions *completions);
    int ptj_job_attr_set_explicit_result(ptj_job_attr *attr, int on);
    void ptj_job_attr_free(ptj_job_attr *attr);
    int ptj_spawn_attr(ptj_scheduler *s, const ptj_job_attr *attr, void *(*fn)(void *), void *arg,
                       int64_t timeout_ms, ptj_job **out);
    int ptj_job_poll(ptj_job *job, int64_t timeout_ms, void **result);
    int ptj_job_close(ptj_job *job, int64_t timeout_ms);
    int ptj_job_error(const ptj_job *job);
    const char *ptj_job_error_message(const ptj_job *job);
    void ptj_job_unref(ptj_job *job);
    int ptj_completions_create(ptj_completions **out, int fd);
    int ptj_completions_take(ptj_completions *c, ptj_job **jobs, size_t n, int64_t timeout_ms,
                             size_t *taken);
    void ptj_completions_free(ptj_completions *c);
    void *ptj_job_fail(int code, const char *message);
    int ptj_job_succeed(void *result);
    int ptj_job_cancelled(void);
    const char *ptj_strerror(int code);
    """
)
_ptj = ffi.dlopen("libptjobs.so.0")


class Error(RuntimeError):
    """A call did not do what it should: code is an errno value."""

    def __init__(self, code, message=None):
        super().__init__(message or ffi.string(_ptj.ptj_strerror(code)).decode())
        self.code = code


class JobError(Error):
    """The job failed, with this code and message."""


def _check(code):
    if code != 0:
        raise Error(code)


def _create(kind, free, *arguments):
    """An object of ptjobs that is released when Python has forgotten it."""
    out = ffi.new(f"ptj_{kind} **")
    _check(getattr(_ptj, f"ptj_{kind}_create")(out, *arguments))
    return ffi.gc(out[0], free)


@ffi.callback("void *(void *)")
def _call(handle):
    """The C function that each Python callable is a job of."""
    job = ffi.from_handle(handle)
    try:
        job._value = job._function()
        _ptj.ptj_job_succeed(ffi.NULL)
    except concurrent.futures.CancelledError:
        _ptj.ptj_job_fail(errno.ECANCELED, ffi.NULL)
    except BaseException as error:
        job._cause = error
        message = "".join(traceback.format_exception_only(error)).strip()
        _ptj.ptj_job_fail(_ptj.PTJ_EFAILED, message.encode())
    return ffi.NULL


def cancelled():
    """Within a Python job: whether it is being closed.  To obey is to raise CancelledError."""
    return _ptj.ptj_job_cancelled() == 1


def _address(handle):
    return int(ffi.cast("uintptr_t", handle))


class Job(concurrent.futures.Future):
    """The future of a job's result, which for a C function is an int.

    cancel() begins to close the job.  When it has ended by that the future is cancelled; a job that
    finishes all the same has its result."""

    _function = _value = _cause = None

    def cancel(self):
        if self.done():
            return False
        _ptj.ptj_job_close(self._handle, 0)
        return True

    def _end(self):
        result = ffi.new("void **")
        code = _ptj.ptj_job_poll(self._handle, 0, result)
        if code == 0:
            self.set_result(self._value if self._function else int(ffi.cast("intptr_t", result[0])))
        elif code == _ptj.PTJ_EFAILED:
            message = _ptj.ptj_job_error_message(self._handle)
            error = JobError(
                _ptj.ptj_job_error(self._handle), ffi.string(message).decode() if message else None
            )
            error.__cause__ = self._cause
            self.set_exception(error)
        else:
            super().cancel()
            self.set_running_or_notify_cancel()


class Executor(concurrent.futures.Executor):
    """Runs at most limit jobs at once, and has submit() wait while pending_limit are in line.

    A thread of Python's hears of the jobs that have ended by a pipe, into which the library writes
    and, at last, shutdown()."""

    def __init__(self, limit=100, pending_limit=10000):
        attr = _create("attr", _ptj.ptj_attr_free)
        _check(_ptj.ptj_attr_set_limit(attr, limit))
        _check(_ptj.ptj_attr_set_pending_limit(attr, pending_limit))
        _check(_ptj.ptj_attr_set_cancel_mode(attr, _ptj.PTJ_CANCEL_COOPERATIVE))
        reader, writer = os.pipe()
        self._reader, self._writer = open(reader, "rb", 0), open(writer, "wb", 0)
        self._completions = _create("completions", _ptj.ptj_completions_free, writer)
        self._scheduler = _create("scheduler", _ptj.ptj_scheduler_free, attr)
        self._attr = _create("job_attr", _ptj.ptj_job_attr_free)
        _check(_ptj.ptj_job_attr_set_completions(self._attr, self._completions))
        self._call_attr = _create("job_attr", _ptj.ptj_job_attr_free)
        _check(_ptj.ptj_job_attr_set_completions(self._call_attr, self._completions))
        _check(_ptj.ptj_job_attr_set_explicit_result(self._call_attr, 1))
        self._closed = False
        self._jobs = {}  # by address; None for one that was taken before submit() had it here
        self._taker = threading.Thread(target=self._take, daemon=True)
        self._taker.start()

    def submit(self, function, /, *arguments, **keywords):
        """A C function has one argument, bytes or a pointer, which lives until the job has ended.
        Waits while pending_limit jobs are in line."""
        job = Job()
        if isinstance(function, ffi.CData):
            (job._argument,) = arguments
            attr, argument = self._attr, job._argument
            if isinstance(argument, bytes):
                argument = ffi.from_buffer(argument)
        else:
            job._function = functools.partial(function, *arguments, **keywords)
            job._argument = argument = ffi.new_handle(job)
            function, attr = _call, self._call_attr
        out = ffi.new("ptj_job **")
        _check(
            _ptj.ptj_spawn_attr(self._scheduler, attr, function, argument, _ptj.PTJ_INFINITE, out)
        )
        job._handle = ffi.gc(out[0], _ptj.ptj_job_unref)
        if self._jobs.setdefault(_address(job._handle), job) is not job:
            self._end(job)
            if self._closed:
                self._writer.write(b"\0")  # It may have been the last.
        return job

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Closes all jobs: once they have ended by themselves if it is to wait, else at once."""
        wait = wait and not cancel_futures
        if wait:
            _check(_ptj.ptj_scheduler_wait(self._scheduler, _ptj.PTJ_INFINITE))
        _check(_ptj.ptj_scheduler_close(self._scheduler))
        self._closed = True
        self._writer.write(b"\0")
        if wait:
            self._taker.join()

    def _take(self):
        handles, taken = ffi.new("ptj_job *[64]"), ffi.new("size_t *")
        while not self._closed or self._jobs:
            self._reader.read(4096)
            while _ptj.ptj_completions_take(self._completions, handles, 64, 0, taken) == 0:
                for handle in handles[0 : taken[0]]:
                    job = self._jobs.setdefault(_address(handle), None)
                    if job:
                        self._end(job)
                    _ptj.ptj_job_unref(handle)

    def _end(self, job):
        del self._jobs[_address(job._handle)]
        job._end()
