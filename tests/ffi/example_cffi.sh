#!/bin/sh
# Python with cffi and concurrent.futures.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib cffi
example cffi
