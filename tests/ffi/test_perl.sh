#!/bin/sh
# Perl with FFI::Platypus.
. "${srcdir:-.}/tests/ffi/support.sh"

needs perl
perl -I "$srcdir/examples/ffi/perl" "$srcdir/tests/ffi/test_perl.pl"
