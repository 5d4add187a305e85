#!/bin/sh
# ptjobs run: the memory it takes does not grow with the input.
# $PTJ_RUN_LINES is the length of the longer input.

. "$(dirname "$0")/run-support.sh"

FEW=2000
MANY=${PTJ_RUN_LINES:-20000}

# What may come and go by chance, such as one thread more.
TOLERANCE_KB=512

if test "${CK_TIMEOUT_MULTIPLIER:-1}" -ne 1; then
	echo "skipped: a sanitizer takes memory of its own"
	exit 77
fi

# memory LINES OPTION...: the most memory that so many jobs needed, as a last job sees it.
memory()
{
	lines=$1
	shift
	{
		yes true | head -n "$lines"
		echo 'exec grep VmHWM /proc/$PPID/status'
	} | "$ptjobs" run -l 4 "$@" 2>err | tr -cd 0-9
}

for order in '' -k; do
	few=$(memory $FEW $order)
	many=$(memory "$MANY" $order)
	: >out
	check "$FEW jobs need $few KB, $MANY jobs $many KB ($order)" \
		test "$many" -le $((few + TOLERANCE_KB))
	check "all were run ($order)" says "$((MANY + 1)) jobs, 0 failed"
done

done_testing
