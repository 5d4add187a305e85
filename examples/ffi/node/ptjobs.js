// ptjobs for Node, with koffi: C functions as jobs, and promises of their results.
//
//	const scheduler = new Scheduler({ limit: 4 });
//	const size = await scheduler.spawn('libfoo.so.1', 'do_it', Buffer.from('argument\0'));
//	await scheduler.close();
//
// Which way to give a job: the names of a C function and of its library.  Its thread is one of the
// scheduler's, beside JavaScript and beside the four threads that Node has for all its files and
// compression.  A closure is no way: JavaScript runs on the thread of the event loop alone, so that
// the job would only wait for it.
//
// A pipe tells the event loop of jobs that have ended, since Node refuses an eventfd.
//
// SPDX-License-Identifier: Apache-2.0

'use strict';

const fs = require('node:fs');
const koffi = require('koffi');
const net = require('node:net');
const util = require('node:util');

const O_CLOEXEC = 0o2000000; // Not among Node's constants.
const CANCEL_COOPERATIVE = 2;
const EFAILED = -1;
const BATCH = 64;

const pipe2 = koffi.load(null).func('int pipe2(int *fds, int flags)');

// What C fills in is a typed array, and a handle a BigInt.
const library = koffi.load('libptjobs.so.0');
const ptj = {};
for (const declaration of [
	'const char *ptj_strerror(int code)',
	'int ptj_attr_create(void *out)',
	'int ptj_attr_set_limit(void *attr, size_t limit)',
	'int ptj_attr_set_pending_limit(void *attr, size_t limit)',
	'int ptj_attr_set_cancel_mode(void *attr, int mode)',
	'void ptj_attr_free(void *attr)',
	'int ptj_scheduler_create(void *out, void *attr)',
	'int ptj_scheduler_close(void *s)',
	'void ptj_scheduler_free(void *s)',
	'int ptj_completions_create(void *out, int fd)',
	'int ptj_completions_take(void *c, void *jobs, size_t n, int64_t timeout, void *taken)',
	'void ptj_completions_free(void *c)',
	'int ptj_job_attr_create(void *out)',
	'int ptj_job_attr_set_completions(void *attr, void *c)',
	'void ptj_job_attr_free(void *attr)',
	'int ptj_spawn_symbol(void *s, void *attr, str library, str symbol, void *arg, int64_t timeout,' +
		' void *out)',
	'int ptj_job_poll(void *job, int64_t timeout, void *out)',
	'int ptj_job_close(void *job, int64_t timeout)',
	'int ptj_job_error(void *job)',
	'const char *ptj_job_error_message(void *job)',
	'void ptj_job_unref(void *job)',
]) {
	const name = declaration.match(/ptj_(\w+)/)[1];
	ptj[name] = library.func(declaration);
}

// A call or a job failed: errno is a number, as C has it, and code its name.
class PtjobsError extends Error {
	constructor(errno, message = ptj.strerror(errno)) {
		super(message);
		this.name = 'PtjobsError';
		this.errno = errno;
		this.code = errno > 0 ? util.getSystemErrorName(-errno) : 'PTJ_EFAILED';
	}
}

function check(errno) {
	if (errno !== 0)
		throw new PtjobsError(errno);
}

function create(make, ...args) {
	const out = new BigUint64Array(1);
	check(make(out, ...args));
	return out[0];
}

// A Scheduler that is closed and that nobody knows any more.
const unknown = new FinalizationRegistry(({ scheduler, attr, completions, writeEnd }) => {
	ptj.scheduler_free(scheduler);
	ptj.completions_free(completions);
	ptj.job_attr_free(attr);
	fs.closeSync(writeEnd);
});

class Scheduler {
	#handles;
	#socket;
	#jobs = new Map(); // those that have not been taken, by their handles
	#closed = false;

	constructor({ limit = 100, pendingLimit = 10000 } = {}) {
		const fds = new Int32Array(2);
		if (pipe2(fds, fs.constants.O_NONBLOCK | O_CLOEXEC) !== 0)
			throw new Error('pipe2() failed');
		const settings = create(ptj.attr_create);
		ptj.attr_set_limit(settings, limit);
		ptj.attr_set_pending_limit(settings, pendingLimit);
		ptj.attr_set_cancel_mode(settings, CANCEL_COOPERATIVE);
		const scheduler = create(ptj.scheduler_create, settings);
		ptj.attr_free(settings);
		const completions = create(ptj.completions_create, fds[1]);
		const attr = create(ptj.job_attr_create);
		check(ptj.job_attr_set_completions(attr, completions));

		this.#handles = { scheduler, attr, completions, writeEnd: fds[1] };
		unknown.register(this, this.#handles);
		this.#socket = new net.Socket({ fd: fds[0], readable: true, writable: false });
		this.#socket.on('data', () => this.#take());
		this.#socket.unref();
	}

	// Runs a C function, void *(*)(void *), and resolves to what it returns, as a number.  argument
	// is a Buffer or a typed array, which lives until the job has ended.  signal cancels the job,
	// whose promise is rejected with its reason then.  Does not wait: with pendingLimit jobs in line
	// it is rejected with EAGAIN.
	spawn(libraryName, symbol, argument = null, { signal } = {}) {
		return new Promise((resolve, reject) => {
			signal?.throwIfAborted();
			const handle = create(this.#spawnSymbol, libraryName, symbol, argument);
			const abort = () => ptj.job_close(handle, 0);
			signal?.addEventListener('abort', abort, { once: true });
			this.#jobs.set(handle, { resolve, reject, argument, signal, abort });
			if (!this.#closed)
				this.#socket.ref();
		});
	}

	#spawnSymbol = (out, ...job) =>
		ptj.spawn_symbol(this.#handles.scheduler, this.#handles.attr, ...job, 0, out);

	// Cancels all jobs; resolves when they have ended, but for those that do not obey, after a
	// moment.  The event loop does not wait for these.
	async close() {
		check(await util.promisify(ptj.scheduler_close.async)(this.#handles.scheduler));
		this.#closed = true;
		this.#socket.unref();
		this.#take();
	}

	#take() {
		const jobs = new BigUint64Array(BATCH);
		const taken = new BigUint64Array(1);
		while (ptj.completions_take(this.#handles.completions, jobs, BATCH, 0, taken) === 0)
			for (const handle of jobs.subarray(0, Number(taken[0])))
				this.#end(handle);
		if (this.#jobs.size > 0)
			return;
		this.#socket.unref();
		if (this.#closed)
			this.#socket.destroy();
	}

	#end(handle) {
		const { resolve, reject, signal, abort } = this.#jobs.get(handle);
		const result = new BigUint64Array(1);
		const errno = ptj.job_poll(handle, 0, result);
		this.#jobs.delete(handle);
		signal?.removeEventListener('abort', abort);
		if (errno === 0)
			resolve(Number(result[0]));
		else if (errno === EFAILED)
			reject(new PtjobsError(ptj.job_error(handle),
				ptj.job_error_message(handle) ?? undefined));
		else
			reject(signal?.aborted ? signal.reason : new PtjobsError(errno));
		ptj.job_unref(handle); // The queue's reference,
		ptj.job_unref(handle); // and spawn()'s.
	}
}

module.exports = { PtjobsError, Scheduler };
