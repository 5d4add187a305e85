#!/bin/sh
# ptjobs run: the input is read no faster than the jobs are done.

. "$(dirname "$0")/run-support.sh"

LINES=60
LINE_SIZE=100000
PENDING=2

# One line runs, PENDING wait, one is held by the reader; one in its buffer, one in the pipe, and
# one that is on its way into it.
AHEAD=$((PENDING + 5))

# Each job says how many lines had been written when it ran.
{
	printf 'sleep 0.02; cat written #'
	head -c $LINE_SIZE /dev/zero | tr '\0' x
	echo
} >line
echo 0 >written
start -l 1 -q $PENDING
i=0
while test $i -lt $LINES; do
	i=$((i + 1))
	cat line >&9
	echo $i >next
	mv next written
done
exec 9>&-
finish
check "all jobs succeed" ended_with 0
check "all jobs run" test "$(wc -l <out)" -eq $LINES
check "no job finds more than $AHEAD lines read ahead of it" \
	awk -v ahead=$AHEAD '{ if ($1 - NR > most) most = $1 - NR } END { exit most > ahead }' out

done_testing
