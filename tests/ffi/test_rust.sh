#!/bin/sh
# Rust with closures.
. "${srcdir:-.}/tests/ffi/support.sh"

needs rust
tests/ffi/test_rust
