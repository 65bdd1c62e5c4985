#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# exporter.sh: divvy-exporter beside a divvyd whose VMs flood: what it answers, to whom, also without divvyd, and that
# it runs as a user who may ask divvyd and no more. `make check-views` shows it to Prometheus and to a browser. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
# shellcheck source=tests/system/exporter_lib.sh
. "$root/tests/system/exporter_lib.sh"

code() { # curl's arguments; prints the answer's status
	get -o /dev/null -w '%{http_code}' "$@"
}

refused() { # what it says, options...
	local said=$1
	shift
	! DIVVY_SOCKET=$tmp/socket timeout 5 "$root/build/divvy-exporter" "$@" >"$tmp/said" 2>&1 && says said "$said"
}

entitled_is() { # bytes a second
	[[ $(metric divvy_device_entitled_bytes_per_second web) == "$1" ]]
}

case_metrics() {
	local before after t0=${EPOCHREALTIME/./} us
	before=$(metric divvy_device_delivered_bytes_total web)
	sleep 1
	after=$(metric divvy_device_delivered_bytes_total web)
	us=$((${EPOCHREALTIME/./} - t0)) # under emulation asking takes a while
	check "delivered bytes grow as they should: $(((after - before) / 1000)) kB in $((us / 1000)) ms" \
		"after - before > 700000 && (after - before) * 100 < us * 220"
	await 5 entitled_is $((capacity_mbit * 75000)) # 60 % of it
	check "entitled, in bytes a second" "$? == 0" || get "$url/metrics" | grep entitled | diag
	[[ $(metric divvy_device_state web 'state="bound"') == 1 && $(metric divvy_device_backpressure batch) == 1 ]]
	check "state and backpressure" "$? == 0"
	[[ $(get -D - -o /dev/null "$url/metrics") == *"Content-Type: text/plain; version=0.0.4"* ]]
	check "the text format" "$? == 0"
	[[ $(get -H 'Accept: application/openmetrics-text;version=1.0.0' -i "$url/metrics") == *"Content-Type: application/openmetrics-text; version=1.0.0"*"# EOF" ]]
	check "OpenMetrics where it is asked for" "$? == 0"
	[[ $(get "$url/status.json" | tr -d ' \n' | sed 's/"monotonic_ns".*"resource"//; s/"uplinks".*//') == \
		"$(json | sed 's/"monotonic_ns".*"resource"//; s/"uplinks".*//')" ]]
	check "status.json is divvyd's status" "$? == 0"
	await 5 eval 'get "$url/history.json" | grep -q "\"device\":\"web\",\"direction\":\"tx\",\"entitled_kbps\":\[.*12000\]"'
	check "history.json has what was read" "$? == 0"
}

case_http() {
	local page
	check "another name in Host: is refused" "$(code -H 'Host: evil.example' "$url/metrics") == 403"
	check "a name that is given is not" "$(code -H 'Host: mon.example:8443' "$url/metrics") == 200"
	check "no Host: at all is" "$(code --http1.0 -H 'Host:' "$url/metrics") == 403"
	check "POST is refused" "$(code -d x "$url/metrics") == 405"
	check "what is not there" "$(code "$url/../etc/passwd" --path-as-is) == 404"
	check "headers without end" "$(code -H "X: $(head -c 60000 /dev/zero | tr '\0' x)" "$url/") >= 400"
	get -D "$tmp/head" "$url/" >"$tmp/page"
	page=$(sed -n "s/.*script-src 'nonce-\([0-9a-f]\{32\}\)'.*default.*//; s/.*script-src 'nonce-\([0-9a-f]\{32\}\)';.*/\1/p" "$tmp/head")
	[[ -n $page ]] && grep -q "<script nonce=\"$page\">" "$tmp/page" && grep -q "default-src 'none'" "$tmp/head"
	check "the page obeys nothing but its own script" "$? == 0" || diag <"$tmp/head"
	[[ $(get "$url/") != "$(<"$tmp/page")" ]]
	check "... by a number that is new each time" "$? == 0"
	printf 'GET / HTTP/9\r\n\r\n\0\377' | in_host timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port_http; cat >&3" 2>/dev/null
	check "nonsense does not end it" "$(code "$url/metrics") == 200"
}

case_connections() { # a local user keeps 100 connections
	local holder
	# shellcheck disable=SC2016 # perl's
	in_host perl -MIO::Socket::INET -e '
		my @all = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) } 1 .. 100;
		select undef, undef, undef, 0.3;
		my $open = 0;
		for my $s (grep { $_ } @all) {
			$s->blocking(0);
			my $n = sysread $s, my $x, 1;
			$open++ if !defined $n; # nothing came, and no end
		}
		print "$open\n";
		close STDOUT;
		sleep 12' "$port_http" >"$tmp/open" &
	holder=$!
	await 10 test -s "$tmp/open"
	check "of 100 idle connections it keeps $(<"$tmp/open")" "$(<"$tmp/open") <= 64"
	check "... and answers another client meanwhile" "$(code "$url/metrics") == 200"
	kill "$holder"
	wait "$holder"
}

case_daemon_gone() {
	divvyd_kill
	sleep 0.6
	check "divvyd is gone: divvy_up 0" "$(metric divvy_up) == 0"
	check "... and status.json says why" "$(code "$url/status.json") == 503"
	get "$url/status.json" | grep -q '"error":"divvyd does not answer at .*systemctl start divvyd"'
	check "... in words" "$? == 0"
	divvyd_launch
	sleep 0.6
	check "divvyd is back: divvy_up 1" "$(metric divvy_up) == 1"
}

case_options() {
	refused "expected a loopback address" --listen 0.0.0.0:9755
	check "an address for all is refused" "$? == 0" || diag <"$tmp/said"
	refused "expected 127.0.0.1:PORT" --listen 9755
	check "no address at all, too" "$? == 0" || diag <"$tmp/said"
	refused "expected whole seconds" --sample soon
	check "--sample takes whole seconds" "$? == 0" || diag <"$tmp/said"
	: >"$tmp/file"
	refused "Address already in use" --listen "$tmp/file"
	check "a file that is no socket stays" "$? == 0 && $([[ -e $tmp/file ]] && echo 1 || echo 0)" || diag <"$tmp/said"
	exporter_stop
	exporter_start "$(exporter_socket)"
	[[ $(get --unix-socket "$(exporter_socket)" http://localhost/metrics | grep -c '^divvy_up 1') == 1 ]]
	check "over a Unix socket" "$? == 0"
	exporter_stop
	check "which is gone with it" "$([[ -e $(exporter_socket) ]] && echo 0 || echo 1)"
}

lib_init
command -v curl >/dev/null || bail "curl is missing: make deps check"
chmod 711 "$tmp"
divvyd_options=(--group "$group" --read-group "$read_group")
set_up bridge
for v in web batch; do
	vm_ask $v "flood 60 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
done
exporter_start "127.0.0.1:$port_http" --host mon.example
check "divvy-exporter runs as an unprivileged user" "$(awk '/^Uid/ { print $2 }' "/proc/$exporter_pid/status") > 0"
sleep 1
case_metrics
case_http
case_connections
case_daemon_gone
case_options
vm_stop_all
divvy_release
tap_done
