#!/bin/sh
# C++ with lambdas.
. "${srcdir:-.}/tests/ffi/support.sh"

needs cxx
tests/ffi/test_cxx
