#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh: what divvy-exporter tells, as others read it: Debian's Prometheus scrapes a run under flood, promtool looks at
# metrics, rules and the dashboard's expressions, Chromium shows the page, whose values are compared with `divvy status`, and
# tmux shows `divvy top`. Both directions are divided, and a promise is broken on purpose. A minute and a half. Screenshots:
# build/views. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
# shellcheck source=tests/system/exporter_lib.sh
. "$root/tests/system/exporter_lib.sh"
out=$root/build/views
prometheus_pid=
sender_pid=

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

# A server that sends 40 Mbit/s to each VM.
sender_start() {
	ip -n "$srv" -b - <<-END
		neigh replace ${src_ip[web]} lladdr ${mac[web]} dev srv0
		neigh replace ${src_ip[batch]} lladdr ${mac[batch]} dev srv0
	END
	ip netns exec "$srv" perl -MSocket -MTime::HiRes=usleep -e '
		socket my $s, PF_INET, SOCK_DGRAM, 0 or die;
		my @to = map { pack_sockaddr_in(6000, inet_aton($_)) } @ARGV;
		for (;;) {
			usleep 1000;
			for my $to (@to) { send $s, "x" x 1000, 0, $to for 1 .. 5 }
		}' "${src_ip[web]}" "${src_ip[batch]}" &
	sender_pid=$!
}

# Another program sets the class of web down, again and again: divvyd puts it right, and says what web did not get.
break_promise() {
	local class end=$((SECONDS + 20))
	class=$(tc -n "$host" filter show dev n0 ingress | sed -n 's/.*flowid \(d177:[0-9a-f]*\).*/\1/p' | head -n 1)
	until (($(metric divvy_device_violations_total web 'direction="tx"') > 0 || SECONDS > end)); do
		for _ in {1..50}; do
			tc -n "$host" class change dev divvy0 parent d177:1 classid "$class" htb rate 1mbit ceil 1mbit
		done
	done
}

views_stop() {
	[[ -z $sender_pid ]] || { kill "$sender_pid" && wait "$sender_pid"; }
	sender_pid=
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
	local bytes direction
	get "$url/metrics" >"$tmp/metrics"
	try "promtool check metrics" promtool check metrics <"$tmp/metrics"
	get -H 'Accept: application/openmetrics-text' "$url/metrics" >"$tmp/openmetrics"
	check "OpenMetrics: no family twice" "$(grep -c '^# TYPE' "$tmp/openmetrics") == $(grep '^# TYPE' "$tmp/openmetrics" | sort -u | wc -l)"
	try "promtool check rules" promtool check rules "$root/contrib/prometheus/divvy.rules.yml"
	try "promtool test rules" promtool test rules "$root/contrib/prometheus/divvy.rules.test.yml"
	prometheus_start
	sleep 6
	for direction in tx rx; do
		bytes=$(query "sum(rate(divvy_device_delivered_bytes_total{direction=\"$direction\"}[5s]))")
		check "$direction: the rate that it computes is the capacity: ${bytes%.*} of $((capacity_mbit * 125000)) bytes a second" \
			"${bytes%.*} > capacity_mbit * 125000 * 95 / 100 && ${bytes%.*} < capacity_mbit * 125000 * 105 / 100"
	done
	query_is 'divvy_device_entitled_bytes_per_second{device="web",direction="tx"}' $((capacity_mbit * 125000 * 6 / 10))
	check "entitled" "$? == 0"
	query_is 'divvy_device_entitled_bytes_per_second{device="web",direction="rx"}' $((capacity_mbit * 125000 * 3 / 4))
	check "... of what is received" "$? == 0"
	query_is 'count(ALERTS{alertstate="firing"}) or vector(0)' 0
	check "no alert fires" "$? == 0" || get 'http://127.0.0.1:9090/api/v1/alerts' | diag
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
		print $1 if m{<tr[^>]* data-key="\Q$key\E"[^>]*>(?:(?!</tr>).)*data-field="$field"[^>]*>([^<]*)<}s' "$tmp/dom.html"
}

as_shown() { # bits a second: as the page writes it
	awk -v v="$1" 'BEGIN { split("k M G T", u, " "); while (v >= 999.5) { v = v / 1000; i++ } printf("%.*f%s", (v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2), v, (i ? u[i] : "")) }'
}

case_page() {
	local shown real v
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
	shown=$(KEY=up0 FIELD=rx-delivered cell)
	awk -v s="${shown%M}" -v r="$capacity_mbit" 'BEGIN { exit !(s > 0.9 * r && s < 1.1 * r) }'
	check "up0: received $shown" "$? == 0"
	shown=$(KEY=up0/web FIELD=rx-entitled cell) real=$(as_shown $((capacity_mbit * 750000)))
	[[ $shown == "$real" ]]
	check "web: entitled to $shown of what is received" "$? == 0" || diag <<<"$real"
	check "web: violations" "$(KEY=up0/web FIELD=violations cell) > 0"
	grep -q 'web got less than it was promised of what it sends, ' "$tmp/dom.html"
	check "a promise that was broken, in words" "$? == 0"
	grep -q 'lab/old waits: no interface nosuch' "$tmp/dom.html"
	check "what is wrong, in words" "$? == 0"
	[[ $(KEY=up0/lab/shops/acme/front FIELD=entitled cell) == 0 ]] && grep -q '>acme/front</button>' "$tmp/dom.html" &&
		! grep -q 'data-key="up0/lab/shops/acme"' "$tmp/dom.html"
	check "a VM whose name has a slash is one device of its pattern" "$? == 0" || grep -o 'data-key="up0/lab[^"]*"' "$tmp/dom.html" | diag
	(($(grep -o '<path class="line" d="M' "$tmp/dom.html" | wc -l) >= 5))
	check "plots have lines" "$? == 0"
	grep -q '<svg[^>]*role="img"[^>]*aria-label="up0 receives: delivered' "$tmp/dom.html"
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

mux() {
	tmux -S "$tmp/tmux" -f /dev/null "$@"
}

screen_is() { # pattern...
	local p said
	said=$(mux capture-pane -p)
	for p; do
		grep -qE -- "$p" <<<"$said" || return 1
	done
}

# The screen as a picture, dark and light.
shot() { # name, columns, lines
	local look
	mux capture-pane -p -e >"$tmp/frame"
	for look in dark light; do
		LIGHT=$([[ $look == dark ]] || echo 1) "$root/tests/views/screen.pl" "$2" "$3" "$tmp/frame" >"$tmp/$1.svg"
		timeout 60 chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
			--user-data-dir="$tmp/chromium" --force-device-scale-factor=1.5 --screenshot="$out/$1-$look.png" \
			--window-size=$(($2 * 8 + 16)),$(($3 * 17 + 16)) "file://$tmp/$1.svg" >/dev/null 2>&1
		[[ -s $out/$1-$look.png ]]
		check "top, $look: build/views/$1-$look.png" "$? == 0"
	done
}

case_top() {
	mux new-session -d -x 80 -y 24 env -u NO_COLOR -u LC_ALL LANG=C.UTF-8 TERM=tmux-256color DIVVY_SOCKET="$tmp/socket" \
		"$root/build/divvy" top
	await 5 screen_is 'NAME +SHARE TX ENT TX GOT SENT +RX ENT RX GOT RECEIVED +STATE' 'up0: tx [0-9.]+M of 20.0M, rx [0-9.]+M of 20.0M, 4 devices' \
		'^  web +60 +12.0M .* 15.0M .*█.* (NOT KEPT|bound !|NOT KE|may drop)'
	check "top, 80x24: bars of both directions, and a promise that was not kept" "$? == 0" || mux capture-pane -p | diag
	shot top80 80 24
	mux resize-window -x 150 -y 24
	await 5 screen_is 'TX, 1 min .*RX, 1 min .*DROPS STATE +NIC +VM'
	check "top, 150x24: all columns" "$? == 0" || mux capture-pane -p | diag
	mux send-keys Down Down Down Down Down
	await 5 screen_is '^web .* sent: [0-9]+ times less than promised, last [0-9.]+ s ago'
	check "top: when a promise was broken last" "$? == 0" || mux capture-pane -p | diag
	sleep 3
	shot top150 150 24
	mux kill-server
}

for program in tmux chromium curl jq prometheus promtool; do
	command -v $program >/dev/null || bail "$program is missing: make deps check-views"
done
lib_init
trap 'views_stop; cleanup' EXIT
chmod 711 "$tmp"
divvyd_options=(--read-group "$read_group")
vm_name[batch]='<script>alert(1)<img src onerror>'
tap[shop]=n2 mac[shop]=52:54:00:77:00:03 vm_name[shop]=acme/front
make_topology bridge
ip -n "$host" tuntap add n2 mode tap vnet_hdr && ip -n "$host" link set n2 up master br0 || bail "no third tap"
vm_start shop
start_vms
vm_ready shop
divvy_start
cat >"$tmp/divvy.yaml" <<-END
	uplinks:
	  - name: up0
	    capacity: ${capacity_mbit}mbit
	    rx_capacity: ${capacity_mbit}mbit
	    overhead: 0
	    networks:
	      - name: lab
	        share: 7
	        devices:
	          - {name: old, nic: nosuch}
	          - {name: shops, vm: "acme/*"}
	    devices:
	      - {name: web, nic: n0, share: 60, reserve: 5mbit, rx: {share: 3}}
	      - {name: batch, nic: n1, share: 40, rx: {share: 1}}
END
divvy apply "$tmp/divvy.yaml" >/dev/null
for v in web batch; do
	vm_ask $v "flood 600 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
done
sender_start
exporter_start "127.0.0.1:$port_http"
sleep 1
mkdir -p "$out"
case_prometheus
case_dashboard
break_promise
sleep 2
case_page
case_top
case_csp
case_screenshots
views_stop
exporter_stop
vm_stop_all
divvy_release
tap_done
