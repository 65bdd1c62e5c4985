#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# picture.sh [FILE]: the README's moving picture: `divvy top` on a terminal of 80x14 while two VMs flood and shares change, as
# an animated SVG (doc/top.svg).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$root/doc/top.svg}
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
capacity_mbit=100
frames=0

mux() {
	tmux -S "$tmp/tmux" -f /dev/null "$@"
}

take() { # how many frames, one each half second
	local i
	for ((i = 0; i < $1; i++)); do
		sleep 0.5
		frames=$((frames + 1))
		mux capture-pane -p -e >"$tmp/frame$((1000 + frames))"
	done
}

lib_init
make_topology bridge
start_vms
divvy_start
cat >"$tmp/divvy.yaml" <<-END
	uplinks:
	  - name: up0
	    capacity: ${capacity_mbit}mbit
	    networks:
	      - name: shop
	        share: 60
	        devices: [{name: web, nic: n0, share: 1}]
	    devices: [{name: batch, nic: n1, share: 40}]
END
divvy apply "$tmp/divvy.yaml" >/dev/null
for v in web batch; do
	vm_ask $v "flood 60 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
done
mux new-session -d -x 80 -y 14 env -u NO_COLOR -u LC_ALL LANG=C.UTF-8 TERM=tmux-256color DIVVY_SOCKET="$tmp/socket" "$root/build/divvy" top
take 8
divvy set shop=40 batch=60
take 10
mux send-keys Down Down Down
mux send-keys + + + + + + + + + +
take 8
divvy set shop=80 batch=20
take 10
mux kill-server
"$root/tests/views/screen.pl" 80 14 "$tmp"/frame* >"$file"
printf '%s: %d frames, %d bytes\n' "$file" "$frames" "$(wc -c <"$file")"
