#!/bin/sh
# make web-load: what a request through a job costs, beside libmicrohttpd by itself, by hand, and
# Python's aiohttp, in interleaved rounds; what a connection that waits takes; and a soak.
#
# ROUNDS, SECONDS_EACH, IDLE and SOAK say how many rounds there are, how long wrk measures each
# server in one, how many connections wait, and for how many rounds the soak goes on.
. "${srcdir:-.}/tests/web_load/support.sh"

ROUNDS=${ROUNDS:-5}
SECONDS_EACH=${SECONDS_EACH:-3}
IDLE=${IDLE:-10000}
SOAK=${SOAK:-20}
CONNECTIONS=50
LIMIT=32
WORK_US=5000
programs=tests/web_load

command -v wrk >/dev/null || fail "make web-load needs wrk; install the Debian package wrk"

# ---- Requests a second --------------------------------------------------------------------------

# server NAME COMMAND...: starts one of those that are measured, which end together.
server()
{
	name=$1
	names="${names-} $1"
	shift
	start "$name" alive "$@"
}

open_input 9 alive
server inline $programs/by_hand inline
server by-hand $programs/by_hand 1
server atomic $programs/atomic 1
server atomic-100 $programs/atomic 100
server by-hand-5ms $programs/by_hand $LIMIT $WORK_US
server atomic-5ms $programs/atomic $LIMIT $WORK_US
server threads-5ms $programs/by_hand thread $WORK_US
if /usr/bin/python3 -c 'import aiohttp' 2>/dev/null; then
	server aiohttp-5ms /usr/bin/python3 "$srcdir/tests/web_load/aiohttp_server.py" $LIMIT $WORK_US
fi

# cpu_us NAME: the CPU time that the server has used, in microseconds.
cpu_us()
{
	awk -v tick="$(getconf CLK_TCK)" '{ printf "%.0f", ($14 + $15) * 1000000 / tick }' \
		"/proc/$(cat "$dir/$1.pid")/stat"
}

round=0
while test $round -lt "$ROUNDS"; do
	round=$((round + 1))
	for name in $names; do
		before=$(cpu_us "$name")
		wrk --latency -t1 -c$CONNECTIONS -d"${SECONDS_EACH}s" \
			"http://127.0.0.1:$(first_line "$name")/" >"$dir/wrk" || fail "$name: wrk ended with $?"
		grep -E 'Non-2xx|Socket errors' "$dir/wrk" && fail "$name: not all were answered"
		awk -v name="$name" -v cpu=$(($(cpu_us "$name") - before)) '
			$1 == "99%" { p99 = $2 * ($2 ~ /us/ ? 0.001 : $2 ~ /ms/ ? 1 : 1000) }
			$2 == "requests" { count = $1 }
			$1 == "Requests/sec:" { print name, $2, p99, cpu / count }' "$dir/wrk" >>"$dir/rates"
	done
done
exec 9>&-

# median NAME COLUMN: the median, the least and the most of what was measured.
median()
{
	awk -v name="$1" -v column="$2" '$1 == name { print $column }' "$dir/rates" | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# row NAME TEXT WHOLE UNIT: a line of the table; the last column is how much of WHOLE the rate is.
row()
{
	echo "$(median "$1" 2) $(median "$1" 3) $(median "$1" 4)" | awk -v text="$2" -v whole="$3" -v unit="$4" '{
		part = unit == "%" ? sprintf("%.0f %%", 100 * $1 / whole) : sprintf("%.2f x", $1 / whole)
		printf "  %-42s %6.0f %15s %5.1f ms %5.1f us %7s\n", text, $1, sprintf("%.0f to %.0f", $2, $3), \
			$4, $7, part }'
}

printf 'requests/s, 99th percentile of the latency, CPU time of the server for each; %d connections;\n' \
	$CONNECTIONS
printf 'medians of %d rounds of %d s (least to most)\n' "$ROUNDS" "$SECONDS_EACH"
by_hand=$(median by-hand 2 | cut -d' ' -f1)
ideal=$((LIMIT * 1000000 / WORK_US))
printf '\nhello, beside the suspended one by hand\n'
row inline "libmicrohttpd, answered inline" "$by_hand" x
row by-hand "libmicrohttpd, suspended by hand, 1 worker" "$by_hand" x
row atomic "ptj_web_atomic(), limit 1" "$by_hand" x
row atomic-100 "ptj_web_atomic(), limit 100" "$by_hand" x
printf '\n%d ms of blocking work, beside the ideal of %d\n' $((WORK_US / 1000)) $ideal
row by-hand-5ms "libmicrohttpd, suspended by hand, $LIMIT workers" $ideal %
row atomic-5ms "ptj_web_atomic(), limit $LIMIT" $ideal %
case $names in
*aiohttp*) row aiohttp-5ms "aiohttp, ThreadPoolExecutor($LIMIT)" $ideal % ;;
*) echo "  aiohttp is missing; install the Debian package python3-aiohttp" ;;
esac
row threads-5ms "libmicrohttpd, a thread for each connection" $ideal %

# ---- Connections that wait ----------------------------------------------------------------------

# resident NAME FD: the memory that NAME has, in bytes.
resident()
{
	ask "$1" "$2" counts
	last_count "$1" resident
}

# wait_on TEXT COMMAND...: prints how much a connection adds to the server that COMMAND starts, when
# IDLE of them are suspended.
wait_on()
{
	text=$1
	shift
	rm -f "$dir"/idle.* "$dir"/client.*
	open_input 8 idle
	start idle idle "$@"
	port=$(first_line idle)
	empty=$(resident idle 8)
	open_input 7 client
	start client client $programs/idle "$port" "$IDLE" /park
	first_line client >/dev/null
	await counts idle 8 requests "$IDLE"
	full=$(resident idle 8)
	ask idle 8 open
	exec 7>&-
	await has_more_lines client 1
	test "$(tail -n 1 "$dir/client.out")" = "$IDLE" || fail "$text: not all were answered"
	exec 8>&-
	printf '  %-42s %6d\n' "$text" $(((full - empty) / IDLE))
}

printf '\nbytes of memory for each of %d connections\n' "$IDLE"
wait_on "libmicrohttpd, suspended by hand" $programs/by_hand 1
wait_on "ptj_web_atomic(), pending" $programs/atomic 1

# ---- Clients that vanish ------------------------------------------------------------------------

printf '\nclients that vanish\n'
GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1 PTJ_STRESS=$SOAK \
	$programs/soak >"$dir/soak" || fail "the soak ended with $?: $(cat "$dir/soak")"
sed -n '1p; $p' "$dir/soak"
