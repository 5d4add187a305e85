# What tests/web_load.sh and figures.sh share.  It is read in the build folder.
# shellcheck shell=sh

LC_ALL=C
export LC_ALL
srcdir=${srcdir:-.}
dir=$(mktemp -d) || exit 99
trap 'exec 7>&- 8>&- 9>&-; wait; rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

# Nothing that is waited for takes longer than this many tenths of a second.
PATIENCE=1200

# fail WORDS: ends the script with a sentence.
fail()
{
	echo "$*"
	exit 1
}

# await COMMAND...: waits until the command succeeds.
await()
{
	tries=$PATIENCE
	until "$@"; do
		tries=$((tries - 1))
		test $tries -gt 0 || fail "in vain: $*"
		sleep 0.1
	done
}

# open_input FD NAME: makes an input for programs, and FD its writer: they end when that is closed.
open_input()
{
	mkfifo "$dir/$2.in" || exit 99
	eval "exec $1<>\"\$dir/\$2.in\""
}

# start NAME INPUT COMMAND...: begins a program, with an input that is there.  Its output is in
# $dir/NAME.out, its process in $dir/NAME.pid.
start()
{
	name=$1
	input=$2
	shift 2
	"$@" <"$dir/$input.in" >"$dir/$name.out" 7>&- 8>&- 9>&- &
	echo $! >"$dir/$name.pid"
}

# first_line NAME: what NAME says when it is ready; a server's is its port.
first_line()
{
	await test -s "$dir/$1.out"
	head -n 1 "$dir/$1.out"
}

# lines NAME: how many lines the program has written.
lines()
{
	wc -l <"$dir/$1.out"
}

has_more_lines()
{
	test "$(lines "$1")" -gt "$2"
}

# last_count NAME WORD: the number after WORD in the last line that the program has written.
last_count()
{
	tail -n 1 "$dir/$1.out" | tr ' ' '\n' | sed -n "/^$2\$/{ n; p; }"
}

# ask NAME FD LINE: gives the program a line, and waits for its answer.
ask()
{
	before=$(lines "$1")
	echo "$3" >&"$2"
	await has_more_lines "$1" "$before"
}

# counts NAME FD WORD NUMBER: whether the program counts so many of them.
counts()
{
	ask "$1" "$2" counts
	test "$(last_count "$1" "$3")" = "$4"
}
