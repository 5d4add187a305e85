# Reads what `gcov -b -c -t -r` says of the library, and then tools/not-covered; says what share of
# each file was run, and fails where the two disagree.
#
# What was run by many tests, or is compiled into many objects, as a header is, was run if one of them
# has run it.  A branch is one of the ways on from a line.  That a call may not come back, but unwind,
# is not counted as one, as gcov says it of each call that was made; nor is that KEEP_ERRNO goes on
# unwinding.

FILENAME != listed && /:    0:Source:/ {
	file = $0
	sub(/.*:Source:/, "", file)
	next
}

FILENAME != listed && /^ *[0-9*#=-]+: *[0-9]+:/ {
	count = $0
	sub(/:.*/, "", count)
	gsub(/[ *]/, "", count)
	text = $0
	sub(/^[^:]*:/, "", text)
	line = text + 0
	sub(/^[^:]*:[ \t]*/, "", text)
	here = ""
	if (count == "-")
		next
	here = file SUBSEP line
	if (!(here in says)) {
		says[here] = text
		place[++places] = here
	}
	runs[here] += count ~ /[#=]/ ? 0 : count
	next
}

FILENAME != listed && /^branch / && here && says[here] !~ /KEEP_ERRNO/ {
	n = $2 + 0
	branch[here, n] = 1
	if (last[here] < n)
		last[here] = n
	if (/\(throw\)$/)
		unwinds[here, n] = 1
	if (!/never executed/ && $4 > 0)
		was_taken[here, n] = 1
	next
}

# An entry is a line that begins with the file's name; what follows it, indented, is why.
FILENAME == listed && /^[a-z]/ {
	entry = $0
	reason[entry] = ""
	seldom[entry] = under == "seldom"
	next
}
FILENAME == listed && /^\t/ && entry {
	reason[entry] = reason[entry] $0
	next
}
FILENAME == listed && /^# Seldom/ {
	under = "seldom"
}

function miss(line, entry) {
	missed[entry] = 1
	if (!(entry in reason)) {
		print "not covered, nor listed: " entry " (line " line ")"
		bad = 1
	}
}

# Of a call: either it comes back, the branch before, or not.
function is_call(here, n) {
	return (here, n) in unwinds && (here, n - 1) in branch
}

function find_ways(here, n) {
	for (n = 0; n <= last[here]; n++)
		if ((here, n) in branch && !is_call(here, n) && !is_call(here, n + 1))
			taken[here, ++ways[here]] = (here, n) in was_taken
}

END {
	for (i = 1; i <= places; i++) {
		here = place[i]
		split(here, at, SUBSEP)
		file = at[1]
		if (!(file in lines))
			files[++n] = file
		lines[file]++
		if (!runs[here])
			miss(at[2], file ": " says[here])
		else
			lines_run[file]++
		find_ways(here)
		branches[file] += ways[here]
		for (way = 1; way <= ways[here]; way++)
			if (taken[here, way])
				branches_run[file]++
			else if (runs[here])
				miss(at[2], file ": way " way " of " says[here])
	}
	for (entry in reason) {
		if (!reason[entry]) {
			print "listed without a reason: " entry
			bad = 1
		}
		if (!(entry in missed) && !seldom[entry]) {
			print "listed, but covered or gone: " entry
			bad = 1
		}
	}
	print ""
	printf "%-24s %15s %17s\n", "", "lines", "branches"
	for (i = 1; i <= n; i++) {
		file = files[i]
		printf "%-24s %6d of %5d %8d of %5d\n", file, lines_run[file], lines[file], \
			branches_run[file], branches[file]
		all[1] += lines_run[file]
		all[2] += lines[file]
		all[3] += branches_run[file]
		all[4] += branches[file]
	}
	printf "%-24s %6d of %5d %8d of %5d\n", "all", all[1], all[2], all[3], all[4]
	if (!all[4])
		bad = 1
	exit bad
}
