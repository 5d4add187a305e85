#!/bin/sh
# Python with cffi and concurrent.futures.
. "${srcdir:-.}/tests/ffi/support.sh"

needs cffi
PYTHONPATH="$srcdir/examples/ffi/python" python3 "$srcdir/tests/ffi/test_cffi.py"
