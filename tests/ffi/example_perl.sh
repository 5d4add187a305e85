#!/bin/sh
# Perl with FFI::Platypus.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib perl
example perl
