// ptjobs from Java: what the binding in examples/ffi/java stands.
//
// SPDX-License-Identifier: Apache-2.0

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.management.OperatingSystemMXBean;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

final class TestJava {
	private static final NativeLibrary JOBS = NativeLibrary.getInstance("libjobs.so");
	private static final NativeLibrary LIBC = NativeLibrary.getInstance("libc.so.6");
	private static final Function GIVE = JOBS.getFunction("job_give");

	private interface Test {
		void run() throws Exception;
	}

	private static void check(boolean so, String format, Object... arguments) {
		if (!so)
			throw new AssertionError(String.format(format, arguments));
	}

	private static <E extends Exception> E thrown(Class<E> type, Test test) {
		try {
			test.run();
		} catch (Exception e) {
			check(type.isInstance(e), "%s, not %s", e, type);
			return type.cast(e);
		}
		throw new AssertionError("no " + type);
	}

	/** Where a job of C waits until it is let through, or closed. */
	private static final class Gate {
		private final Memory byteRead = new Memory(1);
		private final int ours;
		private final Pointer theirs;

		Gate() {
			int[] fds = new int[2];
			int rc = LIBC.getFunction("socketpair").invokeInt(new Object[] {1, 1, 0, fds});
			check(rc == 0, "socketpair");
			ours = fds[0];
			theirs = Pointer.createConstant(fds[1]);
		}

		Scheduler.Job<Long> spawn(Scheduler s, String function) {
			return s.spawn(JOBS.getFunction(function), theirs);
		}

		void waitForJob() {
			check(LIBC.getFunction("read").invokeInt(new Object[] {ours, byteRead, 1L}) == 1, "read");
		}

		void open() {
			byteRead.setByte(0, (byte)7);
			check(LIBC.getFunction("write").invokeInt(new Object[] {ours, byteRead, 1L}) == 1,
				"write");
		}
	}

	private static Memory text(String text) {
		Memory memory = new Memory(text.length() + 1);
		memory.setString(0, text);
		return memory;
	}

	private static void thousandsOfFunctions() {
		try (Scheduler s = new Scheduler(4)) {
			List<Scheduler.Job<Long>> jobs = new ArrayList<>();
			for (long n = 0; n < 20000; n++)
				jobs.add(s.spawn(GIVE, Pointer.createConstant(n)));
			for (int n = 0; n < 20000; n++)
				check(jobs.get(n).join() == n, "job %d: %d", n, jobs.get(n).join());
		}
	}

	/** With a collection every now and then, in a job and beside it. */
	private static void thousandsOfCallables() {
		try (Scheduler s = new Scheduler(4)) {
			List<Scheduler.Job<Integer>> jobs = new ArrayList<>();
			for (int n = 0; n < 5000; n++) {
				int value = n;
				jobs.add(s.submit(() -> {
					if (value % 500 == 0)
						System.gc();
					return 2 * value;
				}));
			}
			System.gc();
			for (int n = 0; n < 5000; n++)
				check(jobs.get(n).join() == 2 * n, "job %d: %d", n, jobs.get(n).join());
		}
	}

	private static void argumentsLive() {
		try (Scheduler s = new Scheduler(1)) {
			Gate gate = new Gate();
			gate.spawn(s, "job_gate");
			List<Scheduler.Job<Long>> sums = new ArrayList<>();
			for (int n = 0; n < 1000; n++)
				sums.add(s.spawn(JOBS.getFunction("job_sum"), text("\1".repeat(n))));
			System.gc();
			for (int n = 0; n < 1000; n++)
				text("\2".repeat(n));
			gate.open();
			for (int n = 0; n < 1000; n++)
				check(sums.get(n).join() == n, "job %d: %d", n, sums.get(n).join());
		}
	}

	private static void exceptionsAreFailures() {
		try (Scheduler s = new Scheduler(4)) {
			Throwable cause = thrown(CompletionException.class,
				() -> s.spawn(JOBS.getFunction("job_fail"), text("disk on fire")).join()).getCause();
			check(cause instanceof Scheduler.JobException e && e.code == 5
				&& e.getMessage().equals("disk on fire"), "a C function's: %s", cause);

			Exception thrown = new IOException("broken");
			cause = thrown(ExecutionException.class, () -> s.submit(() -> {
				throw thrown;
			}).get()).getCause();
			check(cause == thrown, "a Callable's: %s", cause);

			cause = thrown(ExecutionException.class, () -> s.submit(() -> deep(0)).get()).getCause();
			check(cause instanceof StackOverflowError, "a deep one's: %s", cause);
			check(s.submit(() -> 5).join() == 5, "another job");
		}
	}

	private static int deep(int n) {
		return deep(n + 1) + 1;
	}

	private static void cancelEndsJobs() {
		try (Scheduler s = new Scheduler(2)) {
			Gate gate = new Gate();
			CountDownLatch started = new CountDownLatch(1);
			Scheduler.Job<Long> inC = gate.spawn(s, "job_obey");
			Scheduler.Job<Integer> inJava = s.submit(() -> sleep(started));
			Scheduler.Job<Integer> pending = s.submit(() -> sleep(started));
			gate.waitForJob();
			thrown(CancellationException.class, () -> {
				pending.cancel(true);
				pending.join();
			});
			started.await();
			for (Scheduler.Job<?> job : List.of(inC, inJava)) {
				check(job.cancel(true), "cancel");
				thrown(CancellationException.class, job::join);
				check(job.isCancelled() && !job.cancel(true), "cancelled");
			}
			// The thread that was interrupted has forgotten it.
			for (int n = 0; n < 4; n++)
				check(s.submit(() -> !Thread.currentThread().isInterrupted()).join(), "interrupted");
		} catch (InterruptedException e) {
			throw new AssertionError(e);
		}
	}

	private static int sleep(CountDownLatch started) throws InterruptedException {
		started.countDown();
		Thread.sleep(Long.MAX_VALUE);
		return 0;
	}

	private static void closeLeavesJobs() throws InterruptedException {
		Gate gate = new Gate();
		CountDownLatch started = new CountDownLatch(2);
		CountDownLatch opened = new CountDownLatch(1);
		Scheduler s = new Scheduler(4);
		Scheduler.Job<Long> stubbornC = gate.spawn(s, "job_gate");
		Scheduler.Job<Integer> stubbornJava = s.submit(() -> {
			started.countDown();
			while (opened.getCount() > 0)
				Thread.onSpinWait();
			return 7;
		});
		Scheduler.Job<Integer> obedient = s.submit(() -> sleep(started));
		gate.waitForJob();
		started.await();
		s.close();
		thrown(CancellationException.class, obedient::join);
		check(!stubbornC.isDone() && !stubbornJava.isDone(), "done, though it cannot be");
		String message = thrown(RejectedExecutionException.class, () -> s.submit(() -> 0)).getMessage();
		check(message.equals("Cannot send after transport endpoint shutdown"), "%s", message);
		gate.open();
		opened.countDown();
		check(stubbornC.join() == 7 && stubbornJava.join() == 7, "results");
	}

	private static void manyThreadsAtOnce() throws InterruptedException {
		AtomicLong sum = new AtomicLong();
		List<Thread> threads = new ArrayList<>();
		try (Scheduler s = new Scheduler(2)) {
			for (int t = 0; t < 8; t++)
				threads.add(new Thread(() -> {
					for (long n = 0; n < 1000; n++) {
						long value = n;
						sum.addAndGet(s.spawn(GIVE, Pointer.createConstant(n)).join());
						sum.addAndGet(s.submit(() -> value).join());
					}
				}));
			threads.forEach(Thread::start);
			for (Thread thread : threads)
				thread.join();
		}
		check(sum.get() == 2 * 8 * 999 * 500, "%d", sum.get());
	}

	/** The collector frees schedulers that are closed and forgotten, with their descriptors. */
	private static void schedulersAreFreed() throws InterruptedException {
		int before = descriptors();
		for (int n = 0; n < 50; n++)
			try (Scheduler s = new Scheduler(1)) {
				s.submit(() -> 1).join();
			}
		for (int n = 0; descriptors() > before; n++) {
			check(n < 1000, "%d descriptors more", descriptors() - before);
			System.gc();
			Thread.sleep(10);
		}
	}

	private static int descriptors() {
		return new File("/proc/self/fd").list().length;
	}

	/** Ends the program in the way called so while jobs run that do not obey. */
	private static void end(String way) throws InterruptedException {
		Gate gate = new Gate();
		CountDownLatch started = new CountDownLatch(1);
		Scheduler s = new Scheduler(4);
		gate.spawn(s, "job_gate");
		s.submit(() -> {
			started.countDown();
			while (true)
				Thread.onSpinWait();
		});
		gate.waitForJob();
		started.await();
		switch (way) {
			case "exit" -> System.exit(3);
			case "throw" -> throw new IllegalStateException("with jobs");
			case "close" -> s.close();
			default -> { }
		}
	}

	private static void programEnds(String way, int status) throws Exception {
		Process program = new ProcessBuilder(System.getProperty("java.home") + "/bin/java", "-cp",
			System.getProperty("java.class.path"), "TestJava", way)
			.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
		check(program.waitFor(60, TimeUnit.SECONDS), "%s: it does not end", way);
		check(program.exitValue() == status, "%s: status %d", way, program.exitValue());
	}

	/** Prints what n jobs take. */
	private static void measure(String name, int n, IntConsumer jobs) {
		OperatingSystemMXBean process =
			(OperatingSystemMXBean)ManagementFactory.getOperatingSystemMXBean();
		long cpu = process.getProcessCpuTime();
		long start = System.nanoTime();
		jobs.accept(n);
		double wall = 1e-9 * (System.nanoTime() - start);
		cpu = process.getProcessCpuTime() - cpu;
		System.out.printf("%-40s %9.0f jobs/s %8.2f us of CPU each%n", name, n / wall,
			1e-3 * cpu / n);
	}

	private static void all(int n, Supplier<CompletableFuture<?>> spawn) {
		CompletableFuture<?>[] jobs = new CompletableFuture<?>[n];
		for (int i = 0; i < n; i++)
			jobs[i] = spawn.get();
		CompletableFuture.allOf(jobs).join();
	}

	private static void figures() {
		ExecutorService executor = Executors.newFixedThreadPool(4);
		// Twice: the virtual machine compiles first.
		for (int i = 0; i < 2; i++)
			try (Scheduler s = new Scheduler(4)) {
				measure("Java: C functions", 100000, n -> all(n, () -> s.spawn(GIVE, Pointer.NULL)));
				measure("Java: Callables", 50000, n -> all(n, () -> s.submit(() -> 5)));
				measure("Java: newFixedThreadPool(4)", 100000, n -> all(n,
					() -> CompletableFuture.supplyAsync(() -> 5, executor)));
				measure("Java: newFixedThreadPool(4), JNA calls", 100000, n -> all(n,
					() -> CompletableFuture.supplyAsync(
						() -> GIVE.invokePointer(new Object[] {Pointer.NULL}), executor)));
			}
		executor.shutdown();
	}

	public static void main(String[] args) throws Exception {
		if (args.length > 0 && args[0].equals("figures")) {
			figures();
			return;
		}
		if (args.length > 0) {
			end(args[0]);
			return;
		}
		thousandsOfFunctions();
		thousandsOfCallables();
		argumentsLive();
		exceptionsAreFailures();
		cancelEndsJobs();
		closeLeavesJobs();
		manyThreadsAtOnce();
		schedulersAreFreed();
		programEnds("exit", 3);
		programEnds("throw", 1);
		programEnds("close", 0);
		programEnds("return", 0);
	}
}
