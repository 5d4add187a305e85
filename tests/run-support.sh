# What the tests of `ptjobs run` share; they read this file with the dot command.
#
# The program is $PTJOBS, or tools/ptjobs in the build folder.  Each test works in a folder of its
# own, $dir.  It opens and closes gates, which are FIFOs: a job that opens one to read from it
# stands still until the test writes to it.
#
# SPDX-License-Identifier: Apache-2.0

LC_ALL=C
export LC_ALL

# Nothing that a test waits for takes longer than this many tenths of a second.
PATIENCE=600

ptjobs=$(realpath "${PTJOBS:-tools/ptjobs}")
if ! test -x "$ptjobs"; then
	echo "there is no program $ptjobs"
	exit 99
fi
dir=$(mktemp -d) || exit 99
cd "$dir" || exit 99
failed=0
running=
trap 'test -z "$running" || kill -KILL $running 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

# run ARGUMENT...: runs `ptjobs run` to its end.  Its output is in out and err, its exit status in
# $status.
run()
{
	"$ptjobs" run "$@" >out 2>err
	status=$?
}

# start ARGUMENT...: begins `ptjobs run` with the FIFO `in` for its input, which the test writes to
# as descriptor 9.  finish waits for its end.
start()
{
	rm -f in
	mkfifo in
	"$ptjobs" run "$@" <in >out 2>err 9>&- &
	running=$!
	exec 9>in
}

finish()
{
	wait "$running"
	status=$?
	running=
	exec 9>&-
}

# check WHAT COMMAND...: says what is checked and whether the command succeeds.
check()
{
	what=$1
	shift
	if "$@"; then
		echo "ok: $what"
	else
		echo "FAILED: $what ($*; exit status $status)"
		sed 's/^/  out: /' out | head -n 20
		sed 's/^/  err: /' err | head -n 20
		failed=1
	fi
}

ended_with()
{
	test "$status" -eq "$1"
}

# prints LINE...: out is these lines and no more.
prints()
{
	printf '%s\n' "$@" | cmp -s - out
}

# says TEXT: a line of err has this text.
says()
{
	grep -Fq -- "$1" err
}

# says_only TEXT: err is one line, which has this text.
says_only()
{
	test "$(wc -l <err)" -eq 1 && says "$1"
}

# gone PID: the process has ended, or does so within a time.
gone()
{
	tenths=$PATIENCE
	while test -d "/proc/$1" && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; do
		tenths=$((tenths - 1))
		test "$tenths" -gt 0 || return 1
		sleep 0.1
	done
}

# insist SIGNAL: sends it to ptjobs until ptjobs has ended.
insist()
{
	while kill "-$1" "$running" 2>/dev/null; do
		grep -q '^State:.Z' "/proc/$running/status" 2>/dev/null && break
		sleep 0.05
	done
}

done_testing()
{
	exit $failed
}
