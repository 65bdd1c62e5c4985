#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# figures.sh: the evaluation's driver, with programs in place of scenarios: a failure is told and the rest go on, what is
# done is not done again, an interrupted one goes on, a quick one does not replace a full one. Boots no VM. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
lab=$root/build/divvy-lab
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export DIVVY_LAB_SCENARIOS=$tmp/scenarios

program() { # name, quick seconds, then its body on standard input
	{
		printf '#!/bin/sh\n# title: %s\n# section: peers\n# seconds: 5\n# quick: %s\n' "$1" "$2"
		echo 'echo "$0 $*" >>"'"$tmp"'/ran"'
		cat
	} >"$DIVVY_LAB_SCENARIOS/$1.sh"
	chmod 755 "$DIVVY_LAB_SCENARIOS/$1.sh"
}

figures() { # arguments; its exit status into $status
	: >"$tmp/ran"
	"$lab" figures --out "$tmp/out" "$@" >"$tmp/said" 2>&1
	status=$?
}

# What follows is for try, which shows what the driver said where something is not as it should be.
ran() { # names that ran, in order
	cat "$tmp/said"
	[[ $(sed 's,.*/\(.*\)\.sh .*,\1,' "$tmp/ran" | tr '\n' ' ') == "$1" ]]
}

exits() {
	cat "$tmp/said"
	[[ $status -eq $1 ]]
}

state() { # scenario, state
	cat "$tmp/said"
	perl -MJSON::PP -e 'local $/; my ($s) = grep { $_->{name} eq $ARGV[0] } @{decode_json(<STDIN>)->{scenarios}};
		exit !($s && $s->{state} eq $ARGV[1])' "$1" "$2" <"$tmp/out/figures.json"
}

says() {
	cat "$tmp/said"
	grep -qF -- "$1" "$tmp/said"
}

summary='printf "{\"version\": 1, \"phases\": []}\n" >"$1/summary.json"'
mkdir "$DIVVY_LAB_SCENARIOS"
program aa 3 <<<"$summary"
program bb 0 <<<'echo broken; exit 3'
program cc 3 <<<"$summary"

figures
try "a failure is the exit status" exits 1
try "the rest of the scenarios ran" ran "aa bb cc "
try "the failed one is named, with what it was" says "FAILED: bb ended with 3"
try "it is noted as failed" state bb failed
try "the others are noted as done" state cc "done"
try "each was given a directory, seconds, and repetitions" grep -q "aa.sh $tmp/out/aa 5 3" "$tmp/ran"
try "what it said is in its log" grep -q broken "$tmp/out/bb/log.txt"

program bb 0 <<<"$summary"
figures
try "only the failed one runs again" ran "bb "
try "and then all is well" exits 0
figures --fresh --only cc
try "--fresh and --only run a part again" ran "cc "
figures --only nonsense
try "a part that does not exist is refused" says '"nonsense" is no part'
figures --quick
try "a quick one does not replace a full one" says "holds a full evaluation"

rm -rf "$tmp/out"
program bb 3 <<<"sleep 60"
timeout -s INT 2 "$lab" figures --out "$tmp/out" >"$tmp/said" 2>&1
status=$?
try "an interrupt ends it" exits 124
try "and says how to go on" says "the same command goes on"
try "what was done is noted" state aa "done"
try "what was not is planned" state bb planned
program bb 3 <<<"$summary"
figures
try "the same command goes on where it was" ran "bb cc "

rm -rf "$tmp/out"
program bb 0 <<<"$summary"
figures --quick
try "a quick one runs what is quick" ran "aa cc "
try "shortly and once" grep -q "aa.sh $tmp/out/aa 4 1" "$tmp/ran"
figures
try "a full one replaces a quick one" ran "aa bb cc "
tap_done
