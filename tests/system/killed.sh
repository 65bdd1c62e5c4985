#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# killed.sh [CHANGES]: six devices flood, or send steadily, while a random tree of networks changes at random: networks are
# split, merged, moved and renamed, devices go from one to another. In most changes divvyd is killed somewhere in the
# middle. After each start the kernel has what was acknowledged last, or what was under way, never a mixture; whoever stays
# where it was keeps its class, with its queue and counters; and in all of it no packet is lost. 15 changes, or as many as
# are said (make check-killed: 200). SEED=N for others. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/reserve_lib.sh
. "$root/tests/system/reserve_lib.sh"

changes=${1:-15}
RANDOM=${SEED:-1}
devices=6
declare -A path was_path sent_of # by device

# A network of two names, so that it is renamed now and then; or none.
random_paths() {
	local k red=red$((RANDOM % 2)) blue=blue$((RANDOM % 2))
	local places=("" "" "$red" "$red" "$blue" "$red/in$((RANDOM % 2))" "$blue/in0")
	for ((k = 0; k < devices; k++)); do
		((RANDOM % 3)) && [[ -v path[$k] ]] && has_place "${path[$k]}" "${places[@]}" || path[$k]=${places[RANDOM % 7]}
	done
}

has_place() { # place, places...
	local one=$1 p
	shift
	for p in "$@"; do
		[[ $p != "$one" ]] || return 0
	done
	return 1
}

devices_of() { # path, indent
	local k any=
	for ((k = 0; k < devices; k++)); do
		[[ ${path[$k]} == "$1" ]] || continue
		[[ -n $any ]] || echo "$2devices:"
		any=1
		echo "$2  - {name: d$k, nic: t$k, share: $((k == 0 ? 1000 + serial : 1000 + RANDOM % 1000)), reserve: ${reserve[$k]}mbit}"
	done
}

networks_of() { # path, indent
	local k name rest names=()
	for ((k = 0; k < devices; k++)); do
		rest=${path[$k]}
		[[ -z $1 ]] || { [[ $rest == "$1"/* ]] && rest=${rest#"$1"/} || continue; }
		name=${rest%%/*}
		[[ -z $name ]] || has_place "$name" "${names[@]}" || names+=("$name")
	done
	((${#names[@]})) || return 0
	echo "$2networks:"
	for name in "${names[@]}"; do
		echo "$2  - name: $name"
		echo "$2    share: $((1000 + RANDOM % 1000))"
		devices_of "${1:+$1/}$name" "$2    "
		networks_of "${1:+$1/}$name" "$2    "
	done
}

# The share of the first device tells which text it is.
write_text() { # file
	local k reserve=()
	for ((k = 0; k < devices; k++)); do reserve+=($((1 + RANDOM % 3))); done
	{
		echo "uplinks:"
		echo "  - name: up0"
		echo "    capacity: 48mbit"
		echo "    overhead: 0"
		devices_of "" "    "
		networks_of "" "    "
	} >"$1"
}

running() { # which text runs
	divvy show 2>/dev/null | sed -n 's/.*name: d0,.* share: \([0-9]*\).*/\1/p; /name: d0$/,/share/s/.* share: \([0-9]*\)$/\1/p' | head -n 1
}

# Nothing that drains is left, and the kernel is as the text says.
is_as() { # text
	local said
	said=$(divvy apply --dry-run "$1" 2>&1) && [[ $said == *"nothing would change"* ]]
}

read_sent() { # sets sent_of: bytes that each device's class has sent
	local k minor
	sent_of=()
	for ((k = 0; k < devices; k++)); do
		minor=$(grep -o "\"up0/${path[$k]:+${path[$k]}/}d$k\":[0-9]*" "$tmp/state/state.json" | head -n 1)
		sent_of[$k]=$(tc -n "$host" -s class show dev divvy0 | awk -v id="d177:$(printf %x "${minor##*:}")" '$3 == id { f = 1; next } f { print $2; exit }')
	done
}

one_change() { # the number of the text that ran, and its paths, are in ran and was_path
	local k pid acked=1 kill=$((RANDOM % 5)) pause
	for k in "${!path[@]}"; do was_path[$k]=${path[$k]}; done
	read_sent
	local -A before=()
	for k in "${!sent_of[@]}"; do before[$k]=${sent_of[$k]}; done
	random_paths
	serial=$((serial + 1))
	write_text "$tmp/text.$serial"
	if ((kill)); then
		divvy apply "$tmp/text.$serial" >"$tmp/apply.log" 2>&1 &
		pid=$!
		pause=$((RANDOM % 40))
		sleep "0.0$(printf %02d $pause)"
		divvyd_kill
		wait "$pid" || acked=0
		divvyd_launch
	else
		divvy apply "$tmp/text.$serial" >"$tmp/apply.log" 2>&1 || acked=0
	fi
	now=$(($(running) - 1000))
	((now == serial || (!acked && now == ran))) || {
		echo "# change $serial: killed $kill after ${pause:-0} ms, acknowledged $acked: text $now runs, before $ran"
		mixed=$((mixed + 1))
	}
	await 10 is_as "$tmp/text.$now" || {
		divvy apply --dry-run "$tmp/text.$now" 2>&1 | diag
		echo "# change $serial: the kernel is not as text $now says"
		mixed=$((mixed + 1))
	}
	((kill)) && killed=$((killed + 1)) && ((now == ran)) && undone=$((undone + 1))
	((now == serial)) || for k in "${!was_path[@]}"; do path[$k]=${was_path[$k]}; done
	ran=$now
	read_sent
	for k in "${!path[@]}"; do
		[[ ${path[$k]} == "${was_path[$k]}" ]] || continue
		((${sent_of[$k]:-0} >= ${before[$k]:-0})) || {
			echo "# change $serial: d$k has lost its class: ${sent_of[$k]:-none}, before ${before[$k]}"
			remade=$((remade + 1))
		}
		stayed=$((stayed + 1))
	done
}

reserve_init
tree_up < <(
	echo "uplink 48"
	for ((k = 0; k < devices; k++)); do echo "device d$k - 1 2 0"; done
)
for ((k = 0; k < devices; k++)); do path[$k]=; done
serial=0 ran=0 mixed=0 remade=0 stayed=0 killed=0 undone=0
write_text "$tmp/text.0"
divvy apply "$tmp/text.0" >/dev/null || bail "the first text is refused"
echo "run f,f,f,4,f,2 $((changes * 12000))" >&"$senders_in"
for ((i = 0; i < changes; i++)); do one_change; done
echo "stop" >&"$senders_in"
read -r -t 60 -u "$senders_out" || bail "the senders do not stop"
echo "# $changes changes, in $killed of them divvyd was killed, $undone of these were undone; a device stayed where it was $stayed times"
check "killed: the kernel has the old text or the new one, never a mixture" "mixed == 0"
check "a device that stays where it is keeps its class" "remade == 0 && stayed > 0"
ask sent
echo "# $REPLY"
check "nothing was lost" "$(value lost) == 0 && $(value arrived) > 0"
tap_done
