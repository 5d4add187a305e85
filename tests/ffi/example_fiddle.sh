#!/bin/sh
# Ruby with Fiddle.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib fiddle
example fiddle
