#!/bin/sh
# Runs Peer.java's class, which is in an archive beside this script, with the arguments.
exec java -cp "$(dirname "$0")/peer-java.jar" Peer "$@"
