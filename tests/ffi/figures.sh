#!/bin/sh
# make ffi-figures: what a job costs through each binding, beside what its language has of its own.
. "${srcdir:-.}/tests/ffi/support.sh"

export NODE_PATH="$srcdir/examples/ffi/node/node_modules:${NODE_PATH-}"
for name in $FFI; do
	case $name in
	cxx | go) "tests/ffi/test_$name" figures ;;
	rust) tests/ffi/test_rust --ignored --exact --nocapture figures | grep jobs/s ;;
	node) node "$srcdir/tests/ffi/test_node.js" figures ;;
	java) java -cp "$JNA_JAR:tests/ffi/classes" TestJava figures ;;
	esac
done
