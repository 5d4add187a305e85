// Compress FROM TO: compresses the files of the folder FROM into the folder TO.  The jobs are the
// address of a C function; each is a CompletableFuture.
//
// SPDX-License-Identifier: Apache-2.0

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

public final class Compress {
	private static final Function COMPRESS_FILE =
		NativeLibrary.getInstance("libcompress.so").getFunction("compress_file");

	private static Scheduler.Job<Long> compress(Scheduler scheduler, Path path, Path folder) {
		byte[] paths = (path + "\0" + folder.resolve(path.getFileName()) + ".gz\0").getBytes();
		Memory argument = new Memory(paths.length);
		argument.write(0, paths, 0, paths.length);
		return scheduler.spawn(COMPRESS_FILE, argument);
	}

	private static List<Path> list(Path folder) throws IOException {
		try (Stream<Path> paths = Files.list(folder)) {
			return paths.toList();
		}
	}

	public static void main(String[] args) throws IOException {
		Path from = Path.of(args[0]);
		Path to = Path.of(args[1]);
		Scheduler scheduler = new Scheduler(4);

		try (scheduler) {
			Scheduler.Job<Long> endless = compress(scheduler, Path.of("/dev/zero"), to);
			Scheduler.Job<Long> missing = compress(scheduler, from.resolve("missing"), to);
			List<Scheduler.Job<Long>> files = new ArrayList<>();
			for (Path path : list(from))
				files.add(compress(scheduler, path, to));

			List<Scheduler.Job<Long>> jobs = new ArrayList<>(files);
			jobs.add(endless);
			jobs.add(missing);
			AtomicInteger done = new AtomicInteger();
			CompletableFuture<?>[] shown = jobs.stream().map(job -> job.handle((size, failure) -> {
				int n = done.incrementAndGet();
				System.err.printf("\r%d of %d", n, jobs.size());
				if (n > files.size() / 2)
					endless.cancel(true);
				return n;
			})).toArray(CompletableFuture[]::new);
			CompletableFuture.allOf(shown).join();
			System.err.println();

			long bytes = 0;
			for (Scheduler.Job<Long> file : files)
				bytes += file.join();
			System.out.printf("compressed %d files, %d bytes%n", files.size(), bytes);
			try {
				missing.join();
			} catch (CompletionException e) {
				System.out.println("failed: " + e.getCause().getMessage());
			}
			try {
				endless.join();
			} catch (CancellationException e) {
				System.out.println("cancelled: /dev/zero");
			}
		}

		try {
			compress(scheduler, from.resolve("late"), to);
		} catch (RejectedExecutionException e) {
			System.out.println("after the close: " + e.getMessage());
		}
	}
}
