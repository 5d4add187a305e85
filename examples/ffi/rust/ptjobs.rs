//! ptjobs for Rust, without crates: closures as jobs, panics as failures, guards in place of frees.
//!
//!     let scheduler = Scheduler::new(&Options { limit: 4, ..Options::default() })?;
//!     let answer = scheduler.spawn(|| Ok(6 * 7))?;
//!     println!("{}", answer.wait()?);
//!
//! A closure is how Rust gives a job: it runs on the scheduler's threads as it is and owns what it
//! captures.  Its Err and its panic fail the job with their message; neither unwinds into C.  A C
//! function that calls ptj_job_fail() is called in a closure, and wait() has its code and message.
//!
//! Jobs are in cooperative mode: a cancelled thread would unwind through frames of `extern "C"`,
//! which ends the program.  A closure obeys by asking cancelled() and returning Error::Cancelled.
//!
//! SPDX-License-Identifier: Apache-2.0

use std::any::Any;
use std::ffi::{c_void, CStr, CString};
use std::fmt;
use std::os::raw::{c_char, c_int};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null, null_mut, NonNull};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The part of ptjobs.h that is used here.
mod c {
    use super::*;

    pub const INFINITE: i64 = -1;
    pub const EFAILED: c_int = -1;
    pub const CANCEL_COOPERATIVE: c_int = 2;
    pub const ETIMEDOUT: c_int = 110;
    pub const ECANCELED: c_int = 125;

    // Only ever behind a pointer.
    #[repr(C)]
    pub struct Attr([u8; 0]);
    #[repr(C)]
    pub struct JobAttr([u8; 0]);
    #[repr(C)]
    pub struct Scheduler([u8; 0]);
    #[repr(C)]
    pub struct Job([u8; 0]);
    #[repr(C)]
    pub struct Completions([u8; 0]);

    pub type JobFn = extern "C" fn(*mut c_void) -> *mut c_void;
    pub type ReleaseFn = extern "C" fn(*mut c_void);

    #[link(name = "ptjobs")]
    extern "C" {
        pub fn ptj_strerror(code: c_int) -> *const c_char;
        pub fn ptj_attr_create(out: *mut *mut Attr) -> c_int;
        pub fn ptj_attr_free(attr: *mut Attr);
        pub fn ptj_attr_set_limit(attr: *mut Attr, limit: usize) -> c_int;
        pub fn ptj_attr_set_pending_limit(attr: *mut Attr, limit: usize) -> c_int;
        pub fn ptj_attr_set_close_timeout(attr: *mut Attr, ms: i64) -> c_int;
        pub fn ptj_attr_set_cancel_mode(attr: *mut Attr, mode: c_int) -> c_int;
        pub fn ptj_scheduler_create(out: *mut *mut Scheduler, attr: *const Attr) -> c_int;
        pub fn ptj_scheduler_free(s: *mut Scheduler);
        pub fn ptj_scheduler_wait(s: *mut Scheduler, timeout_ms: i64) -> c_int;
        pub fn ptj_scheduler_close(s: *mut Scheduler) -> c_int;
        pub fn ptj_job_attr_create(out: *mut *mut JobAttr) -> c_int;
        pub fn ptj_job_attr_free(attr: *mut JobAttr);
        pub fn ptj_job_attr_set_release(attr: *mut JobAttr, release: ReleaseFn) -> c_int;
        pub fn ptj_job_attr_set_completions(attr: *mut JobAttr, q: *mut Completions) -> c_int;
        pub fn ptj_spawn_attr(
            s: *mut Scheduler,
            attr: *const JobAttr,
            run: JobFn,
            arg: *mut c_void,
            timeout_ms: i64,
            out: *mut *mut Job,
        ) -> c_int;
        pub fn ptj_job_wait(job: *mut Job, timeout_ms: i64, result: *mut *mut c_void) -> c_int;
        pub fn ptj_job_close(job: *mut Job, timeout_ms: i64) -> c_int;
        pub fn ptj_job_error(job: *const Job) -> c_int;
        pub fn ptj_job_error_message(job: *const Job) -> *const c_char;
        pub fn ptj_job_id(job: *const Job) -> u64;
        pub fn ptj_job_unref(job: *mut Job);
        pub fn ptj_job_fail(code: c_int, message: *const c_char) -> *mut c_void;
        pub fn ptj_job_cancelled() -> c_int;
        pub fn ptj_completions_create(out: *mut *mut Completions, fd: c_int) -> c_int;
        pub fn ptj_completions_fd(q: *const Completions) -> c_int;
        pub fn ptj_completions_take(
            q: *mut Completions,
            jobs: *mut *mut Job,
            n: usize,
            timeout_ms: i64,
            taken: *mut usize,
        ) -> c_int;
        pub fn ptj_completions_free(q: *mut Completions);
    }
}

/// How a call or a job failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// With an errno value, or PTJ_EFAILED, and a message.
    Failed(i32, String),
    /// The job was cancelled, or never ran.
    Cancelled,
}

impl Error {
    /// For a closure that fails.
    pub fn new(message: impl fmt::Display) -> Error {
        Error::Failed(c::EFAILED, message.to_string())
    }

    fn of(code: c_int, message: *const c_char) -> Error {
        let message = if message.is_null() { unsafe { c::ptj_strerror(code) } } else { message };
        Error::Failed(code, unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Failed(_, message) => f.write_str(message),
            Error::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl std::error::Error for Error {}

fn check(rc: c_int) -> Result<(), Error> {
    match rc {
        0 => Ok(()),
        code => Err(Error::of(code, null())),
    }
}

fn milliseconds(timeout: Option<Duration>) -> i64 {
    timeout.map_or(c::INFINITE, |t| t.as_millis().min(i64::MAX as u128) as i64)
}

/// A handle that the library gave, and the function that gives it back.
struct Handle<T>(NonNull<T>, unsafe extern "C" fn(*mut T));

// The library may be called from any thread with any handle.
unsafe impl<T> Send for Handle<T> {}
unsafe impl<T> Sync for Handle<T> {}

impl<T> Handle<T> {
    fn create(
        release: unsafe extern "C" fn(*mut T),
        create: impl FnOnce(*mut *mut T) -> c_int,
    ) -> Result<Self, Error> {
        let mut made = null_mut();
        check(create(&mut made))?;
        Ok(Handle(NonNull::new(made).expect("a handle is not null"), release))
    }

    fn get(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        unsafe { self.1(self.get()) }
    }
}

/// The jobs that have ended, for an event loop that polls fd(), or for a thread.
pub struct Completions(Handle<c::Completions>);

impl Completions {
    pub fn new() -> Result<Arc<Self>, Error> {
        let create = |out: *mut *mut c::Completions| unsafe { c::ptj_completions_create(out, -1) };
        Ok(Arc::new(Completions(Handle::create(c::ptj_completions_free, create)?)))
    }

    pub fn fd(&self) -> i32 {
        unsafe { c::ptj_completions_fd(self.0.get()) }
    }

    /// The numbers of the next ones, Job::id(); none when the timeout has passed.
    pub fn take(&self, timeout: Option<Duration>) -> Result<Vec<u64>, Error> {
        let mut jobs = [null_mut(); 64];
        let (at, n, timeout) = (jobs.as_mut_ptr(), jobs.len(), milliseconds(timeout));
        let mut taken = 0;
        let rc = unsafe { c::ptj_completions_take(self.0.get(), at, n, timeout, &mut taken) };
        if rc != c::ETIMEDOUT {
            check(rc)?;
        }
        let id = |&job: &*mut c::Job| unsafe {
            let id = c::ptj_job_id(job);
            c::ptj_job_unref(job);
            id
        };
        Ok(jobs[..taken].iter().map(id).collect())
    }
}

/// A job whose closure returns a T.  Without it the job goes on.
pub struct Job<T> {
    handle: Handle<c::Job>,
    value: Arc<Mutex<Option<T>>>,
}

impl<T> Job<T> {
    /// Waits for the job: what its closure returned.
    pub fn wait(self) -> Result<T, Error> {
        let job = self.handle.get();
        match unsafe { c::ptj_job_wait(job, c::INFINITE, null_mut()) } {
            0 => Ok(self.value.lock().unwrap().take().expect("a job that succeeded has a value")),
            c::EFAILED => Err(unsafe {
                Error::of(c::ptj_job_error(job), c::ptj_job_error_message(job))
            }),
            c::ECANCELED => Err(Error::Cancelled),
            code => Err(Error::of(code, null())),
        }
    }

    /// Begins to close the job and does not wait.
    pub fn cancel(&self) {
        unsafe { c::ptj_job_close(self.handle.get(), 0) };
    }

    pub fn id(&self) -> u64 {
        unsafe { c::ptj_job_id(self.handle.get()) }
    }
}

/// Within a job: whether it is being closed.
pub fn cancelled() -> bool {
    unsafe { c::ptj_job_cancelled() == 1 }
}

pub struct Options {
    pub limit: usize,
    pub pending_limit: usize,
    pub close_timeout: Option<Duration>,
    pub completions: Option<Arc<Completions>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            limit: 100,
            pending_limit: 10000,
            close_timeout: Some(Duration::from_millis(100)),
            completions: None,
        }
    }
}

/// Runs closures as jobs.  Dropped, it closes them all, within the close timeout.
pub struct Scheduler {
    scheduler: Handle<c::Scheduler>,
    job_attr: Handle<c::JobAttr>,
    _completions: Option<Arc<Completions>>,
}

type Work = Box<dyn FnOnce() -> Result<(), Error> + Send>;

impl Scheduler {
    pub fn new(options: &Options) -> Result<Self, Error> {
        let create = |out: *mut *mut c::Attr| unsafe { c::ptj_attr_create(out) };
        let attr = Handle::create(c::ptj_attr_free, create)?;
        let create = |out: *mut *mut c::JobAttr| unsafe { c::ptj_job_attr_create(out) };
        let job_attr = Handle::create(c::ptj_job_attr_free, create)?;
        unsafe {
            check(c::ptj_attr_set_limit(attr.get(), options.limit))?;
            check(c::ptj_attr_set_pending_limit(attr.get(), options.pending_limit))?;
            let timeout = milliseconds(options.close_timeout);
            check(c::ptj_attr_set_close_timeout(attr.get(), timeout))?;
            check(c::ptj_attr_set_cancel_mode(attr.get(), c::CANCEL_COOPERATIVE))?;
            check(c::ptj_job_attr_set_release(job_attr.get(), release))?;
            if let Some(queue) = &options.completions {
                check(c::ptj_job_attr_set_completions(job_attr.get(), queue.0.get()))?;
            }
        }
        let create =
            |out: *mut *mut c::Scheduler| unsafe { c::ptj_scheduler_create(out, attr.get()) };
        let scheduler = Handle::create(c::ptj_scheduler_free, create)?;
        Ok(Scheduler { scheduler, job_attr, _completions: options.completions.clone() })
    }

    /// Runs f().  Blocks while the line is full.
    pub fn spawn<T, F>(&self, f: F) -> Result<Job<T>, Error>
    where
        F: FnOnce() -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let value = Arc::new(Mutex::new(None));
        let result = Arc::clone(&value);
        let work: Work = Box::new(move || {
            *result.lock().unwrap() = Some(f()?);
            Ok(())
        });
        let arg = Box::into_raw(Box::new(Some(work))).cast();
        let (s, attr) = (self.scheduler.get(), self.job_attr.get());
        let spawn = |out: *mut *mut c::Job| unsafe {
            c::ptj_spawn_attr(s, attr, run, arg, c::INFINITE, out)
        };
        let handle = Handle::create(c::ptj_job_unref, spawn).map_err(|error| {
            release(arg); // The job never was.
            error
        })?;
        Ok(Job { handle, value })
    }

    /// Waits until there is no job, and leaves the scheduler open.
    pub fn wait(&self) -> Result<(), Error> {
        check(unsafe { c::ptj_scheduler_wait(self.scheduler.get(), c::INFINITE) })
    }

    pub fn close(&self) -> Result<(), Error> {
        check(unsafe { c::ptj_scheduler_close(self.scheduler.get()) })
    }
}

/// The C function that each job runs.  arg is a Box<Option<Work>>, of release()'s.
extern "C" fn run(arg: *mut c_void) -> *mut c_void {
    let work = unsafe { (*arg.cast::<Option<Work>>()).take() }.expect("a job runs once");
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => null_mut(),
        Ok(Err(Error::Cancelled)) => fail(c::ECANCELED, "cancelled"),
        Ok(Err(Error::Failed(code, message))) => fail(code, &message),
        Err(panic) => fail(c::EFAILED, message_of(panic.as_ref())),
    }
}

extern "C" fn release(arg: *mut c_void) {
    drop(unsafe { Box::from_raw(arg.cast::<Option<Work>>()) });
}

fn fail(code: c_int, message: &str) -> *mut c_void {
    let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
    unsafe { c::ptj_job_fail(code, message.as_ptr()) }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}
