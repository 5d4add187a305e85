// compress.js FROM TO: compresses the files of the folder FROM into the folder TO, in C, while the
// event loop goes on.  The jobs are named functions of a C library; an AbortSignal cancels one of
// them.
//
// SPDX-License-Identifier: Apache-2.0

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { Scheduler } = require('./ptjobs.js');

async function compressFolder(from, to) {
	const scheduler = new Scheduler({ limit: 4 });
	const compress = (file, options) => {
		const paths = `${file}\0${path.join(to, path.basename(file))}.gz\0`;
		return scheduler.spawn('libcompress.so', 'compress_file', Buffer.from(paths), options);
	};

	const abort = new AbortController();
	const names = fs.readdirSync(from);
	const jobs = [
		compress('/dev/zero', { signal: abort.signal }),
		compress(path.join(from, 'missing')),
		...names.map((name) => compress(path.join(from, name))),
	];
	let done = 0;
	const showProgress = () => {
		done++;
		process.stderr.write(`\r${done} of ${jobs.length}`);
		if (done > names.length / 2)
			abort.abort();
	};
	for (const job of jobs)
		job.then(showProgress, showProgress);

	const [endless, missing, ...files] = await Promise.allSettled(jobs);
	process.stderr.write('\n');
	const bytes = files.reduce((sum, { value }) => sum + value, 0);
	console.log(`compressed ${files.length} files, ${bytes} bytes`);
	console.log(`failed: ${missing.reason.message}`);
	if (endless.reason.name === 'AbortError')
		console.log('cancelled: /dev/zero');

	await scheduler.close();
	await compress(path.join(from, 'late')).catch((error) => {
		console.log(`after the close: ${error.message}`);
	});
}

if (process.argv.length !== 4) {
	console.error('Usage: compress.js FROM TO');
	process.exit(2);
}
compressFolder(process.argv[2], process.argv[3]);
