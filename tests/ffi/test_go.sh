#!/bin/sh
# Go with cgo.
. "${srcdir:-.}/tests/ffi/support.sh"

needs go
tests/ffi/test_go
