#!/bin/sh
# ptjobs run: from lines to commands and their arguments.

. "$(dirname "$0")/run-support.sh"

printf 'echo a b\n\n\necho "c  d" | tr c e\n-n\n(exit 3)\necho last' >lines
run -k -l 1 <lines
check "lines are shell commands, the last without a newline" prints 'a b' 'e  d' last
check "empty lines are counted but not run" says '5 jobs, 2 failed'
check "the report has the line's number" says 'line 6: "(exit 3)": exit status 3'
check "a line that begins with a dash is a command" says 'line 5: "-n": exit status 127'

printf '1\n2 3\n' >lines
run -k -a lines printf '<%s>\n' x
check "the line is the last argument" prints '<x>' '<1>' '<x>' '<2 3>'
run -k -a lines printf '%s\n' '{}-{}' '{' '{{}}'
check "{} is replaced wherever it stands" prints '1-1' '{' '{1}' '2 3-2 3' '{' '{2 3}'
run -k echo - <lines
check "COMMAND's own options are left to it" prints '- 1' '- 2 3'
run -k -l 2 -- echo -k <lines
check "-- ends the options" prints '-k 1' '-k 2 3'
run -k -a - echo <lines
check "-a - is standard input" prints 1 '2 3'

echo 'echo "I am a script: $1"' >script
chmod +x script
echo one >lines
run ./script <lines
check "a script that does not name its shell is run" prints "I am a script: one"
printf '%s\n' ./script no-such-command /dev/null >lines
run -k -a lines '{}' two
check "the line can be the command" prints 'I am a script: two'
check "a line that is no command is a failed job" \
	says 'line 2: "no-such-command": cannot be run: No such file or directory'
check "a line that cannot be run is a failed job" \
	says 'line 3: "/dev/null": cannot be run: Permission denied'
check "failed jobs give 1" ended_with 1

printf 'one\ntwo\0\0three\0last' >items
run -k -0 -a items printf '[%s]\n'
check "with -0 newlines are ordinary, and empty items are items" \
	prints '[one' 'two]' '[]' '[three]' '[last]'
run -a items echo
check "a NUL byte in a line gives 3" ended_with 3
check "a NUL byte in a line is told" says 'line 2 of items has a NUL byte in it'

head -c 131071 /dev/zero | tr '\0' x >long
{ cat long; echo; echo y; } >lines
run -k -a lines sh -c 'echo ${#1}' sh
check "a line may be as long as an argument" prints 131071 1
{ echo y; cat long; echo x; } >lines
run -k -a lines sh -c 'echo ${#1}' sh
check "a longer line gives 3" ended_with 3
check "a longer line is told" says 'line 2 of lines is too long'
check "the lines before it are run" prints 1

echo 'wc -c' >lines
run <lines
check "standard input is empty to the jobs" prints 0

printf 'echo \001\033[2J; false %s\n' "$(head -c 500 long)" >lines
run <lines
check "a report has no control characters, and a part of a long line" \
	grep -Eqx 'ptjobs: line 1: "echo \?\?\[2J; false x{50,70}\.\.\.": exit status 1' err

done_testing
