#!/bin/sh
# ptjobs run: the output of each job in one piece, in the order of the input where asked for, and
# in bounded memory.

. "$(dirname "$0")/run-support.sh"

JOBS=200
LINES_EACH=50
BIG=$((32 * 1024 * 1024))
BIG_MEMORY_KB=16384

# Each job writes many small pieces to both streams.
cat >chatter <<END
i=0
while test \$i -lt $LINES_EACH; do
	echo "\$1"
	echo "\$1" >&2
	i=\$((i + 1))
done
END
seq $JOBS >numbers
run -l 8 sh chatter <numbers
check "all jobs succeed" ended_with 0
for stream in out err; do
	grep -av ptjobs $stream | uniq -c | awk '{ print $1 }' | sort -u >pieces
	check "each job's text is one piece in $stream" grep -qx " *$LINES_EACH" pieces
	check "and nothing but such pieces" test "$(wc -l <pieces)" -eq 1
done
run -l 8 -k sh chatter <numbers
uniq out | cmp -s - numbers
check "with -k in the order of the input" test $? -eq 0
grep -v ptjobs err | uniq | cmp -s - numbers
check "standard error as well" test $? -eq 0

# The first job stands still until all others are done, which end in whatever order.
mkfifo gate
cat >lines <<'END'
read x <gate; echo first
echo second
head -c 300000 /dev/zero | tr '\0' a; echo
echo fourth >&2; echo fourth
echo open >gate; echo fifth
END
run -k -l 2 -q 1 <lines
{
	printf 'first\nsecond\n'
	head -c 300000 /dev/zero | tr '\0' a
	printf '\nfourth\nfifth\n'
} >wanted
check "output waits for its turn" cmp -s out wanted
run -l 2 -q 1 <lines
check "without -k the first to end is the first to write" sh -c 'head -n 1 out | grep -qx second'

# More jobs than the window holds end before the first, whose gate the last of them opens.  The
# window is 1024 jobs, so the job at its end is the last that may be let in.
{
	echo 'read x <gate; echo 1'
	seq -f 'echo %g' 2 1023
	echo 'echo open >gate; echo 1024'
	seq -f 'echo %g' 1025 1100
} >lines
seq 1100 >wanted
run -k -l 2 <lines
check "a thousand jobs overtake one that stands still" cmp -s out wanted

# How much memory ptjobs has needed by then is what the last job says.
cat >lines <<END
head -c $BIG /dev/zero
head -c $BIG /dev/zero >&2
sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/\$PPID/status >memory
END
for order in '' -k; do
	run -l 1 $order <lines
	check "$BIG bytes come out ($order)" test "$(wc -c <out)" -eq $BIG
	check "and on standard error ($order)" test "$(wc -c <err)" -gt $BIG
	if test "${CK_TIMEOUT_MULTIPLIER:-1}" -eq 1; then
		check "in $(cat memory) KB of memory ($order)" test "$(cat memory)" -lt $BIG_MEMORY_KB
	fi
	rm err
done
check "no temporary file is left" \
	test -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'ptjobs.*' -newer numbers)"

echo "head -c $BIG /dev/zero" >lines
TMPDIR=$dir/missing "$ptjobs" run <lines >out 2>err
status=$?
check "without a folder for temporary files a job whose output is too much for memory fails" \
	says 'its output is lost: No such file or directory'
check "and gives 1" ended_with 1

cat >lines <<'END'
echo one; echo two >/dev/stdout; echo three >/dev/stderr
END
run <lines
check "a command may open /dev/stdout anew" prints one two
check "and /dev/stderr" says three

echo '(read x <gate; echo late) & echo early; echo open >gate' >lines
run <lines
check "what a job leaves in the background with its output is part of it" prints early late

mkfifo ready
echo 'echo $$ >ready; exec sleep 1000' >lines
seq -f 'echo %g' 100000 >>lines
{
	"$ptjobs" run -l 2 <lines 2>err
	echo $? >status
} | {
	read -r pid <ready
	read -r first
	echo "$pid" >pid
	echo "$first" >out
}
status=$(cat status)
check "who reads no more gets what was read" prints 1
check "it ends with the status of SIGPIPE" ended_with 141
check "without a word" test ! -s err
check "and leaves no job behind" gone "$(cat pid)"

done_testing
