#!/bin/sh
# ptjobs run: the first signal lets the jobs end, the second ends them, and nothing is left.

. "$(dirname "$0")/run-support.sh"

mkfifo ready gate

# begin LINE ARGUMENT...: starts ptjobs with a job that tells its process number, $pid.
begin()
{
	line=$1
	shift
	start "$@"
	echo "$line" >&9
	read -r pid <ready
}

for signal in INT TERM; do
	number=$(test $signal = INT && echo 2 || echo 15)
	begin 'echo $$ >ready; read x <gate; echo done'
	kill -$signal "$running"
	echo open >gate
	finish
	check "after one SIG$signal the job is let end" prints 'done'
	check "the input is not waited for, and the status is of SIG$signal" ended_with $((128 + number))
	check "it is told" says "ended by SIG$signal: 1 job, 0 failed"
done

for signals in 'INT TERM' 'TERM INT'; do
	begin 'echo begun; echo $$ >ready; sleep 1000; echo never' -c 100
	for signal in $signals; do
		kill -$signal "$running"
	done
	finish
	check "after $signals the job is gone" gone "$pid"
	check "what it wrote before comes out" prints begun
	check "it is told" says '0 failed, 1 not finished'
done

begin 'echo $$ >ready; sleep 1000'
insist INT
finish
check "the same signal twice does it too" gone "$pid"
check "and gives the status of the first" ended_with 130

begin 'trap "" TERM; sh -c "echo \$\$ >ready; sleep 1000; sleep 1000" & wait; wait' -c 0.1
kill -TERM "$running"
kill -INT "$running"
finish
check "a child that ignores SIGTERM is killed, and its own children" gone "$pid"
check "the status is that of a signal" sh -c "test $status -gt 128"

# The command dies of SIGTERM, and what it started needs time to clean up: its output is not open,
# so only its being in the group tells of it.
cat >cleaner <<'END'
exec >/dev/null 2>&1
trap 'read x <gate; echo clean >cleaned; exit' TERM
echo $$ >ready
while :; do sleep 0.01; done
END
begin 'sh cleaner & sleep 1000; exit' -c 100
kill -TERM "$running"
kill -INT "$running"
echo open >gate
finish
check "what a command leaves in its group may use the close timeout" grep -q clean cleaned

begin 'echo $$ >ready; kill -STOP $$; echo never' -c 100
kill -TERM "$running"
kill -INT "$running"
finish
check "a job that is stopped is ended too" gone "$pid"

begin 'echo $$ >ready; sleep 1000' -g 0.1
kill -TERM "$running"
finish
check "after the grace the jobs are ended" gone "$pid"
check "the status is of the signal" ended_with 143

begin 'echo $$ >ready; sleep 1000' -c 100
kill -HUP "$running"
finish
check "one SIGHUP ends the jobs at once" gone "$pid"
check "and gives its status" ended_with 129

trap '' HUP
begin 'echo $$ >ready; read x <gate; echo done'
trap 'exit 99' HUP
kill -HUP "$running"
echo open >gate
exec 9>&-
finish
check "where SIGHUP is ignored, as with nohup, it stays so" ended_with 0

begin "$(printf 'echo $$ >ready; sleep 1000\necho 2\necho 3\necho 4\necho 5')" -l 1 -q 1
kill -TERM "$running"
kill -INT "$running"
finish
check "a full line is dropped" test ! -s out
check "with the job that runs" gone "$pid"

# Nobody reads what ptjobs writes, so a job that has ended does not get rid of its output.
mkfifo pipe
exec 8<>pipe
mkfifo in2
"$ptjobs" run -l 2 -c 0.1 <in2 >pipe 2>err 8>&- &
running=$!
exec 9>in2
printf 'head -c 300000 /dev/zero\necho $$ >ready; sleep 1000\n' >&9
read -r pid <ready
kill -TERM "$running"
kill -INT "$running"
finish
exec 8>&-
check "a reader that stands still does not hold up the end" gone "$pid"
check "the status is that of a signal" test "$status" -gt 128
check "a job that outlasts the close may be told of, and nothing else is" \
	sh -c '! grep -Ev "Job closing timed out|ended by SIG" err'

done_testing
