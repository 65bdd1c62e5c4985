#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The evaluation's report, from a kept run (tests/unit/evaluation: three repetitions of one workload, one of the others, a
# scenario that failed, a peer that was left out, names that look like HTML) and from folders that are no result.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/tap.sh
. "$here/../tap.sh"
report=$here/../../lab/report/divvy-report
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
/usr/bin/python3 -c 'import jinja2' 2>/dev/null || { skip "python3-jinja2 is there" "it is not installed"; tap_done; }

same() { # what, expected, got
	local difference
	difference=$(diff "$2" "$3" 2>&1)
	check "$1" "${#difference} == 0" || diag <<<"$difference"
}
refused() { # what, expected beginning of the one line, argument...
	local what=$1 line=$2 said
	shift 2
	said=$("$report" "$@" 2>&1 >/dev/null)
	check "$what" "$? == 1 && $(wc -l <<<"$said") == 1 && $([[ $said == "divvy-lab: $line"* ]] && echo 1 || echo 0)" ||
		diag <<<"$said"
}
write() { # folder, text of summary.json
	mkdir -p "$dir/$1"
	printf '%s\n' "$2" >"$dir/$1/summary.json"
}

cp -r "$here/evaluation" "$dir/run"
try "a report is written" "$report" report "$dir/run" --causes "$dir/run/causes.md" --doc "$dir/doc.md"
# Figures as this program's predecessor printed them.
same "it says what it said, digit for digit" "$here/evaluation/expected.md" "$dir/run/report.md"
same "--doc is the same, its plots beside it" <(sed 's,(plots/,(doc/,' "$dir/run/report.md") "$dir/doc.md"
check "five plots are drawn, beside --doc, too" "$(find "$dir/run/plots" "$dir/doc" -name '*.svg' | wc -l) == 10"

html=$dir/run/report.html
words() { # of a page, without plots, style and marks
	/usr/bin/python3 -c '
import html, re, sys
page = re.sub(r"(?s)<(svg|style)\b.*?</\1>", "", open(sys.argv[1]).read())
print(re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page))))' "$1"
}
words "$html" >"$dir/page"
numbers() { grep -oE '[0-9]+\.[0-9]+( \[[^]]*\])?' | sort -u; }
missing=$(grep -v '^!' "$here/evaluation/expected.md" | sed 's/\\//g' | numbers | comm -23 - <(numbers <"$dir/page"))
check "the page has every number of the text" "${#missing} == 0" || diag <<<"$missing"
check "nothing is fetched, no script runs" "! $(grep -cE '(src|href)="?(https?:)?//|<script|@import|url\(http' "$html")"
check "names are no marks" "$(grep -c '<b>against' "$html") == 0 && $(grep -c '&lt;b&gt;against' "$html") > 0"
check "one screen is open, all else is folded" "$(grep -c '<details class="part"' "$html") == 7 &&
	$(grep -n '<details class="part"' "$html" | head -1 | cut -d: -f1) > $(grep -n 'divvy is behind' "$html" | head -1 | cut -d: -f1)"

dashes() { # how many columns of a page's tables, but for the first, have no value
	/usr/bin/python3 -c '
import re, sys
empty = 0
for table in re.findall(r"(?s)<tbody>(.*?)</tbody>", open(sys.argv[1]).read()):
    rows = [re.findall(r"(?s)<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[1:]]
    empty += sum(all(cell.strip() in ("", "-") for cell in column) for column in zip(*rows))
print(empty)' "$1"
}
check "no column without a value" "$(dashes "$html") == 0"

# By the median of the repetitions, and by whether ranges overlap.
phase() { echo "{\"under\": \"$1\", \"scheduler\": \"$2\", \"repetition\": $3, \"settled_ms\": $4, \"vms\": []}"; }
write a "{\"scenario\": \"x\", \"repetitions\": 3, \"phases\": [$(phase device divvy 1 5),$(phase device divvy 2 7),$(phase device divvy 3 9)]}"
write b "{\"scenario\": \"x\", \"repetitions\": 3, \"phases\": [$(phase device divvy 1 9.5),$(phase device divvy 2 11),$(phase device divvy 3 13)]}"
write c "{\"scenario\": \"x\", \"repetitions\": 3, \"phases\": [$(phase device divvy 1 8),$(phase device divvy 2 11),$(phase device divvy 3 13)]}"
check "ranges apart: higher" "$("$report" compare "$dir/a" "$dir/b" | grep -cE 'settled, ms +7 \[5\.\.9\] +11 \[10\.\.13\] +\+4 +higher') == 1"
check "ranges that overlap: level" "$("$report" compare "$dir/a" "$dir/c" --json | grep -c '"verdict": "level"') == 1"

# One run in words: two phases, the first without a scheduler. The rest is what the sentence and its exit code depend on.
demo() { # folder, VM a's error, loss of each VM, looks at a's queue that found it empty, others' cores, more of the phase
	write "$1" "{\"scenario\": \"demo\", \"processors\": 2, \"loaded\": true, \"phases\": [
		{\"name\": \"nothing\", \"scheduler\": \"none\", \"vms\": [{\"name\": \"a\", \"loss_pct\": 80.4}]},
		{\"name\": \"apply\", \"scheduler\": \"divvy\", \"changed\": true, \"others_cores\": $5, \"late_ms\": 1, \"utilisation\": 1.0,
		\"settled_ms\": 50, \"queue_drops\": 0, ${6:+$6,} \"vms\": [
		{\"name\": \"a\", \"share\": 60, \"mbps\": $(awk "BEGIN { print 60 + $2 }"), \"error_pp\": $2, \"loss_pct\": $3, \"queue_empty_pct\": $4},
		{\"name\": \"b\", \"share\": 40, \"mbps\": $(awk "BEGIN { print 40 - ($2) }"), \"error_pp\": $(awk "BEGIN { print -($2) }"),
		\"loss_pct\": $3, \"queue_empty_pct\": 0.0}]}]}"
}
verdict() { # what, exit code, pattern of the output, argument of demo...
	local said
	demo v "${@:4}"
	said=$("$report" verdict "$dir/v" 2>&1)
	check "verdict: $1" "$? == $2 && $(grep -cE -- "$3" <<<"$said") == 1" || diag <<<"$said"
}
verdict "all as asked for" 0 '^  kept: shares within 0\.10 points' -0.1 0.0 0.0 0.1
verdict "... in a sentence" 0 '^  apply: asked 60:40, got 59\.90:40\.10; lost 0, before: 80 %$' -0.1 0.0 0.0 0.1
verdict "a busy host" 0 "got 59\.45:40\.55; lost 0, before: 80 %; a's VM had nothing queued 5\.7 % of the time: busy host" -0.55 0.0 5.7 0.9
verdict "... is no fault of divvy's" 0 "^  not exact, and not divvy's fault: apply: a is 0\.55 points short" -0.55 0.0 5.7 0.9
verdict "a VM that stood still for a moment: neither" 0 "^  not exact, and not divvy's fault" -0.55 0.0 0.9 0.1
verdict "a queue that is often empty on an idle host" 1 "^  NOT KEPT.*divvy's fault: apply: a is 0\.55 points short" -0.55 0.0 5.7 0.1
verdict "more than an empty queue explains" 1 '^  NOT KEPT.*apply: a is 5\.00 points short' -5 0.0 5.7 0.9
verdict "packets that divvy's queues dropped" 1 "^  NOT KEPT.*divvy's queues dropped 7 packets" 0 0.02 0.0 0.9 '"queue_drops": 7'
verdict "packets that are lost" 1 "^  NOT KEPT.*0\.02 % of a VM's packets were lost" 0 0.02 0.0 0.1
verdict "shares that do not settle" 1 '^  NOT KEPT.*did not settle' 0 0.0 0.0 0.1 '"settled_ms": null'
verdict "a capacity that is not used" 1 '^  NOT KEPT.*80\.0 % of the capacity' 0 0.0 0.0 0.1 '"utilisation": 0.8'
sed 's/"loaded": true/"loaded": false/' "$dir/v/summary.json" >"$dir/summary.json"
"$report" verdict "$dir" >"$dir/said"
check "verdict: VMs that do not fill the wire have none" "$? == 0 && $(grep -c 'no verdict' "$dir/said") == 1"
refused "nothing that divvy divides" "$dir/a: no summary.json with a phase that divvy divides" verdict "$dir/a"
receives() { # under, scheduler, idle, ping
	echo "{\"under\": \"$1\", \"scheduler\": \"$2\", \"idle\": $3, \"utilisation\": 0.969, \"changed\": true, \"vms\": [{\"name\": \"a\", \"traffic\": \"tcp\", \"receives\": true, \"mbps\": 8, \"loss_pct\": 52.04, \"error_pp\": -0.9, \"rtt_ms\": {\"p50\": $4}}]}"
}
write rx "{\"scenario\": \"rx\", \"section\": \"promises\", \"phases\": [$(receives unloaded none true 2),$(receives device divvy false 12)]}"
"$report" report "$dir/rx" >/dev/null
check "what VMs receive has its targets: shares, the capacity, the ping beside the unloaded one" "$(grep -cE \
	'at most 1 point .*0.900 points .* reached|at least 97 % .*96.9 % .*missed|at most 12 ms, unloaded . 10 .* reached' "$dir/rx/report.md") == 3"
check "... and who lost what, though divvy divides" "$(grep -cF 'device** | a 8.00 (lost 52.04 %) |' "$dir/rx/report.md") == 1"
check "... and nothing to settle at" "$(grep -c 'not settled' "$dir/rx/report.md") == 0"

mkdir "$dir/empty"
refused "a folder without a result" "$dir/empty: no figures.json and no summary.json" report "$dir/empty"
write bad '{"phases": ['
refused "a file that ends early" "$dir/bad/summary.json:2: " report "$dir/bad"
write list '[]'
refused "a file that is something else" "$dir/list/summary.json: not a JSON object" report "$dir/list"
mkdir "$dir/outside" && echo '{"scenarios": [{"name": "../x"}]}' >"$dir/outside/figures.json"
refused "a name that leads elsewhere" "$dir/outside/figures.json: scenario 0: a name" report "$dir/outside"
echo '- a / b: c' >"$dir/causes.md"
refused "a cause without a measure" "$dir/causes.md:1: \"- WORKLOAD" report "$dir/run" --causes "$dir/causes.md"
refused "nothing in common" "$dir/a and $dir/run have no" compare "$dir/a" "$dir/run"
tap_done
