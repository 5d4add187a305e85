# What the tests from other languages share.  It is read by a script in tests/ffi, which automake
# runs in the build folder.  FFI names what configure found of those languages.
# shellcheck shell=sh

LC_ALL=C.UTF-8
export LC_ALL
srcdir=${srcdir:-.}
export LD_LIBRARY_PATH="$PWD/lib/.libs:$PWD/examples/ffi/.libs:$PWD/tests/ffi/.libs"
export PYTHONDONTWRITEBYTECODE=1
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
trap 'exit 99' HUP INT TERM

# fail WORDS: ends the test with a sentence.
fail()
{
	echo "$*"
	exit 1
}

# needs NAME...: skips the test (77) where configure did not find one of NAMEs.
needs()
{
	for name in "$@"; do
		case " $FFI " in
		*" $name "*) ;;
		*)
			echo "$name is missing"
			exit 77
			;;
		esac
	done
}

# make_files FOLDER: 300 files, from an empty one to some of 50 KiB, and one of 7 MB.
make_files()
{
	mkdir "$1" || exit 99
	seq 1000000 >"$1/large"
	n=0
	while test $n -lt 300; do
		head -c $((n * n * 51200 / 90000)) "$1/large" >"$1/file $n"
		n=$((n + 1))
	done
}

# example NAME: runs examples/ffi/NAME, which every language prints the same for, on a folder.  It
# must compress all files, fail for one that does not exist, cancel one that has no end and leave
# nothing of it, and meanwhile show "N of M" on standard error, a carriage return before each.
example()
{
	from="$dir/from here"
	to="$dir/to there"
	make_files "$from"
	mkdir "$to" || exit 99
	"$srcdir/examples/ffi/run" "$1" "$from" "$to" >"$dir/out" 2>"$dir/err" ||
		fail "$1: exit status $?: $(cat "$dir/out" "$dir/err")"

	cat >"$dir/want" <<-END
		compressed 301 files, $(cat "$to"/* | wc -c) bytes
		failed: $from/missing: No such file or directory
		cancelled: /dev/zero
		after the close: Cannot send after transport endpoint shutdown
	END
	diff "$dir/want" "$dir/out" || fail "$1: the output is not what it must be (< wanted, > printed)"

	gzip -d "$to"/*.gz || fail "$1: these are not gzip files"
	diff -r "$from" "$to" || fail "$1: what was compressed is not what was there"

	# All 303 jobs in the end, and something before.
	tr '\r' '\n' <"$dir/err" | sed '/^$/d' >"$dir/shown"
	test "$(tail -n 1 "$dir/shown")" = "303 of 303" ||
		fail "$1: the last that it shows is not 303 of 303: $(tail -n 1 "$dir/shown")"
	test "$(sort -u "$dir/shown" | grep -cx '[0-9]* of 303')" -gt 1 ||
		fail "$1: shows nothing while jobs run"
}
