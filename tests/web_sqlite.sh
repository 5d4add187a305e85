#!/bin/sh
# examples/web-sqlite: every route, what is wrong with a request, jobs that are cancelled, and a stop
# while it is busy.

. "$(dirname "$0")/web-support.sh"

program=examples/web-sqlite/web-sqlite
database=notes.db

# count NAME: a value in /metrics.
count()
{
	curl -s "$url/metrics" | awk -v name="$1" '$1 == name { print $2 }'
}

# counts NAME VALUE
counts()
{
	test "$(count "$1")" = "$2"
}

# ended KIND OUTCOME N: so many jobs of this kind have ended so.
ended()
{
	counts "notes_jobs_ended_total{kind=\"$1\",outcome=\"$2\"}" "$3"
}

# has_import STATE: the answer to the last request, or to a new one, says that the import is so.
has_import()
{
	ask GET "$place"
	says "\"state\":\"$1\""
}

# member NAME: a number in the answer.
member()
{
	sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" body
}

imported_at_least()
{
	ask GET "$place"
	test "$(member 'done')" -ge "$1"
}

# lists TEXT: how many notes a search lists.
lists()
{
	curl -s -G --data-urlencode "q=$1" "$url/api/notes" | grep -o '"id":' | wc -l
}

# background PATH: asks in the background; its status will be in a file of codes/.
background()
{
	n=$((${n:-0} + 1))
	curl -s -o /dev/null -w '%{http_code}' --max-time 100 "$url$1" >"codes/$n" &
	asker=$!
	started="$started $asker"
}

# ---- How it is started ----

"$build/$program" -x >log 2>&1
check "an unknown option ends it with 2" test $? -eq 2
for bad in '-l 1' '-l x' '-p 65536' '-p -1' more; do
	# shellcheck disable=SC2086 # an option and its value
	"$build/$program" $bad >log 2>&1
	check "$bad ends it with 2" test $? -eq 2
	check "$bad is answered with the usage" grep -q '^Usage: web-sqlite' log
done
"$build/$program" -p 0 -d none/notes.db >log 2>&1
check "a database that cannot be made ends it with 1" test $? -eq 1
check "and is named" grep -q 'none/notes.db: unable to open' log
echo 'This is no database, and long enough for SQLite to see that.' >other.db
"$build/$program" -p 0 -d other.db >log 2>&1
check "a file that is no database ends it with 1" test $? -eq 1

start $program -p 0 -d $database -l 2
check "it prints its address" grep -Eqx 'http://127\.0\.0\.1:[0-9]+/' log
"$build/$program" -p "${url##*:}" -d second.db >second 2>&1
check "a port that is taken ends it with 1" test $? -eq 1
check "and is told of" grep -q 'Address already in use' second

# ---- Notes ----

ask GET /api/notes
check "at first there are no notes" is '[]'
ask POST /api/notes '{"title":"Quotes \"\\\/","text":"tab\tbell\u0007 del\u007f \u00fc \ud83d\ude00"}'
check "a note is made" answers 201
check "and shown" says '"title":"Quotes \"\\/","text":"tab\u0009bell\u0007 del\u007f '"$(printf '\303\274 \360\237\230\200')"'"'
ask GET /api/notes/1
check "it is read" answers 200
check "as it was made" says '"id":1,"title":"Quotes \"\\/"'
ask POST /api/notes '{"title":"a lone \ud800 surrogate"}'
check "what is no UTF-8 is answered with U+FFFD" says 'a lone \ufffd\ufffd\ufffd surrogate'
ask POST /api/notes '{"title":"100%","text":"under_score"}'
ask PUT /api/notes/2 '{"title":"changed","text":"<b>bold</b>"}'
check "a note is changed" answers 200
ask GET /api/notes/2
check "and stays so" says '"id":2,"title":"changed","text":"<b>bold</b>"'
ask GET /api/notes
check "all are listed, the newest first" says '[{"id":3,'
check "a search finds a title" test "$(lists quotes)" -eq 1
check "and a text" test "$(lists BOLD)" -eq 1
check "a percent sign is one" test "$(lists 0%)" -eq 1
check "an underscore is one" test "$(lists _)" -eq 1
check "a backslash is one" test "$(lists \\)" -eq 1
check "what is nowhere is not found" test "$(lists nowhere)" -eq 0
ask GET '/api/notes?before=3'
check "older ones are listed" says '[{"id":2,'
ask DELETE /api/notes/3
check "a note is deleted" answers 200
for method in GET DELETE; do
	ask $method /api/notes/3
	check "$method: then it is not there" answers 404
	check "$method: and that is told in JSON" is '{"error":"there is no such thing"}'
done

# ---- What is wrong with a request ----

# refuses STATUS METHOD PATH BODY ERROR
refuses()
{
	ask "$2" "$3" "$4"
	check "$2 $3 $4 is refused with $1" answers "$1"
	check "and told why" is "{\"error\":\"$5\"}"
}

note='a note is an object with a title and perhaps a text'
for body in '{}' '[]' '3' 'null' '"title"' '{"title":3}' '{"title":""}' '{"title":"a","text":[]}'; do
	refuses 400 POST /api/notes "$body" "$note"
	refuses 400 PUT /api/notes/1 "$body" "$note"
done
for body in '' '{' '{"title":"a"}}' '{title:"a"}'; do
	refuses 400 POST /api/notes "$body" 'the body is not JSON'
	refuses 400 POST /api/imports "$body" 'the body is not JSON'
done
printf '{"title":"a\377"}' >latin1
printf '{"title":"a"}\0{' >nul
printf '{"title":"\355\240\200"}' >surrogate
for body in latin1 nul surrogate; do
	refuses 400 POST /api/notes "@$body" 'the body is not UTF-8'
done
for body in '{}' '3' '[3]' '[{}]' '[{"title":"a"},{"title":"b","text":1}]' '[{"title":""}]'; do
	refuses 400 POST /api/imports "$body" 'the body must be an array of notes'
done
for rate in 0 -1 x 1001 ''; do
	refuses 400 POST "/api/imports?rate=$rate" '[]' 'the rate is a number from 1 to 1000'
done
for id in 9 0 -1 1x 99999999999999999999; do
	refuses 404 PUT /api/notes/$id '{"title":"a"}' 'there is no such thing'
	ask GET /api/notes/$id
	check "there is no note $id" answers 404
	ask GET /api/imports/$id
	check "there is no import $id" answers 404
	ask DELETE /api/imports/$id
	check "and none to cancel" answers 404
done
ask GET '/api/notes?before=x'
check "a bad number in the query is refused" answers 400
curl -s -o body -d '{"title":"a"}' "$url/api/notes"
check "the body of a form is refused" is '{"error":"the body must be application/json"}'
ask PATCH /api/notes
check "a method that is not there is refused" answers 405
ask GET /api
check "a path that is not there is not found" answers 404
head -c 2000000 /dev/zero | tr '\0' ' ' >large
ask POST /api/notes @large
check "a body that is too large is refused" answers 413
check "nothing of this was a failure" ended write failed 0
check "or wrote anything" test "$(lists '')" -eq 2

# ---- The page and the counts ----

ask GET /
check "there is a page" answers 200
check "as it stands in the sources" cmp -s body "$srcdir/examples/web-sqlite/page.html"
check "it needs nothing from elsewhere" sh -c "! grep -Eq '(https?:)?//[a-z]' body"
ask GET /metrics
check "there are metrics" answers 200
check "which have types" says '# TYPE ptjobs_active_jobs gauge'
check "and all the same form" sh -c '! grep -Ev "^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[^}]+\})? [0-9]+)$" body'
check "the limit is among them" counts ptjobs_limit 2
check "the only request is this one" counts ptjobs_web_requests 1
check "a job that is over is not counted" counts ptjobs_jobs 0

# ---- Imports ----

samples 300 Quick
ask POST /api/imports @samples.json
check "an import is accepted" answers 202
check "and all of it is to come" says '"total":300'
place=/api/imports/$(member id)
until_true has_import 'done'
check "all of it is done" says '"done":300,"total":300'
check "and can be found" test "$(lists 'See Quick 293 and')" -eq 1
ask GET /api/imports
check "the import is in the list" says '"state":"done"'

samples 1000 Slow
ask POST '/api/imports?rate=10' @samples.json
place=/api/imports/$(member id)
until_true imported_at_least 2
check "a slow import is under way" says '"state":"running"'
ask POST /api/notes '{"title":"In between"}'
check "others can write meanwhile" answers 201
ask GET "$place"
before=$(member 'done')
until_true imported_at_least $((before + 2))
check "which does not disturb it" says '"state":"running"'
ask GET /api/jobs
check "it is a job with a name" says '"name":"import-'
ask POST /api/imports '[]'
check "a second one would be too many" answers 503
ask DELETE "$place"
check "an import is cancelled" says '"state":"cancelled"'
until_true counts ptjobs_jobs 0
check "so its job is" ended import cancelled 1
ask GET "$place"
done=$(member 'done')
check "what it had done stays" test "$(lists 'Slow 0 and')" -gt 0
check "and it did not do the rest" test "$done" -lt 1000
ask GET "$place"
check "nor goes on" test "$(member 'done')" -eq "$done"
ask DELETE "$place"
check "to cancel it again changes nothing" says '"state":"cancelled"'

# ---- The report ----

ask GET /api/report
check "the report tells what is mentioned most" says '[{"id":4,"title":"Quick 1","mentions":129}'
check "that is ten notes" test "$(grep -o '"id":' body | wc -l)" -eq 10

# So many notes that the report will not be ready before it is cancelled.
samples 10000 Many
ask POST /api/imports @samples.json
place=/api/imports/$(member id)
until_true has_import 'done'
mkdir codes

cancelled=0
for turn in 1 2 3 4 5; do
	background /api/report
	until_true runs report 1
	kill -KILL "$asker"
	wait "$asker" 2>/dev/null
	started=
	cancelled=$((cancelled + 1))
	until_true counts ptjobs_jobs 0
	check "turn $turn: the report ends with its client" ended report cancelled $cancelled
	ask GET /api/notes/1
	check "turn $turn: and the thread that worked on it serves others" answers 200
done

# Clients that leave sooner or later, beside others who stay.
turn=0
while test $turn -lt 60; do
	turn=$((turn + 1))
	curl -s -o /dev/null --max-time "0.0$turn" "$url/api/report" &
	asker=$!
	ask GET /api/notes/1
	answers 200 || check "turn $turn: nobody else is interrupted" false
	wait $asker
done
until_true counts ptjobs_jobs 0
check "nothing else was cancelled" ended read cancelled 0
check "and nothing failed" ended report failed 0

# ---- More than it can do at once ----

# Two reports hold both permits, and 220 searches come for 200 places in line.
rm -rf codes
mkdir codes
background /api/report
background /api/report
until_true runs report 2
mkdir searches
curl -s -Z --parallel-max 220 --parallel-immediate -o 'searches/#1' --max-time 100 \
	"$url/api/notes?q=Quick&n=[1-220]" >/dev/null 2>&1 &
searcher=$!
started="$started $searcher"

# answered TEXT N: so many searches have an answer that begins so.
answered()
{
	test "$(cat searches/* 2>/dev/null | grep -o "$1" | wc -l)" -eq "$2"
}

until_true answered '503 Service' 20
check "what the line has no room for is refused at once" counts ptjobs_pending_jobs 200
ask GET /api/notes/1 -i
check "a client is told to come again" answers 503
ask GET /api/jobs
check "meanwhile the status is told" says '"active":2,"pending":200,'
for pid in $started; do
	test "$pid" = "$searcher" || kill -KILL "$pid" 2>/dev/null
done
wait $searcher
check "the others are answered when the reports are gone" answered '\[{"id":' 200
until_true counts ptjobs_jobs 0
started=

# ---- A stop while it is busy ----

rm -rf codes
mkdir codes
n=0
samples 1000 Long
ask POST '/api/imports?rate=1' @samples.json
place=/api/imports/$(member id)
background /api/report
until_true runs report 1
until_true runs import 1
while test "$n" -lt 40; do
	background "/api/notes?q=Quick+$n"
done
until_true counts ptjobs_pending_jobs 39
kill -TERM "$server"
until_true grep -q draining log
for pid in $started; do
	wait "$pid"
done
started=
finish
check "SIGTERM ends it with 0" test "$status" -eq 0
check "it says what it does" sh -c "sed 1d log | tr '\n' ' ' | grep -qx 'draining stopped '"
check "and all requests were answered" sh -c "! cat codes/* | sed 's/.../&\n/g' | grep -Evx '|200|503'"
check "the report, which would have taken longer, too" grep -qx 503 codes/1
check "one by one" test "$(cat codes/* | wc -c)" -eq 120

start $program -p 0 -d $database -l 2
ask GET "$place"
check "the import that was under way counts as stopped" says '"state":"stopped"'
check "with what it had done" test "$(member 'done')" -ge 1
check "and no more" test "$(lists 'Long')" -eq "$(member 'done')"
stop INT
check "SIGINT ends it with 0, too" test "$status" -eq 0

exit "$failed"
