#!/bin/sh
# Python with ctypes and asyncio.
. "${srcdir:-.}/tests/ffi/support.sh"

needs python
PYTHONPATH="$srcdir/examples/ffi/python" python3 "$srcdir/tests/ffi/test_python.py"
