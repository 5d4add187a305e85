#!/bin/sh
# Node with koffi.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib node
example node
