#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh: what divvy-exporter tells, as others read it: Debian's Prometheus scrapes a run under flood, promtool looks at
# metrics, rules and the dashboard's expressions, and Chromium shows the page, whose values are compared with
# `divvy status`. A minute. Screenshots: build/views. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
# shellcheck source=tests/system/exporter_lib.sh
. "$root/tests/system/exporter_lib.sh"
out=$root/build/views
prometheus_pid=

prometheus_start() {
	cat >"$tmp/prometheus.yml" <<-END
		global: {scrape_interval: 1s, evaluation_interval: 1s}
		rule_files: [$root/contrib/prometheus/divvy.rules.yml]
		scrape_configs:
		  - job_name: divvy
		    static_configs: [{targets: ["127.0.0.1:$port_http"]}]
	END
	in_host prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/tsdb" --log.level=warn \
		--web.listen-address=127.0.0.1:9090 >"$tmp/prometheus.log" 2>&1 &
	prometheus_pid=$!
	await 20 query_is 'up{job="divvy"}' 1
	check "Prometheus scrapes the exporter" "$? == 0" || diag <"$tmp/prometheus.log"
}

views_stop() {
	[[ -n $prometheus_pid ]] || return 0
	kill "$prometheus_pid"
	wait "$prometheus_pid"
	prometheus_pid=
} 2>/dev/null

query() { # PromQL: the first result's value
	get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query | jq -r '.data.result[0].value[1]'
}

query_is() { # PromQL, value
	[[ $(query "$1") == "$2" ]]
}

case_prometheus() {
	local bytes
	get "$url/metrics" >"$tmp/metrics"
	try "promtool check metrics" promtool check metrics <"$tmp/metrics"
	try "promtool check rules" promtool check rules "$root/contrib/prometheus/divvy.rules.yml"
	try "promtool test rules" promtool test rules "$root/contrib/prometheus/divvy.rules.test.yml"
	prometheus_start
	sleep 6
	bytes=$(query 'sum(rate(divvy_device_delivered_bytes_total[5s]))')
	check "the rate that it computes is the capacity: ${bytes%.*} of $((capacity_mbit * 125000)) bytes a second" \
		"${bytes%.*} > capacity_mbit * 125000 * 95 / 100 && ${bytes%.*} < capacity_mbit * 125000 * 105 / 100"
	query_is 'divvy_device_entitled_bytes_per_second{device="web",direction="tx"}' $((capacity_mbit * 125000 * 6 / 10))
	check "entitled" "$? == 0"
	query_is 'count(ALERTS) or vector(0)' 0
	check "no alert" "$? == 0" || query 'ALERTS' | diag
	get http://127.0.0.1:9090/api/v1/targets | jq -e '.data.activeTargets[0].lastError == ""' >/dev/null
	check "the scrape has no error" "$? == 0"
}

# Each expression as a rule, with Grafana's variables filled in; and each metric is one that the man page has.
case_dashboard() {
	local json=$root/contrib/grafana/divvy.json name unknown=
	try "the dashboard is JSON" jq -e '.panels | length > 10' "$json"
	jq '{groups: [{name: "dashboard", rules: [.panels[].targets[].expr
		| gsub("\\$__rate_interval"; "5m") | gsub("\\$(instance|uplink|device)"; ".*")] | to_entries
		| map({record: "x\(.key)", expr: .value})}]}' "$json" >"$tmp/dashboard.yml"
	try "its expressions are PromQL" promtool check rules "$tmp/dashboard.yml"
	for name in $(grep -oh 'divvy_[a-z_]*' "$json" "$root/contrib/prometheus/divvy.rules.yml" "$tmp/metrics" | sort -u); do
		grep -q "^$name\b" "$root/doc/divvy-exporter.8" || unknown+=" $name"
	done
	check "every metric is in the man page$unknown" "${#unknown} == 0"
}

# The page after some seconds, as Chromium has it then.
browse() { # what: dom | png, file, options...
	local how=--dump-dom file=$2
	[[ $1 == dom ]] || how=--screenshot=$file
	in_host timeout 60 chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-sync \
		--user-data-dir="$tmp/chromium" --enable-logging=stderr --virtual-time-budget=9000 "$how" "${@:3}" "$url/" \
		>"$tmp/browsed" 2>"$tmp/console"
	[[ $1 == png ]] || cp "$tmp/browsed" "$file"
	[[ -s $file ]]
}

cell() { # device, field: the text in the page
	perl -0777 -CSD -ne '
		my ($key, $field) = ($ENV{KEY}, $ENV{FIELD});
		print $1 if m{<tr[^>]* data-key="\Q$key\E"[^>]*>(?:(?!</tr>).)*data-field="$field">([^<]*)<}s' "$tmp/dom.html"
}

as_shown() { # bits a second: as the page writes it
	awk -v v="$1" 'BEGIN { split("k M G T", u, " "); while (v >= 999.5) { v = v / 1000; i++ } printf("%.*f%s", (v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2), v, (i ? u[i] : "")) }'
}

case_page() {
	local shown real
	browse dom "$tmp/dom.html" --window-size=1200,900
	check "Chromium shows the page" "$? == 0" || tail -n 5 "$tmp/console" | diag
	for v in web batch; do
		shown=$(KEY=up0/$v FIELD=entitled cell) real=$(as_shown "$(of $v entitled_bps)")
		[[ $shown == "$real" ]]
		check "$v: entitled $shown, as divvy status says" "$? == 0" || diag <<<"$real"
		shown=$(KEY=up0/$v FIELD=delivered cell) # of another window than the status'
		awk -v s="${shown%M}" -v r="$(of $v delivered_bps)" 'BEGIN { exit !(s > 0.8 * r / 1e6 && s < 1.2 * r / 1e6) }'
		check "$v: delivered $shown" "$? == 0" || of $v delivered_bps | diag
	done
	shown=$(KEY=up0 FIELD=delivered cell)
	awk -v s="${shown%M}" -v r="$capacity_mbit" 'BEGIN { exit !(s > 0.95 * r && s < 1.05 * r) }'
	check "up0: delivered $shown" "$? == 0"
	grep -q 'old waits: no interface nosuch' "$tmp/dom.html"
	check "what is wrong, in words" "$? == 0"
	(($(grep -o '<path class="line" d="M' "$tmp/dom.html" | wc -l) >= 3))
	check "plots have lines" "$? == 0"
	grep -q '<svg[^>]*role="img"[^>]*aria-label="up0: delivered' "$tmp/dom.html"
	check "a plot has its words" "$? == 0"
	grep -qF '&lt;script&gt;alert(1)&lt;img src onerror&gt;' "$tmp/dom.html"
	check "a VM's name that is HTML is shown as text" "$? == 0" || grep -o 'onerror.\{40\}' "$tmp/dom.html" | diag
	! grep -qE '<img|<script>' "$tmp/dom.html"
	check "... and does nothing" "$? == 0"
	! grep -E 'CONSOLE' "$tmp/console" >"$tmp/complaints"
	check "the browser's console is silent: nothing was refused, nothing threw" "$? == 0" || diag <"$tmp/complaints"
}

# What a page could do if one of its names were obeyed: nothing, for the browser refuses it.
case_csp() {
	local head
	head=$(get -D - -o /dev/null "$url/")
	[[ $head == *"Content-Security-Policy: default-src 'none'; script-src 'nonce-"*"frame-ancestors 'none'"* ]]
	check "the header that says so" "$? == 0" || diag <<<"$head"
}

case_screenshots() {
	mkdir -p "$out"
	browse png "$out/light.png" --window-size=1200,900 --blink-settings=preferredColorScheme=1
	check "light: build/views/light.png" "$? == 0"
	browse png "$out/dark.png" --window-size=1200,900 --blink-settings=preferredColorScheme=0
	check "dark: build/views/dark.png" "$? == 0"
	! cmp -s "$out/light.png" "$out/dark.png"
	check "... which is another one" "$? == 0"
	browse png "$out/phone.png" --window-size=500,1100 --blink-settings=preferredColorScheme=1
	check "a narrow window: build/views/phone.png" "$? == 0"
}

for program in chromium curl jq prometheus promtool; do
	command -v $program >/dev/null || bail "$program is missing: make deps check-views"
done
lib_init
trap 'views_stop; cleanup' EXIT
chmod 711 "$tmp"
divvyd_options=(--read-group "$read_group")
vm_name[batch]='<script>alert(1)<img src onerror>'
make_topology bridge
start_vms
divvy_start
cat >"$tmp/divvy.yaml" <<-END
	uplinks:
	  - name: up0
	    capacity: ${capacity_mbit}mbit
	    overhead: 0
	    devices:
	      - {name: web, nic: n0, share: 60}
	      - {name: batch, nic: n1, share: 40}
	      - {name: old, nic: nosuch, share: 7}
END
divvy apply "$tmp/divvy.yaml" >/dev/null
for v in web batch; do
	vm_ask $v "flood 300 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
done
exporter_start "127.0.0.1:$port_http"
sleep 1
case_prometheus
case_dashboard
case_page
case_csp
case_screenshots
views_stop
exporter_stop
vm_stop_all
divvy_release
tap_done
