#!/bin/sh
# Java with JNA.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib java
example java
