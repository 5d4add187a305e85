#!/bin/sh
# Python with ctypes and asyncio.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib python
example python
