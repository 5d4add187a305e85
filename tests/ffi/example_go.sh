#!/bin/sh
# Go with cgo.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib go
example go
