#!/bin/sh
# Java with JNA.
. "${srcdir:-.}/tests/ffi/support.sh"

needs java
java -cp "$JNA_JAR:tests/ffi/classes" TestJava
