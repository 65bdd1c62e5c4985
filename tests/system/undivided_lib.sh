# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# undivided_lib.sh: filters and programs of other owners before divvy's filter on n0, and what divvy says of them. Sourced.

# shellcheck disable=SC2154 # root is the test's
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

early_out='' early_pid=

early_on=n0
early() { # arguments of early behind the device: on it, until early_end
	rm -f "$tmp/early.out"
	mkfifo "$tmp/early.out"
	exec {early_out}<>"$tmp/early.out"
	ip netns exec "$host" "$root/build/tests/system/early" "$early_on" "$@" >"$tmp/early.out" 2>"$tmp/early.err" {early_out}>&- &
	early_pid=$!
	if ! read -r -t 5 -u "$early_out"; then
		early_end
		return 1
	fi
}

early_end() {
	kill "$early_pid" 2>/dev/null # SIGTERM: it takes its program away
	exec {early_out}>&-
	wait "$early_pid" 2>/dev/null
}

u32() { # pref, match...
	tc -n "$host" filter add dev n0 ingress pref "$1" protocol ip u32 match "${@:2}" flowid :1
}

apply_hook() { # first | last
	sed "s/nic: n0,/nic: n0, hook: $1,/" "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" "${@:2}" >"$tmp/said" 2>&1
}

undivided() { # pattern of what divvy says of web
	divvy status 2>/dev/null | grep -qE "^  not divided: $1"
}

divided() {
	is web undivided null
}

# What is said is right again, 2 s after what kept the packets has gone; a look at it takes as long as its processes do.
check_divided_again() { # of what, is it divided?, command that takes it away...
	local t0 took
	"${@:3}"
	t0=${EPOCHREALTIME/./}
	await 8 "$2"
	check "$1: gone, it is divided" "$? == 0" || divvy status | diag
	took=$(((${EPOCHREALTIME/./} - t0) / 1000))
	echo "# $1: said no longer after $took ms"
	check "$1: in time" "took <= 3000"
}

# divvy is bound before the flood begins. A VM that is not held back can take a whole processor: short floods.
flood_starts() { # VM
	# shellcheck disable=SC2034 # the test uses it
	flood_us=${EPOCHREALTIME/./}
	vm_ask "$1" "flood 30 $frame ${dst_mac[$1]} ${src_ip[$1]} 10.77.0.1 ${port[$1]}"
}

flood_ends() {
	vm_ask "$1" stop
	vm_reply "$1"
}

u32_gone() {
	tc -n "$host" filter del dev n0 ingress pref 10
}

said_within() { # seconds, VM: floods meanwhile
	flood_starts web
	await "$1" undivided .
	local r=$?
	flood_ends web
	return $r
}

run_cases() { # names
	local c
	lib_init
	set_up bridge
	for c; do
		"case_$c"
	done
	tear_down bridge
	tap_done
}
