#!/bin/sh
# What README shows is true: its C program is examples/readme.c and works, its web server is that of
# examples/web/hello.c, and its Python program works with the shared library.  Skipped (77), after
# the others, where there is no python3.

srcdir=${srcdir:-.}
readme=$srcdir/README
libs=$PWD/lib/.libs
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

# extract FIRST: the indented block of README whose first line is FIRST, without its indent.
extract()
{
	awk -v first="	$1" '
		$0 == first { inside = 1 }
		inside && $0 != "" && $0 !~ /^\t/ { exit }
		inside { blank = $0 == "" ? blank "\n" : blank; if ($0 != "") {
			sub(/^\t/, ""); printf "%s%s\n", blank, $0; blank = "" } }' "$readme"
}

# fail WORDS: ends the test with a sentence.
fail()
{
	echo "$*"
	exit 1
}

extract '#include <ptjobs.h>' >"$dir/readme.c"
diff "$srcdir/examples/readme.c" "$dir/readme.c" ||
	fail "README does not show examples/readme.c (< examples/readme.c, > README)"
lines=$(wc -l <"$dir/readme.c")
test "$lines" -eq 20 || fail "the program in README has $lines lines, and not 20"
printf 'Hello, %s.\n' Ada Edsger Grace >"$dir/want"
./examples/readme Grace Ada Edsger >"$dir/out" || fail "examples/readme: exit status $?"
sort "$dir/out" | diff "$dir/want" - || fail "examples/readme does not greet (< wanted, > printed)"

# Each line of the web server that README shows is one of examples/web/hello.c, in their order.
extract 'static int hello(ptj_web_request *request, void *user)' | grep -v '^	\.\.\.$' >"$dir/hello"
test -s "$dir/hello" || fail "README has no web server"
missing=$(awk 'FNR == NR { program[++n] = $0; next }
	{ while (at < n && program[at + 1] != $0) at++; if (at++ == n) { print; exit } }' \
	"$srcdir/examples/web/hello.c" "$dir/hello")
test -z "$missing" || fail "README's web server differs from examples/web/hello.c: $missing"

extract 'import ctypes as c' >"$dir/readme.py"
test -s "$dir/readme.py" || fail "README has no Python program"
if ! command -v python3 >/dev/null; then
	echo "there is no python3 to run README's Python program"
	exit 77
fi
if ! test -e "$libs/libptjobs.so.0"; then
	echo "the build has no shared library for README's Python program"
	exit 0
fi
# A sanitizer's run-time must come first in a process, and python3 does not load it.
if nm -D "$libs/libptjobs.so.0" | grep -q ' U __[at]san_'; then
	echo "README's Python program is not for a library with a sanitizer"
	exit 0
fi
LD_LIBRARY_PATH=$libs python3 "$dir/readme.py" >"$dir/out" || fail "README's Python program failed"
echo '12 squared is 144' | diff - "$dir/out" || fail "the Python program is wrong (< wanted, > printed)"
