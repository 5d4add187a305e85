#!/bin/sh
# Rust with closures.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib rust
example rust
