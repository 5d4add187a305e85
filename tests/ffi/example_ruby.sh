#!/bin/sh
# Ruby with the ffi gem.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib ruby
example ruby
