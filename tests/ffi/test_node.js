// ptjobs from Node: what the binding in examples/ffi/node stands.  For node --expose-gc.
//
// SPDX-License-Identifier: Apache-2.0

'use strict';

const assert = require('node:assert');
const childProcess = require('node:child_process');
const fs = require('node:fs');
const koffi = require('koffi');
const os = require('node:os');
const test = require('node:test');
const util = require('node:util');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const zlib = require('node:zlib');
const { Scheduler } = require('../../examples/ffi/node/ptjobs.js');

const JOBS = 'libjobs.so';
const socketpair = koffi.load(null).func(
	'int socketpair(int domain, int type, int protocol, int *fds)');

// Where a job of C waits until it is let through, or closed.
class Gate {
	constructor() {
		const fds = new Int32Array(2);
		assert.strictEqual(socketpair(1 /* AF_UNIX */, 1 /* SOCK_STREAM */, 0, fds), 0);
		[this.ours, this.theirs] = fds;
	}

	pass(scheduler, options) {
		return scheduler.spawn(JOBS, 'job_gate', BigInt(this.theirs), options);
	}

	obey(scheduler, options) {
		return scheduler.spawn(JOBS, 'job_obey', BigInt(this.theirs), options);
	}

	waitForJob() {
		assert.strictEqual(fs.readSync(this.ours, Buffer.alloc(1)), 1);
	}

	open() {
		fs.writeSync(this.ours, Buffer.from([7]));
	}
}

const give = (scheduler, value) => scheduler.spawn(JOBS, 'job_give', BigInt(value));

async function giveMany(scheduler, count) {
	const values = Array.from({ length: count }, (_, i) => i);
	assert.deepStrictEqual(await Promise.all(values.map((i) => give(scheduler, i))), values);
}

async function manyInAWorker() {
	const scheduler = new Scheduler({ limit: 2 });
	for (let i = 0; i < 10; i++)
		await giveMany(scheduler, 500);
	await scheduler.close();
	parentPort.postMessage('done');
}

// Ends the program in the way called so while jobs run.
async function end(way) {
	const scheduler = new Scheduler();
	const gate = new Gate();
	const job = gate.pass(scheduler);
	gate.obey(scheduler).catch(() => {});
	gate.waitForJob();
	gate.waitForJob();
	if (way === 'exit')
		process.exit(3);
	if (way === 'throw')
		throw new Error('with jobs');
	// The job that does not obey has not ended; the program does not wait for it.
	await scheduler.close();
	job.then(() => process.exit(1));
}

function testAll() {
	test('thousands of jobs', async () => {
		const scheduler = new Scheduler({ limit: 4, pendingLimit: 0 });
		await giveMany(scheduler, 20000);
		await scheduler.close();
	});

	test('a failure has its code and message', async () => {
		const scheduler = new Scheduler();
		await assert.rejects(scheduler.spawn(JOBS, 'job_fail', Buffer.from('disk öff\0')),
			{ name: 'PtjobsError', code: 'EIO', errno: 5, message: 'disk öff' });
		await assert.rejects(scheduler.spawn(JOBS, 'job_none'), { code: 'ENOSYS' });
		await assert.rejects(scheduler.spawn('libnone.so', 'job_none'),
			{ message: 'Can not access a needed shared library' });
		await scheduler.close();
		await assert.rejects(give(scheduler, 1), { code: 'ESHUTDOWN' });
	});

	test('a full line refuses jobs', async () => {
		const scheduler = new Scheduler({ limit: 1, pendingLimit: 1 });
		const gate = new Gate();
		const first = gate.pass(scheduler);
		const second = give(scheduler, 2);
		await assert.rejects(give(scheduler, 3), { code: 'EAGAIN' });
		gate.open();
		assert.deepStrictEqual(await Promise.all([first, second]), [7, 2]);
		await scheduler.close();
	});

	test('a signal cancels jobs', async () => {
		const scheduler = new Scheduler({ limit: 1 });
		const gate = new Gate();
		const abort = new AbortController();
		const obey = () => assert.rejects(gate.obey(scheduler, { signal: abort.signal }),
			{ message: 'enough' });
		const running = obey();
		const pending = obey();
		gate.waitForJob();
		abort.abort(new Error('enough'));
		await Promise.all([running, pending, obey()]);
		await assert.rejects(gate.obey(scheduler, { signal: AbortSignal.timeout(10) }),
			{ name: 'TimeoutError' });
		assert.strictEqual(await give(scheduler, 1), 1);
		await scheduler.close();
	});

	test('close leaves a job that does not obey', async () => {
		const scheduler = new Scheduler();
		const gate = new Gate();
		const stubborn = gate.pass(scheduler);
		const obedient = gate.obey(scheduler);
		gate.waitForJob();
		gate.waitForJob();
		await Promise.all([
			scheduler.close(), assert.rejects(obedient, { code: 'ECANCELED' }),
		]);
		gate.open();
		const timer = setTimeout(() => {}, 60000); // Keeps the event loop.
		assert.strictEqual(await stubborn, 7);
		clearTimeout(timer);
	});

	test('arguments live until their jobs have ended', async () => {
		const scheduler = new Scheduler({ limit: 1 });
		const gate = new Gate();
		const first = gate.pass(scheduler);
		const sums = [];
		for (let i = 1; i < 1000; i++) {
			// Of its own memory, which nobody else holds.
			const text = new Uint8Array(i + 1).fill(1, 0, i);
			sums.push(scheduler.spawn(JOBS, 'job_sum', text));
		}
		for (let i = 0; i < 10; i++) {
			gc();
			Array.from({ length: 1000 }, (_, j) => new Uint8Array(j).fill(9));
		}
		gate.open();
		await first;
		assert.deepStrictEqual(await Promise.all(sums), sums.map((_, i) => i + 1));
		await scheduler.close();
	});

	test('the event loop and its threads are free while jobs block', async () => {
		const scheduler = new Scheduler({ limit: 16 });
		const gate = new Gate();
		const jobs = Array.from({ length: 16 }, () => gate.pass(scheduler));
		for (let i = 0; i < 16; i++)
			gate.waitForJob();
		await fs.promises.readFile(__filename);
		await util.promisify(zlib.deflate)('text');
		await new Promise((resolve) => setTimeout(resolve, 10));
		for (let i = 0; i < 16; i++)
			gate.open();
		assert.deepStrictEqual(await Promise.all(jobs), jobs.map(() => 7));
		await scheduler.close();
	});

	test('many threads at once', async () => {
		await Promise.all(Array.from({ length: 4 }, () => new Promise((resolve, reject) => {
			const worker = new Worker(__filename);
			worker.once('message', resolve);
			worker.once('error', reject);
			worker.once('exit', () => reject(new Error('a worker ended without a word')));
		})));
	});

	test('schedulers that are closed and forgotten are freed', async () => {
		const descriptors = () => fs.readdirSync('/proc/self/fd').length;
		const before = descriptors();
		for (let i = 0; i < 50; i++) {
			const scheduler = new Scheduler();
			await give(scheduler, i);
			await scheduler.close();
		}
		for (let i = 0; descriptors() > before; i++) {
			assert(i < 6000, `${descriptors() - before} descriptors more`);
			gc();
			await new Promise((resolve) => setTimeout(resolve, 10));
		}
	});

	for (const [way, status] of [['exit', 3], ['throw', 1], ['close', 0]])
		test(`the program ends while jobs run: ${way}`, () => {
			const { status: got, signal, stderr } = childProcess.spawnSync(process.execPath,
				[__filename, way], { timeout: 60000, encoding: 'utf8' });
			assert.deepStrictEqual([got, signal], [status, null], stderr);
		});
}

// Prints what n jobs take.
async function measure(name, n, jobs) {
	const before = process.cpuUsage();
	const start = process.hrtime.bigint();
	await jobs(n);
	const wall = Number(process.hrtime.bigint() - start) / 1e9;
	const { user, system } = process.cpuUsage(before);
	console.log(`${name.padEnd(40)} ${(n / wall).toFixed(0).padStart(9)} jobs/s ` +
		`${((user + system) / n).toFixed(2).padStart(8)} us of CPU each`);
}

const all = (n, f) => Promise.all(Array.from({ length: n }, (_, i) => f(i)));

// Two hundred at a time, for koffi's .async takes no more than 256.
async function rounds(n, f) {
	for (let i = 0; i < n; i += 200)
		await all(200, f);
}

// How long fs.stat() takes while 64 calls of C block for 50 ms each.
async function starve(name, block) {
	const calls = all(64, block);
	const times = [];
	for (let i = 0; i < 20; i++) {
		const start = process.hrtime.bigint();
		await fs.promises.stat(__filename);
		times.push(Number(process.hrtime.bigint() - start) / 1e6);
	}
	await calls;
	console.log(`${name.padEnd(40)} fs.stat() takes ${Math.max(...times).toFixed(1)} ms at worst`);
}

// Compresses the files of a folder of its own.
async function compressFiles(name, scheduler) {
	const folder = fs.mkdtempSync(`${os.tmpdir()}/figures`);
	const text = Buffer.from(Array.from({ length: 9000 }, (_, i) => i).join('\n'));
	const n = 300;
	for (let i = 0; i < n; i++)
		fs.writeFileSync(`${folder}/${i}`, text);
	await measure(`${name} by libuv`, n, () => all(n, async (i) => {
		const file = await fs.promises.readFile(`${folder}/${i}`);
		await fs.promises.writeFile(`${folder}/${i}.uv.gz`, await util.promisify(zlib.gzip)(file));
	}));
	await measure(`${name} by ptjobs`, n, () => all(n, (i) => scheduler.spawn('libcompress.so',
		'compress_file', Buffer.from(`${folder}/${i}\0${folder}/${i}.gz\0`))));
	fs.rmSync(folder, { recursive: true });
}

async function figures() {
	const scheduler = new Scheduler({ limit: 4, pendingLimit: 0 });
	const giveAsync = koffi.load(JOBS).func('void *job_give(void *)').async;
	const usleepAsync = koffi.load(null).func('int usleep(unsigned int microseconds)').async;
	await measure('Node: ptjobs, C functions', 50000, (n) =>
		rounds(n, (i) => give(scheduler, i)));
	await measure('Node: koffi\'s .async, C functions', 50000, (n) => rounds(n, (i) =>
		new Promise((resolve) => giveAsync(BigInt(i), resolve))));
	await measure('Node: fs.promises.stat()', 50000, (n) =>
		rounds(n, () => fs.promises.stat('/')));
	await compressFiles('Node: files compressed', scheduler);
	await starve('Node: blocked in ptjobs',
		() => scheduler.spawn('libc.so.6', 'usleep', 50000n));
	await starve('Node: blocked in koffi\'s .async', () =>
		new Promise((resolve) => usleepAsync(50000, resolve)));
	await scheduler.close();
}

if (process.argv[2] === 'figures')
	figures();
else if (!isMainThread)
	manyInAWorker();
else if (process.argv.length > 2)
	end(process.argv[2]);
else
	testAll();
