#!/bin/sh
# Ruby with the ffi gem.
. "${srcdir:-.}/tests/ffi/support.sh"

needs ruby
ruby -I "$srcdir/examples/ffi/ruby" "$srcdir/tests/ffi/test_ruby.rb"
