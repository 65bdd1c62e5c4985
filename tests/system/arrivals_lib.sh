# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# arrivals_lib.sh: which frames of a flood arrive, by their sequence numbers (arrivals.c at the receiver). Part of lib.sh.
# shellcheck disable=SC2154,SC2034 # variables of lib.sh

arrivals_pid=

arrivals_start() { # floods count what is lost by sequence numbers from now on
	local in=$tmp/arrivals.in out=$tmp/arrivals.out
	mkfifo "$in" "$out"
	exec {arrivals_in}<>"$in" {arrivals_out}<>"$out"
	ip netns exec "$srv" "$root/build/tests/system/arrivals" srv0 "${port[web]}" "${port[batch]}" <"$in" >"$out" \
		2>"$tmp/arrivals.err" {arrivals_in}>&- {arrivals_out}>&- &
	arrivals_pid=$!
	read -r -t 20 -u "$arrivals_out" && [[ $REPLY == ready ]] || bail "arrivals: $(<"$tmp/arrivals.err")"
}

arrivals_stop() {
	[[ -n $arrivals_pid ]] || return 0
	kill "$arrivals_pid"
	wait "$arrivals_pid" 2>/dev/null
	exec {arrivals_in}>&- {arrivals_out}>&-
	rm -f "$tmp/arrivals.in" "$tmp/arrivals.out"
	arrivals_pid=
}

arrivals_ask() { # line; the answer is in REPLY
	echo "$1" >&"$arrivals_in"
	read -r -t 20 -u "$arrivals_out" || bail "arrivals does not answer"
}

# Frames written that have no sequence number of theirs at the receiver: sets lost.
count_missing() {
	[[ -n $arrivals_pid ]] || return 0
	arrivals_ask count
	echo "# arrived: $REPLY"
	[[ $(field beyond "$REPLY") == 0 ]] || bail "the flood is too long for arrivals.c"
	check "flood $flood_id: none arrived twice" "$(field again "$REPLY") == 0"
	lost=$((written_web + written_batch - $(field "p${port[web]}" "$REPLY") - $(field "p${port[batch]}" "$REPLY")))
}
