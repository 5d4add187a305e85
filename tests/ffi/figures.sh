#!/bin/sh
# make ffi-figures: what a job costs through each binding, beside what its language has of its own.
. "${srcdir:-.}/tests/ffi/support.sh"

export NODE_PATH="$srcdir/examples/ffi/node/node_modules:${NODE_PATH-}"
export LUA_PATH="$srcdir/examples/ffi/luajit/?.lua"
export PYTHONPATH="$srcdir/examples/ffi/python"
export RUBYLIB="$srcdir/examples/ffi/ruby"
for name in $FFI; do
	case $name in
	python) python3 "$srcdir/tests/ffi/figures_python.py" ;;
	ruby) ruby -r ptjobs "$srcdir/tests/ffi/figures_ruby.rb" ;;
	fiddle) ruby -r ptjobs_fiddle "$srcdir/tests/ffi/figures_ruby.rb" ;;
	perl) perl -I "$srcdir/examples/ffi/perl" "$srcdir/tests/ffi/figures_perl.pl" ;;
	luajit) luajit "$srcdir/tests/ffi/figures_luajit.lua" ;;
	cxx | go) "tests/ffi/test_$name" figures ;;
	rust) tests/ffi/test_rust --ignored --exact --nocapture figures | grep jobs/s ;;
	node) node "$srcdir/tests/ffi/test_node.js" figures ;;
	java) java -cp "$JNA_JAR:tests/ffi/classes" TestJava figures ;;
	esac
done
