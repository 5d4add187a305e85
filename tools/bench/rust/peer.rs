// Rust's threadpool, and rayon's ThreadPool, which cannot wait for all jobs, so they are counted.
// peer.h has the protocol.
//
// SPDX-License-Identifier: Apache-2.0

use std::collections::HashMap;
use std::fmt::Write;
use std::os::raw::{c_int, c_long};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const SETTLE: Duration = Duration::from_millis(100);
const EXIT_CANNOT: i32 = 3;

struct Task {
    jobs: usize,
    workers: usize,
    producers: usize,
    time: Duration,
}

struct Count {
    left: AtomicUsize,
    ended: Mutex<bool>,
    wake: Condvar, // ended
}

#[derive(Clone)]
enum Pool {
    Threadpool(threadpool::ThreadPool),
    Rayon(Arc<rayon::ThreadPool>, Arc<Count>),
}

impl Pool {
    fn open(peer: &str, workers: usize, jobs: usize) -> Pool {
        if peer == "threadpool" {
            return Pool::Threadpool(threadpool::ThreadPool::new(workers));
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
        let count = Count {
            left: AtomicUsize::new(jobs),
            ended: Mutex::new(false),
            wake: Condvar::new(),
        };
        Pool::Rayon(Arc::new(pool.expect("there is no pool")), Arc::new(count))
    }

    fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        match self {
            Pool::Threadpool(pool) => pool.execute(job),
            Pool::Rayon(pool, count) => {
                let count = count.clone();
                pool.spawn(move || {
                    job();
                    if count.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                        *count.ended.lock().unwrap() = true;
                        count.wake.notify_all();
                    }
                });
            }
        }
    }

    fn finish(self) {
        match self {
            Pool::Threadpool(pool) => pool.join(),
            Pool::Rayon(_, count) => {
                let mut ended = count.ended.lock().unwrap();
                while !*ended {
                    ended = count.wake.wait(ended).unwrap();
                }
            }
        }
    }
}

#[repr(C)]
#[derive(Default)]
struct Rusage {
    times: [i64; 4],
    others: [c_long; 12],
    voluntary: c_long,
    involuntary: c_long,
}

extern "C" {
    fn getrusage(who: c_int, usage: *mut Rusage) -> c_int;
}

struct Meter {
    wall: Instant,
    cpu: i64,
    voluntary: i64,
    involuntary: i64,
}

impl Meter {
    fn read() -> Meter {
        let mut used = Rusage::default();
        // What getrusage() fills in is as large as Rusage on 64-bit Linux.
        let rc = unsafe { getrusage(0, &mut used) };
        assert!(rc == 0, "getrusage() failed");
        let [user_s, user_us, system_s, system_us] = used.times;
        Meter {
            wall: Instant::now(),
            cpu: (user_s + system_s) * 1_000_000_000 + (user_us + system_us) * 1000,
            voluntary: used.voluntary,
            involuntary: used.involuntary,
        }
    }
}

fn report(before: &Meter, after: &Meter) {
    println!("wall_ns {}", (after.wall - before.wall).as_nanos());
    println!("cpu_ns {}", after.cpu - before.cpu);
    println!("voluntary {}", after.voluntary - before.voluntary);
    println!("involuntary {}", after.involuntary - before.involuntary);
}

fn report_latencies(latencies: &[Duration]) {
    let mut line = String::from("latency_ns");
    for latency in latencies {
        write!(line, " {}", latency.as_nanos()).unwrap();
    }
    println!("{}", line);
}

// The bytes of memory that the process has touched, without those of files.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc cannot be read");
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    kilobytes.and_then(|n| n.parse().ok()).unwrap_or(0.0) * 1024.0
}

#[inline(never)]
fn compute(rounds: u64) {
    let mut x = rounds;
    for _ in 0..rounds {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    }
    // A volatile read of the result is what the compiler cannot do without.
    unsafe { std::ptr::read_volatile(&x) };
}

// How many rounds take so long; what is not the fastest trial was interrupted.
fn rounds_for(time: Duration) -> u64 {
    const TRIAL_ROUNDS: u64 = 20000;
    let trial = |_| {
        let start = Instant::now();
        compute(TRIAL_ROUNDS);
        start.elapsed()
    };
    let best = (0..50).map(trial).min().unwrap();
    (time.as_secs_f64() * TRIAL_ROUNDS as f64 / best.as_secs_f64()).round() as u64
}

fn forget(peer: &str, task: &Task, job: impl Fn() + Copy + Send + 'static) {
    let pool = Pool::open(peer, task.workers, task.jobs);
    let before = Meter::read();
    let producer = |i| {
        let share = task.jobs / task.producers + usize::from(i < task.jobs % task.producers);
        let pool = pool.clone();
        thread::spawn(move || (0..share).for_each(|_| pool.spawn(job)))
    };
    let producers: Vec<_> = (0..task.producers).map(producer).collect();
    for producer in producers {
        producer.join().unwrap();
    }
    pool.finish();
    report(&before, &Meter::read());
}

fn jobs(peer: &str, task: &Task) {
    if task.time.is_zero() {
        forget(peer, task, || {});
        return;
    }
    let rounds = rounds_for(task.time);
    forget(peer, task, move || compute(rounds));
}

fn sleep(peer: &str, task: &Task) {
    let time = task.time;
    forget(peer, task, move || thread::sleep(time));
}

// What a program does that waits for a job of a pool without handles.
fn go_and_return(pool: &Pool) {
    let (sender, receiver) = mpsc::sync_channel(1);
    pool.spawn(move || sender.send(()).unwrap());
    receiver.recv().unwrap();
}

fn roundtrip(peer: &str, task: &Task) {
    let pool = Pool::open(peer, task.workers, task.jobs + 1);
    let mut latencies = Vec::with_capacity(task.jobs);
    go_and_return(&pool);
    let before = Meter::read();
    for _ in 0..task.jobs {
        if !task.time.is_zero() {
            thread::sleep(task.time);
        }
        let start = Instant::now();
        go_and_return(&pool);
        latencies.push(start.elapsed());
    }
    let after = Meter::read();
    pool.finish();
    report(&before, &after);
    report_latencies(&latencies);
}

fn start(peer: &str, task: &Task) {
    let pool = Pool::open(peer, task.workers, task.jobs + 1);
    let latencies = Arc::new(Mutex::new(Vec::with_capacity(task.jobs + 1)));
    let before = Meter::read();
    for i in 0..=task.jobs {
        let due = before.wall + task.time * i as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let latencies = latencies.clone();
        let spawned = Instant::now();
        pool.spawn(move || {
            let latency = spawned.elapsed();
            latencies.lock().unwrap().push(latency);
        });
    }
    pool.finish();
    report(&before, &Meter::read());
    report_latencies(&latencies.lock().unwrap()[1..]);
}

// Has each worker stand still at the gate that is returned.
fn occupy(pool: &Pool, workers: usize) -> Arc<Barrier> {
    let standing = Arc::new(Barrier::new(workers + 1));
    let gate = Arc::new(Barrier::new(workers + 1));
    for _ in 0..workers {
        let (standing, gate) = (standing.clone(), gate.clone());
        pool.spawn(move || {
            standing.wait();
            gate.wait();
        });
    }
    standing.wait();
    gate
}

fn pending(peer: &str, task: &Task) {
    let pool = Pool::open(peer, task.workers, task.jobs + task.workers);
    let gate = occupy(&pool, task.workers);
    let ended = Arc::new(AtomicUsize::new(0));
    let before = memory();
    for _ in 0..task.jobs {
        let ended = ended.clone();
        pool.spawn(move || {
            ended.fetch_add(1, Ordering::Release);
        });
    }
    let full = memory();
    gate.wait();
    while ended.load(Ordering::Acquire) < task.jobs {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(SETTLE);
    let after = memory();
    pool.finish();
    println!("bytes {}", (full - before) / task.jobs as f64);
    if full > before {
        println!("returned {}", (full - after) / (full - before));
    }
}

fn idle(peer: &str, task: &Task) {
    let pool = Pool::open(peer, task.workers, task.workers);
    occupy(&pool, task.workers).wait();
    thread::sleep(SETTLE);
    let before = Meter::read();
    thread::sleep(task.time);
    let after = Meter::read();
    pool.finish();
    report(&before, &after);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    assert!(
        args.len() == 8,
        "wanted: PEER WORKLOAD JOBS WORKERS PRODUCERS TIME PENDING_LIMIT"
    );
    let numbers: Vec<usize> = args[3..].iter().map(|n| n.parse().unwrap()).collect();
    let task = Task {
        jobs: numbers[0],
        workers: numbers[1],
        producers: numbers[2],
        time: Duration::from_nanos(numbers[3] as u64),
    };
    let workloads: HashMap<&str, fn(&str, &Task)> = HashMap::from([
        ("jobs", jobs as fn(&str, &Task)),
        ("sleep", sleep),
        ("roundtrip", roundtrip),
        ("start", start),
        ("memory", pending),
        ("idle", idle),
    ]);
    match workloads.get(args[2].as_str()) {
        Some(run) if numbers[4] == 0 => run(&args[1], &task),
        _ => std::process::exit(EXIT_CANNOT),
    }
}
