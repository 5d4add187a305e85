#!/bin/sh
# examples/web/hello: it greets, also many at a time, and SIGTERM and SIGINT end it.

. "$(dirname "$0")/web-support.sh"

for signal in TERM INT; do
	start examples/web/hello 0
	ask GET /hello/world
	check "it greets" answers 200
	check "with the name in the path" is world
	ask GET /hello/Ad%C3%A9le%20%2F
	check "which is decoded" is "$(printf 'Ad\303\251le /')"
	ask GET /hello/
	check "without a name there is nobody" answers 404
	curl -s -Z --parallel-max 50 -o 'greeted#1' "$url/hello/[1-50]" >/dev/null 2>&1
	check "50 are greeted at once" test "$(cat greeted* | wc -c)" -eq 91
	rm -f greeted*
	stop $signal
	check "SIG$signal ends it" test "$status" -eq 0
done

start examples/web/hello 0
port=${url##*:}
"$build/examples/web/hello" "$port" 2>second
check "a second one does not get the port" test $? -eq 1
stop TERM

exit "$failed"
