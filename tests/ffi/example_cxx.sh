#!/bin/sh
# C++ with lambdas.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib cxx
example cxx
