#!/bin/sh
# The page of examples/web-sqlite in a headless Chromium: its numbers move, notes come and go, an
# import and a report are started and cancelled by its buttons.  Skipped (77) where there is no
# chromium.
#
# The test speaks the DevTools protocol through two FIFOs: commands and answers are JSON texts, each
# followed by a 0.  With SCREENSHOTS=FOLDER it leaves pictures there to look at.

. "$(dirname "$0")/web-support.sh"

if ! command -v chromium >/dev/null; then
	echo "there is no chromium to show the page"
	exit 77
fi
pictures=${SCREENSHOTS:-}

# ---- The browser ----

mkfifo commands answers
: >devtools
# Chromium reads from descriptor 3 and writes to 4.
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
	--disable-background-networking --disable-component-update --disable-sync \
	--disable-dev-shm-usage --window-size=1200,1000 --user-data-dir="$dir/profile" \
	--remote-debugging-pipe 3<commands 4>answers >browser.log 2>&1 &
browser=$!
started=$browser
stdbuf -o0 tr '\0' '\n' <answers >>devtools &
exec 9>commands
number=0
session=

# tell METHOD PARAMETERS: sends a command, and waits for the answer, $answer.
tell()
{
	number=$((number + 1))
	printf '{"id":%d,"method":"%s","params":%s%s}\0' $number "$1" "$2" "$session" >&9
	until_true grep -q "^{\"id\":$number," devtools
	answer=$(grep "^{\"id\":$number," devtools)
}

# value OF: a string in the answer.
value()
{
	printf '%s\n' "$answer" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

# run SCRIPT: evaluates it in the page; what it is, as text without quotes, is $result.  The script has
# neither double quotes nor backslashes.
run()
{
	tell Runtime.evaluate "{\"expression\":\"String($1)\"}"
	result=$(value value)
}

# shows SCRIPT: it is true in the page.
shows()
{
	run "$1"
	test "$result" = true
}

# text ID: what stands in an element.
text()
{
	run "document.getElementById('$1').textContent"
}

number_is()
{
	text "$1"
	test "$result" -eq "$2"
}

number_is_at_least()
{
	text "$1"
	test "$result" -ge "$2"
}

click()
{
	run "document.querySelector('$1').click()"
}

# picture NAME
picture()
{
	test -n "$pictures" || return 0
	tell Page.captureScreenshot '{}'
	value data | base64 -d >"$pictures/$1.png"
}

# ---- The page ----

start examples/web-sqlite/web-sqlite -p 0 -d notes.db -l 2
tell Target.createTarget '{"url":"about:blank"}'
tell Target.attachToTarget "{\"targetId\":\"$(value targetId)\",\"flatten\":true}"
session=",\"sessionId\":\"$(value sessionId)\""
tell Runtime.enable '{}'
tell Log.enable '{}'
tell Page.navigate "{\"url\":\"$url/\"}"
until_true shows "document.readyState === 'complete' && document.title === 'web-sqlite'"
until_true shows "document.getElementById('connection').textContent === 'connected'"
until_true number_is limit 2
check "at first there are no notes" shows "document.querySelectorAll('#notes li').length === 0"

# add TITLE TEXT: fills in the form and sends it.
add()
{
	run "(document.getElementById('title').value = '$1', document.getElementById('text').value = '$2')"
	click '#add button'
}

until_true number_is_at_least 'done' 2
text 'done'
before=$result
add '<b>Bread</b>' 'Flour & water'
until_true shows "document.querySelectorAll('#notes li').length === 1"
check "a note that was added appears" \
	shows "document.querySelector('#notes strong').textContent === '<b>Bread</b>'"
check "as text, not as HTML" shows "document.querySelector('#notes b') === null"
check "the form is empty again" shows "document.getElementById('title').value === ''"
until_true number_is_at_least 'done' $((before + 2))
echo "ok: the number of jobs done moved from $before to $result"
add Milk 'of a cow'
until_true shows "document.querySelectorAll('#notes li').length === 2"

run "(document.getElementById('search').value = 'cow', document.getElementById('search').oninput())"
until_true shows "document.querySelectorAll('#notes li').length === 1"
check "a search leaves what it finds" shows "document.querySelector('#notes strong').textContent === 'Milk'"
click '#notes button'
until_true shows "document.querySelectorAll('#notes li').length === 0"
run "(document.getElementById('search').value = '', document.getElementById('search').oninput())"
until_true shows "document.querySelectorAll('#notes li').length === 1"
check "a note that was deleted is gone" \
	shows "document.querySelector('#notes strong').textContent === '<b>Bread</b>'"

# import COUNT RATE: fills in the form and sends it.
import()
{
	run "(document.getElementById('import-count').value = $1, document.getElementById('import-rate').value = $2)"
	click '#import button'
}

imports_show()
{
	shows "document.querySelector('#imports li')?.textContent.includes('$1')"
}

# So many notes that the report takes until it is left.
import 1000 1
until_true imports_show 'running, 2 of 1000'
until_true number_is active 1
echo "ok: an import that runs is an active job"
check "with its name" shows "document.getElementById('jobs').textContent.includes('import-1')"
check "its bar shows how far it is" shows "document.querySelector('#imports progress').value >= 2"
until_true shows "document.querySelectorAll('#notes li').length >= 3"
echo "ok: notes appear as they are imported"
click '#imports button'
until_true imports_show cancelled
check "an import that is cancelled has no button" shows "document.querySelector('#imports button').hidden"
until_true number_is active 0
until_true number_is cancelled 1
echo "ok: it is counted as cancelled"

# What others do is seen, too: an import that makes the report long.
samples 8000 Many
ask POST /api/imports @samples.json
place=/api/imports/$(sed -n 's/.*"id":\([0-9]*\).*/\1/p' body)
import_is_done()
{
	ask GET "$place"
	says '"state":"done"'
}
until_true import_is_done
until_true runs import 0

text cancelled
before=$result
click '#report'
until_true runs report 1
until_true number_is active 1
check "the report can be left" shows "!document.getElementById('report-cancel').disabled"
curl -s -o /dev/null "$url/api/report" &
other=$!
started="$started $other"
until_true number_is active 2
searches=
for n in 1 2 3 4 5; do
	curl -s -o "searched$n" "$url/api/notes?q=Many" &
	started="$started $!"
	searches="$searches $!"
done
until_true number_is pending 5
echo "ok: jobs in line are counted on the page"
check "and named" shows "document.querySelectorAll('#jobs .pending').length === 5"
picture light
tell Emulation.setEmulatedMedia '{"features":[{"name":"prefers-color-scheme","value":"dark"}]}'
picture dark
click '#report-cancel'
until_true number_is cancelled $((before + 1))
until_true number_is pending 0
check "the report that was left says so" \
	shows "document.getElementById('report-message').textContent.includes('left')"
for pid in $searches; do
	wait "$pid"
	check "who was in line is answered" test $? -eq 0
done
kill -KILL $other
wait $other 2>/dev/null
until_true number_is active 0

click '#burst'
until_true shows "!document.getElementById('burst').disabled"
check "two hundred searches went through" shows "document.getElementById('message').hidden"

# Nothing went wrong in the page that the test did not see.
check "no script failed" sh -c '! grep -q Runtime.exceptionThrown devtools'
check "nothing was loaded from elsewhere, or missing" sh -c '! grep -q Log.entryAdded devtools'

stop TERM
check "SIGTERM ends the server" test "$status" -eq 0
until_true shows "document.getElementById('connection').textContent === 'no connection'"
echo "ok: and the page sees that"
tell Browser.close '{}'
wait $browser

exit "$failed"
