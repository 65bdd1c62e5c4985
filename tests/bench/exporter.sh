#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# exporter.sh [N]: what divvy-exporter needs for N bound devices (1,000): time and bytes of /metrics and of what the page
# fetches, its memory, and the CPU of it and divvyd while no page is open and while a page is open.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/bench/lib.sh
. "$root/tests/bench/lib.sh"
n=${1:-1000}
url=http://127.0.0.1:9755
command -v curl >/dev/null || { echo "curl is missing: make deps bench" >&2; exit 1; }
[[ -x $build/divvy-exporter ]] || { echo "$build/divvy-exporter is missing: make exporter" >&2; exit 1; }
exporter_pid=

stop_traffic() { # cleanup() calls it
	[[ -z $exporter_pid ]] || { kill "$exporter_pid" && wait "$exporter_pid"; } 2>/dev/null || :
}

get() {
	ip netns exec "$ns" curl -s -m 10 "$@"
}

timed() { # path...: milliseconds of ten runs with fresh answers, and bytes
	local path sum bytes
	for _ in {1..10}; do
		sleep 0.6 # an answer of divvyd's is given again for half a second
		sum=0 bytes=0
		for path; do
			read -r t b < <(get -o /dev/null -w '%{time_total} %{size_download}\n' "$url$path")
			sum=$(awk "BEGIN { print $sum + $t }") bytes=$((bytes + b))
		done
		echo "$sum $bytes"
	done | sort -n | awk '{ t[NR] = $1; b = $2 }
		END { printf "%.1f ms (range %.1f to %.1f, 10 runs), %.2f MB\n", 1000 * (t[5] + t[6]) / 2, 1000 * t[1], 1000 * t[NR], b / 1e6 }'
}

cpu_for() { # what, seconds
	local d0 x0
	d0=$(cpu_us) x0=$(cpu_us_of "$exporter_pid")
	sleep "$2"
	printf '%-34s%s\n' "$1:" "$(awk "BEGIN { printf \"divvyd %.2f %%, exporter %.2f %% of a core over $2 s\", \
		($(cpu_us) - $d0) / $2 / 10000, ($(cpu_us_of "$exporter_pid") - $x0) / $2 / 10000 }")"
}

watch() { # as a page does
	while :; do
		get -o /dev/null "$url/status.json?brief=1"
		sleep 2
	done
}

make_links "$n"
ip -n "$ns" link set lo up
start_divvyd
specification "$n" >"$tmp/spec.yaml"
divvy apply "$tmp/spec.yaml" >/dev/null
ip netns exec "$ns" "$build/divvy-exporter" 2>"$tmp/exporter.log" &
exporter_pid=$!
sleep 3
printf '%-34s' "/metrics, $n devices:"
timed /metrics
for _ in {1..20}; do # the history gets its readings
	get -o /dev/null "$url/status.json?brief=1"
	sleep 0.6
done
printf '%-34s' "the page and what it fetches:"
timed / "/status.json?brief=1" /history.json
printf '%-34s' "what it fetches each 2 s:"
timed "/status.json?brief=1"
cpu_for "no page is open" 20
watch &
watcher=$!
cpu_for "a page is open" 20
kill "$watcher"
wait "$watcher" 2>/dev/null || :
printf '%-34s%s\n' "the exporter's RSS:" "$(awk '/^VmRSS/ { printf "%.1f MB", $2 / 1024 }' "/proc/$exporter_pid/status")"
