#!/bin/sh
# Node with koffi.
. "${srcdir:-.}/tests/ffi/support.sh"

needs node
export NODE_PATH="$srcdir/examples/ffi/node/node_modules:${NODE_PATH-}"
node --expose-gc "$srcdir/tests/ffi/test_node.js"
