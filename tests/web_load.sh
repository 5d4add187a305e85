#!/bin/sh
# A web server under load, in a form that is quick and asks nothing of the machine: all requests are
# answered, none with another status than 200; clients that vanish leave nothing; and connections
# that wait are answered when it is their turn.  make web-load measures.
. "${srcdir:-.}/tests/web_load/support.sh"

IDLE=500

export GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1
tests/web_load/soak || fail "the soak ended with $?"
unset GLIBC_TUNABLES

open_input 8 server
start server server tests/web_load/atomic 4 1000
port=$(first_line server)
ask server 8 counts
descriptors=$(last_count server descriptors)

# is_quiet: no connection, request or job is left.
is_quiet()
{
	counts server 8 connections 0 && test "$(last_count server requests)" = 0 &&
		test "$(last_count server jobs)" = 0
}

if command -v wrk >/dev/null; then
	for path in / /inline; do
		wrk -t1 -c40 -d1s "http://127.0.0.1:$port$path" >"$dir/wrk" || fail "wrk ended with $?"
		grep -E 'Non-2xx|Socket errors' "$dir/wrk" && fail "$path: not all were answered"
		grep -q '^ *[1-9][0-9]* requests in' "$dir/wrk" || fail "$path: nothing was answered"
	done
	await is_quiet
else
	echo "there is no wrk; only the soak and idle connections are tried"
fi

open_input 7 client
start client client tests/web_load/idle "$port" $IDLE /park
first_line client >/dev/null
await counts server 8 requests $IDLE
ask server 8 open
exec 7>&-
await has_more_lines client 1
test "$(tail -n 1 "$dir/client.out")" = $IDLE || fail "of $IDLE idle requests $(tail -n 1 "$dir/client.out") were answered"

await is_quiet
test "$(last_count server descriptors)" = "$descriptors" ||
	fail "there were $descriptors descriptors, and are $(last_count server descriptors)"
exec 8>&-
wait
