#!/bin/sh
# ptjobs run: what a job finds when it starts.

. "$(dirname "$0")/run-support.sh"

# As in the background of a script, or in a parent that ignores its children.
trap '' INT QUIT PIPE CHLD
cat >lines <<'END'
sed -n 's/^SigBlk:.//p' /proc/self/status
echo $((0x$(sed -n 's/^SigIgn:.//p' /proc/self/status) & 0x7fffffff))
ls /proc/self/fd | wc -l
readlink /proc/self/fd/0
set -- $(cat /proc/$$/stat); test $1 -eq $5 && echo leader
echo $MARK; pwd
END
MARK=marked
export MARK
exec 7<lines
ls /proc/self/fd </dev/null | wc -l >fds
run -k -l 2 <lines
exec 7<&-
trap - INT QUIT PIPE CHLD
# Of the ignored signals, those up to 31: the others are the C library's own.
check "no signal is blocked or ignored, no descriptor of ptjobs is open, standard input is empty,
    each leads a process group, and the environment is handed down" \
	prints 0000000000000000 0 "$(cat fds)" /dev/null leader marked "$dir"

# More jobs at once than descriptors would allow.
ulimit -n 64
seq 100 >numbers
run -k -l 50 echo <numbers
check "with few descriptors fewer jobs run at once" cmp -s out numbers
check "which is told" says 'the limit on open files allows 8 jobs at once, not 50'
check "and is no failure" ended_with 0
run -k -l 0 echo <numbers
check "limit 0 is as many as there can be" cmp -s out numbers
check "and no complaint" says_only '100 jobs, 0 failed'

done_testing
