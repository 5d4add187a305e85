#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compress.py FROM TO: compresses the files of the folder FROM into the folder TO, in C, while
asyncio goes on.  The jobs are the address of a C function, which needs no lock of Python's; and a
job is a future, so that await, wait_for() and gather() have it run and cancel it."""

import asyncio
import ctypes
import os
import sys

import ptjobs

compress_file = ctypes.CDLL("libcompress.so").compress_file


def compress(scheduler, path, folder):
    to = os.path.join(folder, os.path.basename(path) + ".gz")
    return scheduler.spawn(compress_file, os.fsencode(f"{path}\0{to}\0"))


async def main(from_folder, to_folder):
    async with ptjobs.Scheduler(limit=4) as scheduler:
        endless = compress(scheduler, "/dev/zero", to_folder)
        missing = compress(scheduler, f"{from_folder}/missing", to_folder)
        files = [compress(scheduler, entry.path, to_folder) for entry in os.scandir(from_folder)]
        jobs = {endless, missing, *files}
        done = 0

        def show_progress(_):
            nonlocal done
            done += 1
            print(f"\r{done} of {len(jobs)}", end="", file=sys.stderr, flush=True)
            if done == min(10, len(jobs) - 1):
                endless.cancel()

        for job in jobs:
            job.add_done_callback(show_progress)
        await asyncio.wait(jobs)
        print(file=sys.stderr)

        print(f"compressed {len(files)} files, {sum(job.result() for job in files)} bytes")
        try:
            await missing
        except ptjobs.JobError as error:
            print("failed:", error)
        try:
            await endless
        except asyncio.CancelledError:
            print("cancelled: /dev/zero")

    try:
        compress(scheduler, f"{from_folder}/late", to_folder)
    except ptjobs.Error as error:
        print("after the close:", error)


asyncio.run(main(*sys.argv[1:]))
