#!/bin/sh
# LuaJIT.
. "${srcdir:-.}/tests/ffi/support.sh"

needs zlib luajit
example luajit
