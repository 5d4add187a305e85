#!/bin/sh
# Ruby with Fiddle.
. "${srcdir:-.}/tests/ffi/support.sh"

needs fiddle
ruby -I "$srcdir/examples/ffi/ruby" "$srcdir/tests/ffi/test_fiddle.rb"
