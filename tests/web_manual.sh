#!/bin/sh
# The program in ptjobs-microhttpd(7) is tests/web_manual.c, and does what the page says: it sums an
# upload while that comes, has a job go on after the answer, and stops when SIGTERM tells it to.
# Skipped (77), after the comparison, where there is no curl.

srcdir=${srcdir:-.}
page=$srcdir/doc/man/ptjobs-microhttpd.7
dir=$(mktemp -d) || exit 99
server=
trap 'test -z "$server" || kill -KILL $server 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

# fail WORDS: ends the test with a sentence.
fail()
{
	echo "$*"
	exit 1
}

# What stands between the display's macros, with \e for a backslash.
awk '/^\.Bd -literal$/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside' "$page" |
	sed 's/\\e/\\/g' >"$dir/page.c"
diff "$srcdir/tests/web_manual.c" "$dir/page.c" ||
	fail "$page does not show tests/web_manual.c (< tests/web_manual.c, > the page)"

if ! command -v curl >/dev/null; then
	echo "there is no curl to use the program with"
	exit 77
fi

# The server's first line is its address; reading it waits until it is there.
mkfifo "$dir/out" || exit 99
./tests/web_manual >"$dir/out" &
server=$!
exec 3<"$dir/out"
read -r url <&3 || fail "the program ended without saying where it listens"

# 1,000,000 times "a", which is 97.
head -c 1000000 /dev/zero | tr '\0' a >"$dir/upload"
sum=$(curl -s -f --data-binary "@$dir/upload" "$url/sum") || fail "POST /sum: curl ended with $?"
test "$sum" = 97000000 || fail "POST /sum answered $sum and not 97000000"
status=$(curl -s -o "$dir/answer" -w '%{http_code}' -X POST "$url/orders/ada%20l") ||
	fail "POST /orders: curl ended with $?"
test "$status" = 202 || fail "POST /orders answered $status and not 202"

kill -TERM $server
wait $server
status=$?
server=
test $status -eq 0 || fail "the program ended with $status after SIGTERM"
mail=$(cat <&3)
test "$mail" = "a mail to ada l" || fail "the program has printed \"$mail\" and not of the mail"
echo "the program of ptjobs-microhttpd(7): ok"
