#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compress_cffi.py FROM TO: compresses the files of the folder FROM into the folder TO, in C, and
waits for them as for any futures of concurrent.futures.  The jobs are the address of a C function,
which needs no lock of Python's."""

import concurrent.futures
import os
import sys

import cffi

import ptjobs_cffi

ffi = cffi.FFI()
ffi.cdef("void *compress_file(void *paths);")
compress_file = ffi.dlopen("libcompress.so").compress_file


def compress(executor, path, folder):
    to = os.path.join(folder, os.path.basename(path) + ".gz")
    return executor.submit(compress_file, os.fsencode(f"{path}\0{to}\0"))


def main(from_folder, to_folder):
    with ptjobs_cffi.Executor(limit=4) as executor:
        endless = compress(executor, "/dev/zero", to_folder)
        missing = compress(executor, f"{from_folder}/missing", to_folder)
        files = [compress(executor, entry.path, to_folder) for entry in os.scandir(from_folder)]
        jobs = [endless, missing, *files]
        for done, _ in enumerate(concurrent.futures.as_completed(jobs), 1):
            print(f"\r{done} of {len(jobs)}", end="", file=sys.stderr, flush=True)
            if done == min(10, len(jobs) - 1):
                endless.cancel()
        print(file=sys.stderr)

        print(f"compressed {len(files)} files, {sum(job.result() for job in files)} bytes")
        try:
            missing.result()
        except ptjobs_cffi.JobError as error:
            print("failed:", error)
        try:
            endless.result()
        except concurrent.futures.CancelledError:
            print("cancelled: /dev/zero")

    try:
        compress(executor, f"{from_folder}/late", to_folder)
    except ptjobs_cffi.Error as error:
        print("after the close:", error)


main(*sys.argv[1:])
