#!/bin/sh
# ptjobs run: what is said of jobs that fail, and of all of them at the end.

. "$(dirname "$0")/run-support.sh"

# The longest that ending a job may take where SIGTERM is enough, in seconds.
PROMPT=20

cat >lines <<'END'
true
exit 9
kill -KILL $$
echo words >&2; exit 1
END
run -l 1 <lines
check "exit statuses are told" says 'ptjobs: line 2: "exit 9": exit status 9'
check "signals are told" says 'ptjobs: line 3: "kill -KILL $$": killed by signal 9 (Killed)'
check "what a job said comes before the report" \
	sh -c 'grep -A 1 "^words$" err | grep -q "line 4: .*: exit status 1"'
check "the summary counts" sh -c 'tail -n 1 err | grep -Eqx \
	"ptjobs: 4 jobs, 3 failed, [0-9.]+ s, [0-9.]+ jobs/s, at most 1 at once"'
check "and nothing else is said" test "$(wc -l <err)" -eq 5

mkfifo gate ready
echo 'echo open >gate' >lines
echo 'read x <gate' >>lines
run -l 7 <lines
check "the peak is that of jobs, not the limit" says 'at most 2 at once'

cat >lines <<'END'
echo before; sleep 1000
echo after
END
begin=$(date +%s)
run -k -t 0.3 -c 100 <lines
check "a job that takes too long is told" \
	says 'line 1: "echo before; sleep 1000": timed out after 0.3 s'
check "and counts as failed" says '2 jobs, 1 failed'
check "and gives 1" ended_with 1
check "what it wrote before comes out" prints before after
check "SIGTERM is enough for it" test $(($(date +%s) - begin)) -lt $PROMPT

# Neither the job nor its child obeys SIGTERM.
echo 'trap "" TERM; sh -c "echo \$\$ >ready; sleep 1000; sleep 1000" & wait' >lines
start -t 0.1 -c 0.1
cat lines >&9
exec 9>&-
read -r child <ready
finish
check "one that ignores SIGTERM is killed" says 'timed out after 0.1 s'
check "and all that it started" gone "$child"

# A process that has gone into a session of its own holds the output.
echo 'setsid sh -c "echo \$\$ >ready; sleep 1000" & sleep 1000' >lines
start -t 0.2 -c 0.1
cat lines >&9
exec 9>&-
read -r child <ready
finish
check "a process outside the group does not hold it up" says 'timed out after 0.2 s'
kill -KILL "$child"

# A command that closes its output goes on being a job.
echo 'exec >&- 2>&-; echo $$ >ready; read x <gate; exit 5' >lines
start
cat lines >&9
exec 9>&-
read -r child <ready
echo open >gate
finish
check "a job without output lasts until its command ends" says 'exit status 5'

done_testing
