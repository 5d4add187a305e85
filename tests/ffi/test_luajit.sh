#!/bin/sh
# LuaJIT.
. "${srcdir:-.}/tests/ffi/support.sh"

needs luajit
export LUA_PATH="$srcdir/examples/ffi/luajit/?.lua"
luajit "$srcdir/tests/ffi/test_luajit.lua"
