/* Java's fixed pool, a ThreadPoolExecutor, over a LinkedBlockingQueue, as Executors makes it, or an
   ArrayBlockingQueue.  At the pending limit the producer waits for room in the queue.

   Each workload runs once before it is measured, so that what is measured is compiled.  peer.h has
   the protocol.

   SPDX-License-Identifier: Apache-2.0 */

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

final class Peer {
	private static final int BATCH = 1000;
	private static final int WARM_UP_MOST = 1000000;
	/* So often is the meter read before a workload that does nothing, so that it is compiled. */
	private static final int METER_WARM_UP = 10;
	private static final int SETTLE_MS = 100;
	private static final int EXIT_CANNOT = 3;
	private static final Runnable NOTHING = () -> {};

	private final boolean array;
	private final int workers, producers, pendingLimit;
	private final long time;

	private Peer(boolean array, int workers, int producers, long time, int pendingLimit) {
		this.array = array;
		this.workers = workers;
		this.producers = producers;
		this.time = time;
		this.pendingLimit = pendingLimit;
	}

	private interface Job {
		void run(int jobs, boolean measured) throws Exception;
	}

	/* What threads have used: that of living threads is in /proc, and what threads had used that have
	   ended each of them added here at its end. */
	private static final AtomicLong ENDED_CPU = new AtomicLong();
	private static final AtomicLong ENDED_VOLUNTARY = new AtomicLong();
	private static final AtomicLong ENDED_INVOLUNTARY = new AtomicLong();

	private static List<String> lines(Path file) {
		try {
			return Files.readAllLines(file);
		} catch (IOException e) {
			/* The thread has ended. */
			return List.of();
		}
	}

	private static long field(Path status, String name) {
		for (String line : lines(status)) {
			if (line.startsWith(name + ":"))
				return Long.parseLong(line.split("\\s+")[1]);
		}
		return 0;
	}

	/* The CPU time in nanoseconds is the first number of schedstat. */
	private static long cpu(Path thread) {
		for (String line : lines(thread.resolve("schedstat")))
			return Long.parseLong(line.split(" ")[0]);
		return 0;
	}

	private static Thread thread(Runnable work) {
		return new Thread(() -> {
			work.run();
			Path self = Path.of("/proc/thread-self");
			Path status = self.resolve("status");
			ENDED_VOLUNTARY.addAndGet(field(status, "voluntary_ctxt_switches"));
			ENDED_INVOLUNTARY.addAndGet(field(status, "nonvoluntary_ctxt_switches"));
			ENDED_CPU.addAndGet(cpu(self));
		});
	}

	private static final class Meter {
		private final long wall;
		private long cpu = ENDED_CPU.get();
		private long voluntary = ENDED_VOLUNTARY.get();
		private long involuntary = ENDED_INVOLUNTARY.get();

		/* To read what other threads have used takes a while, which is spent before this thread is
		   read at the beginning, and after it at the end. */
		private Meter(boolean begins) {
			long now = System.nanoTime();
			try {
				Path self = Path.of("/proc/thread-self").toRealPath();
				if (!begins)
					read(self);
				try (DirectoryStream<Path> all = Files.newDirectoryStream(self.getParent())) {
					for (Path thread : all) {
						if (!thread.equals(self))
							read(thread);
					}
				}
				if (begins)
					read(self);
			} catch (IOException e) {
				throw new UncheckedIOException(e);
			}
			wall = begins ? System.nanoTime() : now;
		}

		private void read(Path thread) {
			Path status = thread.resolve("status");
			voluntary += field(status, "voluntary_ctxt_switches");
			involuntary += field(status, "nonvoluntary_ctxt_switches");
			cpu += Peer.cpu(thread);
		}
	}

	private static void report(boolean measured, Meter before, Meter after) {
		if (!measured)
			return;
		System.out.println("wall_ns " + (after.wall - before.wall));
		System.out.println("cpu_ns " + (after.cpu - before.cpu));
		System.out.println("voluntary " + Math.max(0, after.voluntary - before.voluntary));
		System.out.println("involuntary " + Math.max(0, after.involuntary - before.involuntary));
	}

	private static void reportLatencies(boolean measured, long[] latencies, int from) {
		if (!measured)
			return;
		StringBuilder line = new StringBuilder("latency_ns");
		for (int i = from; i < latencies.length; i++)
			line.append(' ').append(latencies[i]);
		System.out.println(line);
	}

	/* The bytes of the heap in use.  What the process has touched says little: the heap grows and
	   shrinks by more than the jobs take. */
	private static double memory() {
		Runtime runtime = Runtime.getRuntime();
		System.gc();
		return runtime.totalMemory() - runtime.freeMemory();
	}

	private ThreadPoolExecutor open(int jobs) {
		int room = pendingLimit > 0 ? pendingLimit : array ? jobs : Integer.MAX_VALUE;
		BlockingQueue<Runnable> queue =
			array ? new ArrayBlockingQueue<>(room) : new LinkedBlockingQueue<>(room);
		return new ThreadPoolExecutor(workers, workers, 0, TimeUnit.SECONDS, queue, Peer::thread,
			(job, pool) -> {
				try {
					queue.put(job);
				} catch (InterruptedException e) {
					throw new RejectedExecutionException(e);
				}
			});
	}

	private static void finish(ThreadPoolExecutor pool) throws InterruptedException {
		pool.shutdown();
		pool.awaitTermination(1, TimeUnit.DAYS);
	}

	/* Has each producer call its part with its share of the jobs. */
	private void produce(int jobs, IntConsumer part) throws InterruptedException {
		List<Thread> threads = new ArrayList<>();
		for (int i = 0; i < producers; i++) {
			int share = jobs / producers + (i < jobs % producers ? 1 : 0);
			threads.add(thread(() -> part.accept(share)));
		}
		for (Thread thread : threads)
			thread.start();
		for (Thread thread : threads)
			thread.join();
	}

	private void forget(int jobs, Runnable job, boolean measured) throws InterruptedException {
		ThreadPoolExecutor pool = open(jobs);
		Meter before = new Meter(true);
		produce(jobs, share -> {
			for (int i = 0; i < share; i++)
				pool.execute(job);
		});
		finish(pool);
		report(measured, before, new Meter(false));
	}

	private static volatile long sink;

	private static void compute(long rounds) {
		long x = rounds;
		for (long i = 0; i < rounds; i++)
			x = x * 6364136223846793005L + 1442695040888963407L;
		sink = x;
	}

	/* How many rounds take so long; what is not the fastest trial was interrupted, or not yet
	   compiled. */
	private static long roundsFor(long ns) {
		final long trialRounds = 20000;
		long best = Long.MAX_VALUE;
		for (int i = 0; i < 500; i++) {
			long start = System.nanoTime();
			compute(trialRounds);
			best = Math.min(best, System.nanoTime() - start);
		}
		return Math.round((double) ns * trialRounds / best);
	}

	private void jobs(int jobs, boolean measured) throws InterruptedException {
		long rounds = time > 0 ? roundsFor(time) : 0;
		forget(jobs, time > 0 ? () -> compute(rounds) : NOTHING, measured);
	}

	private void sleep(int jobs, boolean measured) throws InterruptedException {
		forget(jobs, () -> LockSupport.parkNanos(time), measured);
	}

	private static void await(Future<?> job) {
		try {
			job.get();
		} catch (InterruptedException | ExecutionException e) {
			throw new IllegalStateException(e);
		}
	}

	private void handles(int jobs, boolean measured) throws InterruptedException {
		ThreadPoolExecutor pool = open(jobs);
		Meter before = new Meter(true);
		produce(jobs, share -> {
			Future<?>[] futures = new Future<?>[BATCH];
			for (int left = share, batch; left > 0; left -= batch) {
				batch = Math.min(left, BATCH);
				for (int i = 0; i < batch; i++)
					futures[i] = pool.submit(NOTHING);
				for (int i = 0; i < batch; i++)
					await(futures[i]);
			}
		});
		finish(pool);
		report(measured, before, new Meter(false));
	}

	private static void sleepUntil(long ns) {
		for (long left = ns - System.nanoTime(); left > 0; left = ns - System.nanoTime())
			LockSupport.parkNanos(left);
	}

	private void roundtrip(int jobs, boolean measured) throws InterruptedException {
		ThreadPoolExecutor pool = open(jobs + 1);
		long[] latencies = new long[jobs];
		await(pool.submit(NOTHING));
		Meter before = new Meter(true);
		for (int i = 0; i < jobs; i++) {
			if (measured && time > 0)
				sleepUntil(System.nanoTime() + time);
			long start = System.nanoTime();
			await(pool.submit(NOTHING));
			latencies[i] = System.nanoTime() - start;
		}
		Meter after = new Meter(false);
		finish(pool);
		report(measured, before, after);
		reportLatencies(measured, latencies, 0);
	}

	private void start(int jobs, boolean measured) throws InterruptedException {
		ThreadPoolExecutor pool = open(jobs + 1);
		long[] latencies = new long[jobs + 1];
		Meter before = new Meter(true);
		for (int i = 0; i <= jobs; i++) {
			int number = i;
			if (measured)
				sleepUntil(before.wall + i * time);
			long spawned = System.nanoTime();
			pool.execute(() -> latencies[number] = System.nanoTime() - spawned);
		}
		finish(pool);
		report(measured, before, new Meter(false));
		reportLatencies(measured, latencies, 1);
	}

	/* Has each worker stand still until the gate is opened or the worker interrupted. */
	private void occupy(ThreadPoolExecutor pool, Semaphore gate) {
		Semaphore standing = new Semaphore(0);
		for (int i = 0; i < workers; i++)
			pool.execute(() -> stand(standing, gate));
		standing.acquireUninterruptibly(workers);
	}

	private static void stand(Semaphore standing, Semaphore gate) {
		standing.release();
		try {
			gate.acquire();
		} catch (InterruptedException e) {
			/* That is the job's cancellation. */
		}
	}

	private void pending(int jobs, boolean measured) throws InterruptedException {
		if (!measured)
			return;
		ThreadPoolExecutor pool = open(jobs + workers);
		Semaphore gate = new Semaphore(0);
		AtomicLong ended = new AtomicLong();
		occupy(pool, gate);
		double before = memory();
		for (int i = 0; i < jobs; i++)
			pool.execute(ended::getAndIncrement);
		double full = memory();
		gate.release(workers);
		while (ended.get() < jobs)
			Thread.sleep(1);
		Thread.sleep(SETTLE_MS);
		double after = memory();
		finish(pool);
		System.out.println("bytes " + (full - before) / jobs);
		if (full > before)
			System.out.println("returned " + (full - after) / (full - before));
	}

	private void close(int jobs, boolean measured) throws InterruptedException {
		ThreadPoolExecutor pool = open(jobs + workers);
		occupy(pool, new Semaphore(0));
		for (int i = 0; i < jobs; i++)
			pool.execute(NOTHING);
		Meter before = new Meter(true);
		pool.shutdownNow();
		pool.awaitTermination(1, TimeUnit.DAYS);
		report(measured, before, new Meter(false));
	}

	/* A cancelled Future does not wait for its job, so the job says that it has ended. */
	private void cancel(int jobs, boolean measured) throws InterruptedException {
		ThreadPoolExecutor pool = open(jobs);
		Semaphore standing = new Semaphore(0), ended = new Semaphore(0), gate = new Semaphore(0);
		long[] latencies = new long[jobs];
		Meter before = new Meter(true);
		for (int i = 0; i < jobs; i++) {
			Future<?> job = pool.submit(() -> {
				stand(standing, gate);
				ended.release();
			});
			standing.acquire();
			long start = System.nanoTime();
			job.cancel(true);
			ended.acquire();
			latencies[i] = System.nanoTime() - start;
		}
		Meter after = new Meter(false);
		finish(pool);
		report(measured, before, after);
		reportLatencies(measured, latencies, 0);
	}

	private void idle(int jobs, boolean measured) throws InterruptedException {
		if (!measured)
			return;
		ThreadPoolExecutor pool = open(workers);
		Semaphore gate = new Semaphore(0);
		occupy(pool, gate);
		gate.release(workers);
		for (int i = 0; i < METER_WARM_UP; i++)
			new Meter(true);
		Thread.sleep(SETTLE_MS);
		Meter before = new Meter(true);
		Thread.sleep(time / 1000000);
		Meter after = new Meter(false);
		finish(pool);
		report(true, before, after);
	}

	private Job workload(String name) {
		switch (name) {
		case "jobs": return this::jobs;
		case "sleep": return this::sleep;
		case "handles": return this::handles;
		case "roundtrip": return this::roundtrip;
		case "start": return this::start;
		case "memory": return this::pending;
		case "close": return this::close;
		case "cancel": return this::cancel;
		case "idle": return this::idle;
		default: return null;
		}
	}

	public static void main(String[] args) throws Exception {
		if (args.length != 7)
			throw new IllegalArgumentException(
				"wanted: PEER WORKLOAD JOBS WORKERS PRODUCERS TIME PENDING_LIMIT");
		int jobs = Integer.parseInt(args[2]);
		Peer peer = new Peer(args[0].equals("java-array"), Integer.parseInt(args[3]),
			Integer.parseInt(args[4]), Long.parseLong(args[5]), Integer.parseInt(args[6]));
		Job workload = peer.workload(args[1]);
		if (workload == null)
			System.exit(EXIT_CANNOT);
		System.out.println("version " + Runtime.version());
		workload.run(Math.min(jobs, WARM_UP_MOST), false);
		workload.run(jobs, true);
	}
}
