#!/bin/sh
# ptjobs: help, version, and one sentence with an exit status of its own for each thing that can be
# wrong from the beginning.

. "$(dirname "$0")/run-support.sh"

# refuses STATUS TEXT ARGUMENT...: ptjobs run ends with the status and says one sentence, the text
# in it.
refuses()
{
	wanted=$1
	text=$2
	shift 2
	run "$@" </dev/null
	check "ptjobs run $*: ends with $wanted" ended_with "$wanted"
	check "ptjobs run $*: says: $text" says_only "$text"
}

whole()
{
	"$ptjobs" "$@" >out 2>err </dev/null
	status=$?
}

whole --version
check "--version succeeds" ended_with 0
check "--version names the version" grep -Eqx 'ptjobs [0-9]+\.[0-9]+\.[0-9]+' out
whole --help
check "--help succeeds" ended_with 0
check "--help lists run" grep -q '^  run ' out
whole run --help
check "run --help succeeds" ended_with 0
check "run --help explains -l" grep -q -- '-l LIMIT' out
whole
check "without a subcommand the usage is told" says Usage
check "without a subcommand the exit status is 2" ended_with 2
whole dance
check "an unknown subcommand is named" says_only dance
check "an unknown subcommand gives 2" ended_with 2
"$ptjobs" --help >/dev/full 2>err
status=$?
check "--help on a full disk gives 4" ended_with 4

refuses 2 'no such option: -Z' -Z
refuses 2 'no such option: -Z' -kZ
refuses 2 'no such option: --dance' --dance
refuses 2 'needs an argument: -l' -l
refuses 2 'limit is not a number: many' -l many
refuses 2 'limit is not a number: -1' -l -1
refuses 2 'limit is not a number: 3x' -l 3x
refuses 2 'limit is not a number: 99999999999999999999' -l 99999999999999999999
refuses 2 'pending limit is not a number: ' -q ''
refuses 2 'not a number of seconds: soon' -t soon
refuses 2 'not a number of seconds: -1' -g -1
refuses 2 'not a number of seconds: nan' -c nan
refuses 2 'not a number of seconds: inf' -c inf
refuses 2 'in no time: 0' -t 0

refuses 3 'cannot open missing: No such file' -a missing
run -a "$dir"
check "a folder as input gives 3" ended_with 3
check "a folder as input is told" says "cannot read $dir: Is a directory"
"$ptjobs" run >out 2>err <&-
status=$?
check "a closed standard input gives 3" ended_with 3
check "a closed standard input is told" says 'cannot read standard input'

refuses 127 'there is no command no-such-command' no-such-command
refuses 127 'there is no command ./missing' ./missing
: >plain
refuses 126 'cannot be run: Permission denied' ./plain
refuses 126 'cannot be run: Is a directory' "$dir"

echo x | "$ptjobs" run echo >/dev/full 2>err
status=$?
check "output on a full disk gives 4" ended_with 4
check "output on a full disk is told" says 'cannot write standard output: No space left'
echo x | "$ptjobs" run echo >&- 2>err
status=$?
check "a closed standard output gives 4" ended_with 4

run </dev/null
check "no lines at all is a success" ended_with 0
check "no lines at all is told" says '0 jobs, 0 failed'
echo true >lines
run <lines
check "a job that succeeds gives 0" ended_with 0
printf 'true\nfalse\ntrue\n' >lines
run <lines
check "a job that fails gives 1" ended_with 1

done_testing
