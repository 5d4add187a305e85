#!/bin/sh
# ptjobs bench: every row and peer is in the table and in the JSON, the arithmetic is right, a peer
# that crashes, hangs or talks nonsense is reported and stops none of the others, and wrong options
# are refused.  No time is asserted.

. "$(dirname "$0")/run-support.sh"

bench()
{
	"$ptjobs" bench "$@" >out 2>err </dev/null
	status=$?
}

# refuses STATUS TEXT ARGUMENT...: ptjobs bench ends with the status and says one sentence, the text
# in it.
refuses()
{
	wanted=$1
	text=$2
	shift 2
	bench "$@"
	check "ptjobs bench $*: ends with $wanted" ended_with "$wanted"
	check "ptjobs bench $*: says: $text" says_only "$text"
}

# shows TEXT: a line of out has this text.
shows()
{
	grep -Fq -- "$1" out
}

# has_row PEER WORDS: a line of out is the peer's, and begins with these words, whatever is between
# them.
has_row()
{
	sed 's/  */ /g' out | grep -q "^ $1 $2"
}

# ---- The command line ---------------------------------------------------------------------------

bench --help
check "--help succeeds" ended_with 0
check "--help explains --json" shows '--json FILE'
bench --list
check "--list succeeds" ended_with 0
check "--list shows a peer" shows 'GLib GThreadPool'
check "--list shows a workload" shows 'roundtrip'
refuses 2 'no such option: -Z' -Z
refuses 2 'no such option: --dance' --dance
refuses 2 'no such argument: ptjobs' ptjobs
refuses 2 'needs an argument: -w' -w
refuses 2 'needs an argument: --json' --json
refuses 2 'no such workload: sleepy' -w sleepy
refuses 2 'no such workload: ' -w empty,
refuses 2 'no such peer: nobody' -p ptjobs,nobody
refuses 2 'no number of runs: 0' -n 0
refuses 2 'no number of jobs: many' -j many
refuses 2 'not a number of seconds: soon' -t soon
refuses 2 'in no time: 0' -t 0
mkdir empty
refuses 127 'there is no program empty/peer-ptjobs' -d empty
refuses 4 'cannot write missing/file: No such file' -w empty --json missing/file

# ---- Programs whose figures are known -----------------------------------------------------------

# program NAME COMMANDS: a program that stands in for a peer's.
program()
{
	printf '#!/bin/sh\n%s\n' "$2" >"fake/$1"
	chmod +x "fake/$1"
}

# The runs take 1, 2 and 3 ms, so the median is 2 ms.
mkdir fake
program peer-ptjobs 'n=$(cat runs); n=$((n % 3 + 1)); echo $n >runs
	echo "version 9.9"; echo "wall_ns ${n}000000"; echo cpu_ns 1000000
	echo voluntary 10; echo involuntary 0; echo latency_ns 3000 1000 2000'
program peer-glib 'echo wall_ns 4000000; echo cpu_ns 500000; echo voluntary 0; echo involuntary 5'
program peer-uv 'exit 3'
program peer-apr 'kill -SEGV $$'
program peer-asio 'exec sleep 60'
program peer-gomp 'echo wall_ns none'
program peer-go 'exit 7'
echo 0 >runs
bench -d fake -s -n 3 -j 1000 -t 1 -w empty --json json
check "peers that fail are told in the exit status" ended_with 1
check "the median, spread and ratios of ptjobs" \
	has_row ptjobs '0.500 (0.333 to 1.000) 1.00 1000 (1000 to 1000) 1.00 0.01000'
check "those of another" has_row glib '0.250 (0.250 to 0.250) 0.50 500 (500 to 500) 0.50 0.00500'
check "a peer that cannot do it has a dash" has_row uv -
check "a crash is reported" has_row apr 'failed: killed by SIGSEGV'
check "a hang is reported" has_row asio 'failed: took too long'
check "nonsense is reported" has_row gomp 'failed: wrote no figures'
check "an exit status is reported" has_row go 'failed: exit status 7'
check "a program that is not there is told" shows 'libtbb-dev'
check "a version is told" has_row ptjobs 'ptjobs 9.9'
bench -d fake -s -n 1 -p ptjobs -w roundtrip
check "the percentiles of a latency" has_row ptjobs '2.00 (2.00 to 2.00) 1.00 3.00 (3.00 to 3.00) 1.00'
"$ptjobs" bench -d fake -s -n 1 -p ptjobs -w empty >/dev/full 2>err
status=$?
check "a full disk gives 4" ended_with 4
check "a full disk is told" says 'cannot write standard output: No space left'

# ---- The peers that there are -------------------------------------------------------------------

# matches FILE PEERS...: FILE is JSON with a measured figure for each peer and row, or a reason why
# there is none.
matches()
{
	python3 - "$@" <<-'END'
		import json, sys
		with open(sys.argv[1], encoding="utf-8") as file:
		    got = json.load(file)
		assert got["machine"]["processors"] > 0
		names = [peer["name"] for peer in got["peers"] if peer["state"] == "measured"]
		assert set(sys.argv[2:]) <= set(names), names
		rows = {}
		for result in got["results"]:
		    row = rows.setdefault((result["workload"], result["title"]), {})
		    assert result["peer"] not in row
		    row[result["peer"]] = result
		for row in rows.values():
		    assert list(row) == names, row
		    for result in row.values():
		        assert result["state"] in ("measured", "cannot"), result
		        assert (result["state"] == "measured") == bool(result["figures"])
		        for figure in result["figures"].values():
		            assert len(figure["runs"]) == got["runs"]
		            assert figure["median"] is None or figure["least"] <= figure["median"] <= figure["most"]
		    assert row.get("ptjobs", {"state": "measured"})["state"] == "measured"
		    assert any(result["state"] == "measured" for result in row.values())
	END
}

# json_matches WHAT PEERS...: without python3 there is nothing to read JSON with.
json_matches()
{
	what=$1
	shift
	if command -v python3 >/dev/null; then
		check "$what" matches json "$@"
	fi
}

# The runtimes that take a second for each run do a few workloads only.
quick=ptjobs,glib,uv,apr,tbb-group,tbb-enqueue,asio,gomp,go,threadpool,rayon,list,wfcq,ring,threads,futex
bench -s -n 1 -j 60 -p $quick --json json
check "all workloads are measured" ended_with 0
for workload in empty handles bounded roundtrip start sleep memory close cancel idle; do
	check "$workload has a table" grep -q "^$workload: " out
done
check "ptjobs is in every table" test "$(grep -c '^  ptjobs  *[0-9]' out)" -eq "$(grep -c '^[a-z]*: .* jobs$' out)"
json_matches "the JSON has all of it" ptjobs
bench -s -n 2 -j 60 -w empty,handles --json json --plot plots
check "all peers are measured" ended_with 0
json_matches "the JSON has all of them" ptjobs
check "there is a plot by workers" test -s plots/workers.gp -a -s plots/workers.dat
check "there is no plot of what was not measured" test ! -e plots/start.gp
if command -v gnuplot >/dev/null; then
	check "the plot is drawn" test -s plots/workers.png
else
	check "that the plot is not drawn is told" says gnuplot-nox
fi
bench -s -n 1 -j 60 -p ptjobs -w empty --json -
cp out json
check "--json - leaves standard output to the JSON" grep -q '^{"ptjobs"' out
check "and the table goes to standard error" says 'empty: '
json_matches "which is whole" ptjobs

done_testing
