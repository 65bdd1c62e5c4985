#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults_daemon.sh [CASE...]: bad input, divvyd's ends and starts, and who may speak to it. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"

refused() { # what, pattern; the specification is in $tmp/try.yaml
	local before after status
	before=$(classes)
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	status=$?
	after=$(classes)
	check "bad input: $1: refused" "$status == 1"
	says said "$2"
	check "bad input: $1: one line that says where and what" "$? == 0" || diag <"$tmp/said"
	[[ $before == "$after" && -n $after ]]
	check "bad input: $1: what runs stays" "$? == 0"
}

spec_with() { # a device's line, or what stands for the devices
	printf 'uplinks:\n  - name: up0\n    capacity: 20mbit\n    devices:\n%s\n' "$1" >"$tmp/try.yaml"
}

case_bad_input() {
	spec_with '      - {name: web, nic: n0, shares: 60}'
	refused "unknown key" ':5:[0-9]+: .*shares.*share'
	spec_with '      - {name: web, nic: n0, share: 0}'
	refused "zero share" ':5:[0-9]+: .*expected'
	spec_with '      - {name: web, nic: n0, share: -3}'
	refused "negative share" ':5:[0-9]+: .*expected'
	spec_with '      - {name: web, nic: n0, limit: 5mbps}'
	refused "wrong unit" ':5:[0-9]+: .*5mbit'
	spec_with '      - {name: web, nic: n0, limit: 1bit}'
	refused "limit below what is possible" ':5:[0-9]+: '
	spec_with $'      - {name: web, nic: n0}\n      - {name: batch, nic: n0}'
	refused "two devices claim one vNIC" ':6:.*n0'
	sed 's/up0/eth77/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	refused "unknown uplink" ':[0-9]+: unknown uplink "eth77"'
	: >"$tmp/try.yaml"
	refused "empty file" 'try.yaml.*: '
	head -c 10485760 /dev/zero | tr '\0' '#' >"$tmp/try.yaml"
	refused "10 MB" 'try.yaml.*: '
	head -c 4096 /dev/urandom >"$tmp/try.yaml"
	refused "binary" 'try.yaml.*: '
	printf 'uplinks: %s' "$(head -c 20000 /dev/zero | tr '\0' '[')" >"$tmp/try.yaml"
	refused "deep nesting" 'try.yaml.*: '
	divvy set web=0 >"$tmp/said" 2>&1
	check "bad input: set web=0 is refused" "$? == 1"
	divvy set nobody=3 >"$tmp/said" 2>&1
	check "bad input: set of an unknown device is refused" "$? == 1"
	says said 'nobody'
	check "bad input: and says which" "$? == 0"
	is web share 60
	check "bad input: shares are as they were" "$? == 0"
}

case_two_daemons() {
	ip netns exec "$host" "$root/build/divvyd" --config "$tmp/none.yaml" --state "$tmp/state2" --runtime "$tmp/run2" \
		--socket "$tmp/socket2" >"$tmp/said" 2>&1
	check "two divvyds: the second does not start" "$? == 1"
	says said "another divvyd \(process $divvyd_child\)"
	check "two divvyds: and says who runs" "$? == 0" || diag <"$tmp/said"
	is web state bound
	check "two divvyds: the first goes on" "$? == 0"
}

case_stale_socket() {
	divvyd_kill
	[[ -S $tmp/socket ]]
	check "stale socket: it is left by SIGKILL" "$? == 0"
	divvy status >"$tmp/said" 2>&1
	check "stale socket: divvy says that divvyd does not answer" "$? == 1"
	says said 'does not answer'
	check "stale socket: in one line" "$? == 0"
	divvyd_launch
	divvy status >/dev/null
	check "stale socket: the next divvyd replaces it" "$? == 0"
}

case_restart() {
	divvy set web=70 batch=30
	divvy_stop
	[[ $(classes | grep -c 'rate 14Mbit') -eq 1 ]]
	check "stopped: shares stay enforced" "$? == 0"
	divvyd_launch
	is web share 70
	check "restart: what was set is kept" "$? == 0"
	divvy status | grep -q "as applied"
	check "restart: without a system file nothing differs" "$? == 1"
	divvy_stop
	sed 's/share: 60/share: 10/' "$tmp/divvy.yaml" >"$tmp/none.yaml"
	divvyd_launch
	is web share 10
	check "restart: a system file that changed counts" "$? == 0"
	divvy set web=20
	divvy status | grep -q "as applied"
	check "set: status says that it differs from the file" "$? == 0"
	divvy_stop
	printf 'uplinks:\n  - name: up0\n    capacity: 20mbits\n' >"$tmp/none.yaml"
	divvyd_launch
	is web share 20
	check "restart: a system file that is wrong ends nothing that was set" "$? == 0"
	grep -qE 'none\.yaml:3:[0-9]+: .*20mbits' "$tmp/divvyd.log"
	check "restart: the log has file, line and what" "$? == 0" || diag <"$tmp/divvyd.log"
	divvy_stop
	mv "$state_dir/state.json" "$tmp/set.json"
	divvyd_once 10
	check "restart: a system file that is wrong stops the start where nothing was applied" "$? == 1"
	tail -n 1 "$tmp/said" | grep -qE '(none|divvy)\.yaml:3:[0-9]+: .*20mbits'
	check "restart: with file, line and what, in the last line" "$? == 0" || diag <"$tmp/said"
	mv "$tmp/set.json" "$state_dir/state.json"
	cp "$root/systemd/divvy.yaml" "$tmp/none.yaml"
	divvyd_launch
	is web share 20
	check "restart: the file that make install puts there says nothing" "$? == 0"
	divvy_stop
	rm "$tmp/none.yaml"
	divvyd_launch
}

# State of another boot: what was set counts, but numbers of links and processes mean others now, even where the names are
# the same. Played by what a reboot leaves: the state file alone, with another boot's id.
case_reboot() {
	local ifb
	divvy set web=70 batch=30
	divvy_stop
	grep -q '"hooks":\[{[^]]*"name":"n0"[^]]*"ours":true' "$state_dir/"*
	check "the state says that the hook's qdisc is divvy's" "$? == 0"
	sed -i 's/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/' "$state_dir/"*
	tc -n "$host" qdisc del dev n0 ingress
	tc -n "$host" qdisc del dev n1 ingress
	for ifb in $(ip -n "$host" -br link show type ifb | cut -d ' ' -f 1); do
		ip -n "$host" link del "$ifb"
	done
	tc -n "$host" qdisc add dev n0 clsact # somebody else was first after the boot
	divvyd_launch
	is web share 70
	check "reboot: what was set is kept" "$? == 0"
	await 5 divvy_bound on
	check "reboot: VMs are bound" "$? == 0"
	divvy release --all
	tc -n "$host" qdisc show dev n0 | grep -q clsact
	check "reboot: what is somebody else's now stays theirs" "$? == 0"
	tc -n "$host" qdisc show dev n1 | grep -qE 'clsact|ingress'
	check "reboot: what divvy made since goes" "$? == 1"
	tc -n "$host" qdisc del dev n0 clsact
}

case_peers() { # who may speak
	chmod 755 "$tmp"
	divvy_stop
	divvyd_options=(--group "$group")
	divvyd_launch
	divvyd_options=()
	cp "$root/build/divvy" "$tmp/divvy-copy"
	local nobody=(setpriv --reuid 65534 --regid 65534) copy=(env "DIVVY_SOCKET=$tmp/socket" "$tmp/divvy-copy")
	"${nobody[@]}" --clear-groups "${copy[@]}" status >"$tmp/said" 2>&1
	check "peers: a stranger is refused" "$? == 1"
	says said 'permission denied'
	check "peers: with a reason" "$? == 0" || diag <"$tmp/said"
	"${nobody[@]}" --groups "$group" "${copy[@]}" status >"$tmp/said" 2>&1
	check "peers: a member of the group is served" "$? == 0" || diag <"$tmp/said"
	chmod 666 "$tmp/socket"
	"${nobody[@]}" --clear-groups "${copy[@]}" set web=1 >"$tmp/said" 2>&1
	check "peers: a stranger is refused by credentials, whatever the socket's mode" "$? == 1"
	is web share 60
	check "peers: and changes nothing" "$? == 0"
}

cases=(bad_input two_daemons stale_socket restart reboot peers)
(($# > 0)) || set -- "${cases[@]}"
run_cases "$@"
