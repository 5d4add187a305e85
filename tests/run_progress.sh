#!/bin/sh
# ptjobs run: the progress line, on a terminal only.

. "$(dirname "$0")/run-support.sh"

if ! script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	echo "skipped: script(1), which makes terminals, is not there or makes none"
	exit 77
fi

# shows TEXT: the terminal shows it, or does so within a time.
shows()
{
	tenths=$PATIENCE
	until grep -aFq "$1" typescript; do
		tenths=$((tenths - 1))
		test $tenths -gt 0 || return 1
		sleep 0.1
	done
}

# begin COMMAND: runs it on a terminal.
begin()
{
	: >typescript
	TERM=xterm script -qefc "$1" typescript </dev/null >/dev/null 2>&1 &
	running=$!
}

: >out
: >err
status=
mkfifo gate ready
cat >lines <<'END'
false
read x <gate
echo "words of a job"
true
END
begin "'$ptjobs' run -l 1 -q 9 -a lines"
check "the numbers of jobs are shown" shows '1 active, 2 pending, 1 of 4 done, 1 failed, '
check "with the rate and the time left" grep -aEq '[0-9.]+/s, [0-9]+:[0-9][0-9] left' typescript
echo open >gate
finish
check "the exit status is handed on" ended_with 1
check "the last line is the summary" sh -c 'grep -a . typescript | grep -aq "4 jobs, 1 failed"'
check "the line is wiped before anything else is written" \
	sh -c 'tr "\r" "\n" <typescript | grep -aq "^.\[Kwords of a job"'

# The first line tells the process number of ptjobs; the input does not end.
cat >lines <<'END'
echo $PPID >ready; read x <gate; echo one
echo two
echo three
END
mkfifo end
begin "sh -c '{ cat lines; cat end; } | \"$ptjobs\" run -l 1 -q 9'"
read -r pid <ready
check "there is no time left to be told while the number of jobs is unknown" \
	shows '1 active, 2 pending, 0 done, 0 failed, 0.0/s'
kill -TERM "$pid"
check "a drain is told" shows 'draining: 1 active, 2 pending'
echo open >gate
check "the jobs that wait in line are drained too" shows 'ended by SIGTERM: 3 jobs, 0 failed'
: >end
finish


echo true >lines
run -a lines
check "there is no progress line elsewhere" says_only '1 job, 0 failed'
TERM=dumb script -qec "'$ptjobs' run -a lines" typescript </dev/null >/dev/null 2>&1
check "nor on a terminal that cannot wipe a line" sh -c '! grep -aq active typescript'

done_testing
