#!/bin/sh
# Runs every program in examples/ and compares what it prints with what it must print.

LC_ALL=C
export LC_ALL
dir=$(mktemp -d) || exit 99
server=
trap 'test -z "$server" || kill -KILL $server 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM
failed=0

# compare NAME STATUS: the example ended with STATUS, printed $dir/NAME.out and must have printed
# $dir/NAME.want.
compare()
{
	if test "$2" -ne 0; then
		echo "$1: exit status $2"
		failed=1
	fi
	if diff "$dir/$1.want" "$dir/$1.out"; then
		echo "$1: ok"
	else
		echo "$1: the output is not what it must be (< wanted, > printed)"
		failed=1
	fi
}

# prints NAME: the example takes no arguments and prints what is on standard input.
prints()
{
	cat >"$dir/$1.want"
	"./examples/$1" >"$dir/$1.out" 2>&1
	compare "$1" $?
}

# wait_for PATTERN FILE: a line of FILE matches PATTERN, after a minute at most.
wait_for()
{
	tries=600
	until grep -q "$1" "$2"; do
		tries=$((tries - 1))
		if test $tries -eq 0; then
			echo "$2 has no line $1 after a minute:"
			cat "$2"
			exit 1
		fi
		sleep 0.1
	done
}

prints timeout <<'END'
job: reading
job: unwound, the pipe is closed
main: wait returned ETIMEDOUT
main: the job is cancelled
END

prints on-cancel <<'END'
main: echo said hello
main: close returned 0
main: wait returned ECANCELED
END

prints shield <<'END'
main: close returned 0
main: 0 jobs, 1 shielded functions
file: 10 crowns from A to B
END

prints errors <<'END'
log: Job processing failed: reader: /nonexistent/reader.conf (No such file or directory)
main: wait for the scheduler returned 0
main: wait for the writer returned PTJ_EFAILED: /nonexistent/writer.conf (No such file or directory)
END

# More files than the limit and the line hold together, an empty one and a large one among them.
n=0
while test $n -lt 40; do
	n=$((n + 1))
	seq $((n * 50)) >"$dir/file$n"
done
: >"$dir/empty"
seq 200000 >"$dir/large"
cksum "$dir/empty" "$dir/large" "$dir"/file* | sort >"$dir/bounded.want"
./examples/bounded "$dir/empty" "$dir/large" "$dir"/file* >"$dir/bounded.out" 2>&1
status=$?
sort -o "$dir/bounded.out" "$dir/bounded.out"
compare bounded $status

# The server is told to stop while it works on two requests and three more stand in line.
cat >"$dir/sigterm.want" <<'END'
SIGTERM: draining
accepted 1
accepted 2
accepted 3
accepted 4
accepted 5
answered 1
answered 2
answered 3
answered 4
answered 5
drained
END
mkfifo "$dir/requests" || exit 99
: >"$dir/sigterm.out"
./examples/sigterm <"$dir/requests" >"$dir/sigterm.out" 2>&1 &
server=$!
exec 3>"$dir/requests"
printf '1\n2\n3\n4\n5\n' >&3
wait_for 'accepted 5' "$dir/sigterm.out"
kill -TERM $server
wait $server
status=$?
server=
exec 3>&-
if test "$(tail -n 1 "$dir/sigterm.out")" != drained; then
	echo "sigterm: something was printed after the drain"
	failed=1
fi
sort -o "$dir/sigterm.out" "$dir/sigterm.out"
compare sigterm $status

exit $failed
