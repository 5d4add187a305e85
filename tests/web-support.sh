# What the tests of the web examples share; they read this file with the dot command.
#
# Each works in a folder of its own, $dir.  It starts one server at a time, which chooses its port
# and says which, and asks it with curl.
#
# SPDX-License-Identifier: Apache-2.0

LC_ALL=C
export LC_ALL

# Nothing that a test waits for takes longer than this many tenths of a second.
PATIENCE=600

srcdir=$(cd "${srcdir:-.}" && pwd) || exit 99
build=$PWD
if ! command -v curl >/dev/null; then
	echo "there is no curl to ask the server with"
	exit 77
fi
dir=$(mktemp -d) || exit 99
cd "$dir" || exit 99
failed=0
server=
started=
trap clean_up EXIT
trap 'exit 99' HUP INT TERM

clean_up()
{
	for pid in $server $started; do
		kill -KILL "$pid" 2>/dev/null
	done
	wait
	# What a browser started may write a little longer than it.
	rm -rf "$dir" 2>/dev/null || { sleep 1 && rm -rf "$dir"; }
}

# check WHAT COMMAND...: says what is checked and whether the command succeeds.
check()
{
	what=$1
	shift
	if "$@"; then
		echo "ok: $what"
	else
		echo "FAILED: $what ($*)"
		for file in body log; do
			test -e $file && sed "s/^/  $file: /" $file | cut -c 1-300 | head -n 20
		done
		failed=1
	fi
}

# until_true COMMAND...: waits until the command succeeds; the test ends where it never does.
until_true()
{
	tenths=$PATIENCE
	until "$@"; do
		tenths=$((tenths - 1))
		if test "$tenths" -eq 0; then
			check "in time: $*" false
			exit 1
		fi
		sleep 0.1
	done
}

# start PROGRAM ARGUMENT...: begins a server of the build folder; its address is $url.
start()
{
	program=$1
	shift
	# That of the one before would be read until this one's is opened.
	: >log
	"$build/$program" "$@" >>log 2>&1 &
	server=$!
	until_true sh -c "grep -q '^http://.*/' log || ! kill -0 $server 2>/dev/null"
	url=$(sed -n 's|^\(http://[^/]*\).*|\1|p' log)
	check "$program listens" test -n "$url"
}

# stop SIGNAL: sends it to the server and waits for its end; its exit status is $status.
stop()
{
	kill "-$1" "$server"
	finish
}

finish()
{
	wait "$server"
	status=$?
	server=
}

# ask METHOD PATH [BODY]: the answer is in body, and its status is $code; 000 for none.
ask()
{
	if test $# -gt 2; then
		set -- "$1" "$2" -H 'Content-Type: application/json' --data-binary "$3"
	fi
	method=$1
	path=$2
	shift 2
	code=$(curl -s -X "$method" -o body -w '%{http_code}' --max-time 100 "$@" "$url$path")
}

answers()
{
	test "$code" -eq "$1"
}

# is TEXT: the answer is this text.
is()
{
	printf %s "$1" | cmp -s - body
}

# says TEXT: the answer has this text.
says()
{
	grep -Fq -- "$1" body
}

# runs NAME N: so many jobs of this name are active.
runs()
{
	test "$(curl -s "$url/api/jobs" | grep -o "\"name\":\"$1[-0-9]*\",\"state\":\"active\"" | wc -l)" -eq "$2"
}

# samples N WORD: an array of notes that mention each other.
samples()
{
	awk -v n="$1" -v word="$2" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "%s{\"title\":\"%s %d\",\"text\":\"See %s %d and %s %d.\"}",
				i ? "," : "[", word, i, word, i * 7 % n, word, i % 10
		print "]" }' >samples.json
}
