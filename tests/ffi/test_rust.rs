//! ptjobs from Rust: what the binding in examples/ffi/rust stands.
//!
//! SPDX-License-Identifier: Apache-2.0

use ptjobs::{cancelled, Completions, Error, Options, Scheduler};
use std::process::{Command, Stdio};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

fn scheduler(limit: usize, pending_limit: usize) -> Scheduler {
    Scheduler::new(&Options { limit, pending_limit, ..Options::default() }).unwrap()
}

/// Where a job waits until it is let through, closed or not: the test's end, and the job's.
fn gate() -> (Sender<u8>, Receiver<()>, impl FnOnce() -> Result<u8, Error>) {
    let (open, opened) = channel();
    let (reach, reached) = channel();
    (open, reached, move || {
        reach.send(()).unwrap();
        opened.recv().map_err(Error::new)
    })
}

fn wait_until_cancelled() -> Result<(), Error> {
    while !cancelled() {
        thread::sleep(Duration::from_millis(1));
    }
    Err(Error::Cancelled)
}

#[test]
fn thousands_of_jobs() {
    let ended = Completions::new().unwrap();
    let completions = Some(ended.clone());
    let options = Options { limit: 4, pending_limit: 0, completions, ..Options::default() };
    let s = Scheduler::new(&options).unwrap();
    let jobs: Vec<_> = (0..20000).map(|n| s.spawn(move || Ok(2 * n)).unwrap()).collect();
    let mut ids = Vec::new();
    while ids.len() < jobs.len() {
        ids.extend(ended.take(None).unwrap());
    }
    ids.sort();
    assert!(ids.into_iter().eq(jobs.iter().map(|job| job.id())));
    assert!(ended.take(Some(Duration::ZERO)).unwrap().is_empty());
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.wait(), Ok(2 * n));
    }
}

#[test]
fn errors_and_panics_are_failures() {
    let s = scheduler(4, 100);
    let job = s.spawn(|| "x".parse::<u8>().map_err(Error::new)).unwrap();
    assert_eq!(job.wait(), Err(Error::Failed(-1, "invalid digit found in string".into())));
    let job = s.spawn(|| -> Result<(), Error> { Err(Error::Failed(5, "disk".into())) }).unwrap();
    assert_eq!(job.wait(), Err(Error::Failed(5, "disk".into())));
    let job = s.spawn(|| -> Result<(), Error> { panic!("number {}", 7) }).unwrap();
    assert_eq!(job.wait(), Err(Error::Failed(-1, "number 7".into())));
    let job = s.spawn(|| Ok([1, 2, 3].iter().map(|n| 6 / (n - 2)).sum::<i32>())).unwrap();
    assert_eq!(job.wait(), Err(Error::Failed(-1, "attempt to divide by zero".into())));
}

#[test]
fn captures_are_dropped_once() {
    let owned = Arc::new(());
    let s = scheduler(1, 100);
    let (open, reached, pass) = gate();
    let first = s.spawn(pass).unwrap();
    reached.recv().unwrap();
    let captured = owned.clone();
    let pending = s.spawn(move || Ok(drop(captured))).unwrap();
    assert_eq!(Arc::strong_count(&owned), 2);
    pending.cancel();
    assert_eq!(pending.wait(), Err(Error::Cancelled));
    assert_eq!(Arc::strong_count(&owned), 1);
    open.send(7).unwrap();
    assert_eq!(first.wait(), Ok(7));

    let captured = owned.clone();
    let job = s.spawn(move || Ok(captured)).unwrap();
    assert_eq!(Arc::strong_count(&job.wait().unwrap()), 2);
    s.close().unwrap();
    let captured = owned.clone();
    let late = s.spawn(move || Ok(drop(captured)));
    let message = "Cannot send after transport endpoint shutdown".to_string();
    assert_eq!(late.err(), Some(Error::Failed(108, message)));
    assert_eq!(Arc::strong_count(&owned), 1);
}

#[test]
fn cancel_ends_a_job_that_obeys() {
    let s = scheduler(1, 100);
    let job = s.spawn(wait_until_cancelled).unwrap();
    job.cancel();
    assert_eq!(job.wait(), Err(Error::Cancelled));
}

#[test]
fn drop_leaves_a_job_that_does_not_obey() {
    let s = scheduler(4, 100);
    let (open, reached, pass) = gate();
    let stubborn = s.spawn(pass).unwrap();
    let obedient = s.spawn(wait_until_cancelled).unwrap();
    reached.recv().unwrap();
    drop(s);
    assert_eq!(obedient.wait(), Err(Error::Cancelled));
    open.send(7).unwrap();
    assert_eq!(stubborn.wait(), Ok(7));
}

#[test]
fn many_threads_at_once() {
    let s = Arc::new(scheduler(2, 1));
    let start = Arc::new(Barrier::new(8));
    let spawner = |_| {
        let (s, start) = (s.clone(), start.clone());
        thread::spawn(move || {
            start.wait();
            (0..1000).map(|n| s.spawn(move || Ok(n)).unwrap().wait().unwrap()).sum::<u64>()
        })
    };
    let threads: Vec<_> = (0..8).map(spawner).collect();
    assert_eq!(threads.into_iter().map(|t| t.join().unwrap()).sum::<u64>(), 8 * 999 * 500);
}

/// Ends the program in the way that END names while a job runs that does not obey.
#[test]
#[ignore = "run by program_ends_while_jobs_run"]
fn end() {
    let s = scheduler(4, 100);
    let (_open, reached, pass) = gate();
    s.spawn(pass).unwrap();
    reached.recv().unwrap();
    match std::env::var("END").unwrap().as_str() {
        "exit" => std::process::exit(3),
        "panic" => panic!("with a job"),
        _ => (),
    }
}

#[test]
fn program_ends_while_jobs_run() {
    for (way, status) in [("exit", 3), ("panic", 101), ("return", 0)] {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.args(["--ignored", "--exact", "end"]).env("END", way);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        assert_eq!(command.status().unwrap().code(), Some(status), "{}", way);
    }
}

/// Prints what jobs take.  CPU is that of the process, from the kernel's clock ticks.
#[test]
#[ignore = "run by figures.sh"]
fn figures() {
    let ticks = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
    };
    let n = 300_000;
    let (start, before) = (Instant::now(), ticks());
    let s = scheduler(4, 10000);
    for i in 0..n {
        s.spawn(move || Ok(i)).unwrap();
    }
    s.wait().unwrap();
    let (wall, cpu) = (start.elapsed().as_secs_f64(), (ticks() - before) / 100.0);
    let (rate, each) = (n as f64 / wall, 1e6 * cpu / n as f64);
    println!("{:40} {:9.0} jobs/s {:8.2} us of CPU each", "Rust: closures", rate, each);
}
