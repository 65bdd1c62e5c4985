#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh [ROW...]: each fix of what once broke on other people's hosts has a test that fails without it. A ROW is the name of
# a file here without ".patch", or its begin: "b7", "a1_own". Each file takes one fix out of the source, and says in its
# first lines
#	Row:	what it belongs to: A1 to D14 of the list of faults, or a word
#	Fix:	what is taken out: what divvy does no more
#	Test:	the test that shows it: a program of tests/unit, or a script with its cases; variables go before it
#	Fails:	a pattern (grep -E) of the check that has to fail
# All is done in a copy of the tree, with its objects, so that only what a file changes is compiled anew. First a test
# passes in the unchanged copy, with the named checks in it. Then each patch that names it is applied, the test runs until
# the named check has failed, and the patch is taken back. It is an error when a patch does not apply, when the test passes,
# and when another check fails: then the patch, or the test, has to follow the source.
#
# LOCK=file: held from the first run to the last of a script in tests/system, on a machine that others measure on.
# KEPT=folder: what tests print.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
test_seconds=150 # no test that is named here takes half of it
kept=${KEPT:-$root/build/kept-rows}
tree=
child=
lock=
list=()
bad=0

fail() { # what
	echo "run.sh: $*" >&2
	exit 1
}

cleanup() {
	trap - EXIT INT TERM
	[[ -z $child ]] || { kill -TERM "$child" && wait "$child"; } 2>/dev/null
	[[ -z $tree ]] || rm -rf "$tree"
}

header() { # key, row: its value
	sed -n "/^diff\|^---/q; s/^$1:[[:space:]]*//p" "$here/$2.patch"
}

# Sets rows: the files' names that the arguments mean, all without one.
find_rows() {
	local f name wish n
	local -a all=()
	for f in "$here"/*.patch; do
		name=${f##*/}
		all+=("${name%.patch}")
	done
	rows=()
	(($# > 0)) || { rows=("${all[@]}"); return; }
	for wish; do
		n=${#rows[@]}
		for name in "${all[@]}"; do
			[[ ${name,,} != "${wish,,}"* ]] || rows+=("$name")
		done
		((${#rows[@]} > n)) || fail "no row $wish: see $here"
	done
}

# With times, which make compares, to the nanosecond.
copy_tree() {
	tree=$(mktemp -d) || fail "no temporary directory"
	tar -C "$root" --format=posix --exclude=./.git --exclude=./lab/out --exclude=./build/lint --exclude=./build/kept\* \
		--exclude=./build/deb --exclude=./build/corpus -cf - . | tar -C "$tree" -xf - || fail "the tree cannot be copied"
}

# Sets script, the test without its variables and cases, command, and target: what make has to build for it.
command_of() { # test's words
	command=()
	while [[ $1 == *=* ]]; do
		command+=("$1")
		shift
	done
	script=$1 target=all
	[[ $1 == *.sh ]] || target=build/$1
	[[ $1 == *.sh ]] && command+=("./$1") || command+=("build/$1")
	command+=("${@:2}")
}

build() { # test's words
	command_of "$@"
	make -C "$tree" "$target" >"$tree/make.log" 2>&1 || {
		tail -n 20 "$tree/make.log" >&2
		return 1
	}
}

# A script ends by itself when it is told to, and takes away what it made. Sets status, and began (SECONDS).
run_test() { # file for what it prints, pattern of the check after which it may end or "", test's words...
	local log=$1 until=$2
	shift 2
	command_of "$@"
	began=$SECONDS
	: >"$log"
	(
		cd "$tree" || exit 1
		[[ -z $lock ]] || exec {lock}>&- # a process that outlives the test must not hold it
		exec setsid timeout --foreground "$test_seconds" env "${command[@]}"
	) >"$log" 2>"$log.err" &
	child=$!
	while kill -0 "$child" 2>/dev/null; do
		# Once: a second one would end it while it takes away what it made.
		[[ -z $until ]] || ! failed_check "$log" "$until" >/dev/null || { kill -TERM "$child" 2>/dev/null && until=; }
		sleep 0.1
	done
	wait "$child"
	status=$?
	kill -TERM -- "-$child" 2>/dev/null # helpers of a script that was told to end
	child=
}

# cmocka says "not ok" also of what it skips, and more than the name where what follows a test fails, too.
failed_check() { # log, pattern: the first line of a check of that name that failed
	grep -E '^not ok' "$1" | grep -v '# SKIP' | sed 's/^not ok [0-9]* - //; s/ Could not run test: .*//' | grep -m 1 -E -- "$2"
}

passed_check() { # log, pattern
	grep -E '^ok' "$1" | grep -v '# SKIP' | sed 's/^ok [0-9]* - //' | grep -qE -- "$2"
}

trouble() { # row or test, what
	echo "FAILED $1: $2"
	bad=$((bad + 1))
}

# The test as the source is. False: it fails, or lacks a check that a row names.
unchanged() { # test
	local row words log=$kept/unchanged_${1//[ \/]/_}
	read -ra words <<<"$1"
	build "${words[@]}" || fail "the unchanged source does not build"
	run_test "$log" "" "${words[@]}"
	if ((status != 0)) || grep -E '^not ok' "$log" | grep -qv '# SKIP'; then
		trouble "$1" "it fails in the unchanged source: $log"
		return 1
	fi
	echo "passes unchanged ($((SECONDS - began)) s): $1"
	for row in "${same[@]}"; do
		passed_check "$log" "$(header Fails "$row")" || {
			trouble "$row" "the unchanged test has no check \"$(header Fails "$row")\" that passes: $log"
			return 1
		}
	done
}

mutant() { # row
	local test words check log=$kept/$1
	test=$(header Test "$1")
	read -ra words <<<"$test"
	if ! patch -d "$tree" -p1 --batch --fuzz=0 --no-backup-if-mismatch <"$here/$1.patch" >"$tree/patch.log" 2>&1; then
		trouble "$1" "the patch does not apply: the source has changed: $(tail -n 1 "$tree/patch.log")"
		fail "the copy is half changed: nothing further is tried"
	fi
	if ! build "${words[@]}"; then
		trouble "$1" "without the fix it does not build"
	else
		run_test "$log" "$(header Fails "$1")" "${words[@]}"
		if check=$(failed_check "$log" "$(header Fails "$1")"); then
			list+=("$(header Row "$1") | $(header Fix "$1") | $test | $check")
			echo "fails without the fix ($((SECONDS - began)) s): $1: $check"
		else
			trouble "$1" "SURVIVES: $test has no failed check \"$(header Fails "$1")\" without: $(header Fix "$1") ($log)"
		fi
	fi
	patch -d "$tree" -p1 --batch --fuzz=0 --no-backup-if-mismatch -R <"$here/$1.patch" >"$tree/patch.log" 2>&1 ||
		fail "$1: the patch cannot be taken back"
}

rows_of() { # test; sets same: the rows that name it
	local row
	same=()
	for row in "${rows[@]}"; do
		[[ $(header Test "$row") != "$1" ]] || same+=("$row")
	done
}

# Tests of one script come one after the other, with the lock held from the first to the last.
each_test() {
	local test script held=
	local -a same
	while read -r script test; do
		rows_of "$test"
		[[ $script == "$held" || -z $lock ]] || { exec {lock}>&- && lock=; }
		[[ -z ${LOCK:-} || -n $lock || $script != tests/system/* ]] || { exec {lock}>"$LOCK" && flock "$lock"; }
		held=$script
		! unchanged "$test" || mutants
	done < <(tests_of_rows)
	[[ -z $lock ]] || exec {lock}>&-
}

tests_of_rows() { # a line each: the script or program, and the test
	local row test words
	for row in "${rows[@]}"; do
		test=$(header Test "$row")
		read -ra words <<<"$test"
		command_of "${words[@]}"
		echo "$script $test"
	done | sort -u
}

mutants() {
	local one
	for one in "${same[@]}"; do
		mutant "$one"
	done
}

check_headers() {
	local row key
	for row in "${rows[@]}"; do
		for key in Row Fix Test Fails; do
			[[ $(header $key "$row" | wc -l) -eq 1 ]] || fail "$row.patch has no line \"$key:\", or several"
		done
	done
}

find_rows "$@"
check_headers
[[ $(id -u) == 0 ]] || fail "root is needed, for network namespaces"
command -v patch >/dev/null || fail "patch(1) is missing: apt install patch"
trap cleanup EXIT
trap 'exit 130' INT TERM
rm -rf "$kept"
mkdir -p "$kept" || fail "no folder $kept"
copy_tree
each_test
echo "row | the fix that is taken out | test | the check that fails"
printf '%s\n' "${list[@]}" | sort -V
echo "run.sh: ${#rows[@]} fixes taken out, ${#list[@]} found by their tests; $((SECONDS / 60)) min $((SECONDS % 60)) s"
((bad == 0 && ${#list[@]} == ${#rows[@]}))
