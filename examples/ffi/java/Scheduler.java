// ptjobs for Java, with JNA: C functions and Callables as jobs, and futures of their results.
//
//	try (Scheduler scheduler = new Scheduler(4)) {
//		Job<Long> size = scheduler.spawn(library.getFunction("do_it"), argument);
//		Job<String> answer = scheduler.submit(() -> "of a Callable");
//		System.out.println(size.get() + answer.get());
//	}
//
// Which way to give a job: spawn(), the address of a C function, which runs beside the virtual
// machine.  submit() is for Java that mixes with it; the way from C into Java and back costs more
// than most calls, though the scheduler's threads stay attached to the machine once they have run
// Java.  One C callback serves all Callables, so that none can be collected while its job runs.
//
// Jobs are in cooperative mode, since a cancelled thread takes the virtual machine with it.  A
// Callable is interrupted.
//
// SPDX-License-Identifier: Apache-2.0

import com.sun.jna.Callback;
import com.sun.jna.CallbackThreadInitializer;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import java.lang.ref.Cleaner;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;

public final class Scheduler implements AutoCloseable {
	/** The part of ptjobs.h that is used here. */
	private static final class C {
		static final long INFINITE = -1;
		static final int EFAILED = -1;
		static final int CANCEL_COOPERATIVE = 2;
		static final int ECANCELED = 125;

		static {
			Native.register("libptjobs.so.0");
		}

		interface Function extends Callback {
			Pointer invoke(Pointer argument);
		}

		interface OnCancel extends Callback {
			void invoke(Pointer argument);
		}

		static native String ptj_strerror(int code);
		static native int ptj_attr_create(long[] out);
		static native int ptj_attr_set_limit(Pointer attr, NativeLong limit);
		static native int ptj_attr_set_cancel_mode(Pointer attr, int mode);
		static native void ptj_attr_free(Pointer attr);
		static native int ptj_scheduler_create(long[] out, Pointer attr);
		static native int ptj_scheduler_close(Pointer s);
		static native void ptj_scheduler_free(Pointer s);
		static native int ptj_completions_create(long[] out, int fd);
		static native int ptj_completions_take(Pointer c, Pointer jobs, NativeLong n, long timeout,
			Pointer taken);
		static native void ptj_completions_free(Pointer c);
		static native int ptj_job_attr_create(long[] out);
		static native int ptj_job_attr_set_completions(Pointer attr, Pointer c);
		static native int ptj_job_attr_set_explicit_result(Pointer attr, int on);
		static native void ptj_job_attr_free(Pointer attr);
		static native int ptj_spawn_attr(Pointer s, Pointer attr, Pointer function,
			Pointer argument, long timeout, long[] out);
		static native int ptj_spawn_attr(Pointer s, Pointer attr, Function function,
			Pointer argument, long timeout, long[] out);
		static native int ptj_job_poll(Pointer job, long timeout, long[] result);
		static native int ptj_job_close(Pointer job, long timeout);
		static native int ptj_job_error(Pointer job);
		static native String ptj_job_error_message(Pointer job);
		static native void ptj_job_unref(Pointer job);
		static native Pointer ptj_job_fail(int code, String message);
		static native int ptj_job_succeed(Pointer result);
		static native int ptj_job_on_cancel(OnCancel function, Pointer argument);
		static native int ptj_job_cancelled();
	}

	/** How a C function failed: an errno value, or PTJ_EFAILED. */
	public static final class JobException extends RuntimeException {
		private static final long serialVersionUID = 1;
		public final int code;

		JobException(int code, String message) {
			super(message == null ? C.ptj_strerror(code) : message);
			this.code = code;
		}
	}

	/** The future of a job's result.  It is done when the job has ended. */
	public static final class Job<T> extends CompletableFuture<T> {
		private final Object given; // a Callable, or the argument, which lives as long
		private final long number = NUMBERS.incrementAndGet();
		private Pointer handle; // guarded by this once it is spawned
		private volatile Thread thread;
		private T value;
		private Throwable cause;

		private Job(Object given) {
			this.given = given;
		}

		/** Begins to close the job, whose future is cancelled when it has ended by that. */
		@Override
		public synchronized boolean cancel(boolean mayInterruptIfRunning) {
			if (handle != null)
				C.ptj_job_close(handle, 0);
			return handle != null;
		}

		private void run() {
			try {
				@SuppressWarnings("unchecked")
				Callable<T> callable = (Callable<T>)given;
				value = callable.call();
				C.ptj_job_succeed(null);
			} catch (Throwable t) {
				boolean obeys = t instanceof InterruptedException && C.ptj_job_cancelled() == 1;
				cause = t;
				C.ptj_job_fail(obeys ? C.ECANCELED : C.EFAILED, t.toString());
			}
		}

		private void end() {
			long[] result = new long[1];
			int code = C.ptj_job_poll(handle, 0, result);
			Throwable failure = code == 0 ? null : failure(code);

			CALLS.remove(number);
			synchronized (this) {
				C.ptj_job_unref(handle);
				handle = null;
			}
			if (failure == null)
				complete(result(result[0]));
			else
				completeExceptionally(failure);
		}

		private Throwable failure(int code) {
			if (code == C.ECANCELED)
				return new CancellationException();
			if (cause != null)
				return cause;
			return new JobException(C.ptj_job_error(handle), C.ptj_job_error_message(handle));
		}

		@SuppressWarnings("unchecked")
		private T result(long number) {
			if (given instanceof Callable)
				return value;
			return (T)(Long)number;
		}
	}

	/** What is released when a scheduler is closed and nobody knows it any more. */
	private record Handles(Pointer scheduler, Pointer completions, Pointer attr, Pointer callAttr)
			implements Runnable {
		@Override
		public void run() {
			C.ptj_scheduler_free(scheduler);
			C.ptj_completions_free(completions);
			C.ptj_job_attr_free(attr);
			C.ptj_job_attr_free(callAttr);
		}
	}

	private static final Cleaner CLEANER = Cleaner.create();
	private static final AtomicLong NUMBERS = new AtomicLong();
	private static final Map<Long, Job<?>> CALLS = new ConcurrentHashMap<>();
	private static final C.Function RUN = Scheduler::run;
	private static final C.OnCancel INTERRUPT = number -> callOf(number).thread.interrupt();
	private static final Job<?> ENDED = new Job<>(null);
	private static final int BATCH = 64;

	static {
		// A daemon, so that the program can end, attached as long as the thread lives.
		Native.setCallbackThreadInitializer(RUN,
			new CallbackThreadInitializer(true, false, "ptjobs"));
	}

	private final Map<Pointer, Job<?>> jobs = new ConcurrentHashMap<>();
	private final Handles handles;
	private int live; // guarded by this; those spawned, less those taken
	private boolean closed; // guarded by this

	public Scheduler(int limit) {
		Pointer attr = create(C::ptj_attr_create);
		C.ptj_attr_set_limit(attr, new NativeLong(limit));
		C.ptj_attr_set_cancel_mode(attr, C.CANCEL_COOPERATIVE);
		handles = new Handles(create(out -> C.ptj_scheduler_create(out, attr)),
			create(out -> C.ptj_completions_create(out, -1)),
			create(C::ptj_job_attr_create), create(C::ptj_job_attr_create));
		C.ptj_attr_free(attr);
		C.ptj_job_attr_set_completions(handles.attr, handles.completions);
		C.ptj_job_attr_set_completions(handles.callAttr, handles.completions);
		C.ptj_job_attr_set_explicit_result(handles.callAttr, 1);
		CLEANER.register(this, handles);

		Thread taker = new Thread(this::take, "ptjobs completions");
		taker.setDaemon(true);
		taker.start();
	}

	/** Runs the C function, a void *(*)(void *), whose result is a number.  Blocks while the line
	    is full. */
	public Job<Long> spawn(Pointer function, Pointer argument) {
		return start(new Job<>(argument), out -> C.ptj_spawn_attr(handles.scheduler, handles.attr,
			function, argument, C.INFINITE, out));
	}

	/** Runs the callable, whose exception becomes the job's. */
	public <T> Job<T> submit(Callable<T> callable) {
		Job<T> job = new Job<>(callable);
		CALLS.put(job.number, job);
		return start(job, out -> C.ptj_spawn_attr(handles.scheduler, handles.callAttr, RUN,
			Pointer.createConstant(job.number), C.INFINITE, out));
	}

	/** Cancels all jobs and waits for them, but no longer than ptjobs' close timeout for those that
	    do not obey. */
	@Override
	public void close() {
		C.ptj_scheduler_close(handles.scheduler);
		synchronized (this) {
			closed = true;
			notify();
		}
	}

	private interface Maker {
		int make(long[] out);
	}

	private static Pointer create(Maker maker) {
		long[] out = new long[1];
		int code = maker.make(out);
		if (code != 0)
			throw new RejectedExecutionException(C.ptj_strerror(code));
		return new Pointer(out[0]);
	}

	private <T> Job<T> start(Job<T> job, Maker spawn) {
		try {
			job.handle = create(spawn);
		} catch (RejectedExecutionException e) {
			CALLS.remove(job.number);
			throw e;
		}
		synchronized (this) {
			live++;
			notify();
		}
		meet(job.handle, job);
		return job;
	}

	/** A job may have ended before its spawner knows its handle.  Each of the spawner, with the job,
	    and take(), with ENDED, leaves what it has; the second to come ends the job. */
	private void meet(Pointer handle, Job<?> job) {
		Job<?> other = jobs.putIfAbsent(handle, job);
		if (other == null)
			return;
		jobs.remove(handle);
		(job == ENDED ? other : job).end();
	}

	/** Takes the jobs that have ended, on a thread of its own, for Java polls no descriptor that is
	    not its own.  It blocks in C only while there is one to come. */
	private void take() {
		Memory ended = new Memory((long)BATCH * Native.POINTER_SIZE);
		Memory taken = new Memory(Native.SIZE_T_SIZE);

		while (isLive()) {
			C.ptj_completions_take(handles.completions, ended, new NativeLong(BATCH), C.INFINITE,
				taken);
			int n = taken.getNativeLong(0).intValue();
			for (int i = 0; i < n; i++) {
				Pointer handle = ended.getPointer((long)i * Native.POINTER_SIZE);
				meet(handle, ENDED);
				C.ptj_job_unref(handle);
			}
			synchronized (this) {
				live -= n;
			}
		}
	}

	private synchronized boolean isLive() {
		try {
			while (live <= 0 && !closed)
				wait();
		} catch (InterruptedException e) {
			Thread.currentThread().interrupt();
		}
		return live > 0;
	}

	private static Job<?> callOf(Pointer number) {
		return CALLS.get(Pointer.nativeValue(number));
	}

	/** What C calls for each Callable. */
	private static Pointer run(Pointer number) {
		Job<?> job = callOf(number);
		job.thread = Thread.currentThread();
		C.ptj_job_on_cancel(INTERRUPT, number);
		job.run();
		C.ptj_job_on_cancel(null, null);
		Thread.interrupted(); // The next job's is another.
		return null;
	}
}
