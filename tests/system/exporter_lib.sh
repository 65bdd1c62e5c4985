# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# exporter_lib.sh: a divvy-exporter beside lib.sh's divvyd, in the same namespace, as a user of its own in the read group; in a
# whole host, its unit (unit_lib.sh).
# shellcheck disable=SC2154 # tmp, host, root, read_group: lib.sh's and the test's

port_http=9755
url=http://127.0.0.1:$port_http
exporter_pid=

exporter_socket() { # a path that it may listen at
	[[ -n ${DIVVY_UNIT:-} ]] && echo /run/divvy-exporter/http.sock || echo "$tmp/x/http"
}

exporter_start() { # address, options...
	if [[ -n ${DIVVY_UNIT:-} ]]; then
		unit_exporter_start "$@"
	else
		exporter_run "$@"
	fi
	await 5 grep -q "divvy-exporter 0.*$1" "$tmp/exporter.log" || {
		diag <"$tmp/exporter.log"
		bail "divvy-exporter does not start"
	}
}

exporter_run() {
	mkdir -p "$tmp/x"
	chown 65533 "$tmp/x"
	DIVVY_SOCKET=$tmp/socket nsenter --net="/run/netns/$host" setpriv --reuid 65533 --regid "$read_group" --clear-groups \
		"$root/build/divvy-exporter" --listen "$@" >>"$tmp/exporter.log" 2>&1 &
	exporter_pid=$!
}

exporter_stop() {
	[[ -n $exporter_pid ]] || return 0
	[[ -z ${DIVVY_UNIT:-} ]] || systemctl stop divvy-exporter
	kill "$exporter_pid" 2>/dev/null
	wait "$exporter_pid" 2>/dev/null
	exporter_pid=
}

get() { # curl's arguments
	in_host curl -s -m 5 "$@"
}

metric() { # name, device, another label: the value of the first sample
	get "$url/metrics" | grep -E "^$1[{ ].*" | grep -F -- "${2:+device=\"$2\"}" | grep -F -- "${3:-}" | head -n 1 | sed 's/.* //'
}
