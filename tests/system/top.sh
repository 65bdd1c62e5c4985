#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# top.sh: `divvy top` on terminals of several kinds (tmux's), beside a divvyd whose two VMs flood: what is on the screen, what
# keys do, and how the terminal is left. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

# A server for each terminal, whose socket is in $tmp.
terminals=0
mux() {
	tmux -S "$tmp/tmux$terminals" -f /dev/null "$@"
}

# A terminal with a shell; what is on its screen stays there when top ends.
terminal() { # environment...
	((terminals == 0)) || mux kill-server
	terminals=$((terminals + 1))
	mux new-session -d -x 80 -y 24 env -u NO_COLOR -u LC_ALL -u LC_CTYPE LANG=C.UTF-8 PS1='$ ' DIVVY_SOCKET="$tmp/socket" \
		PATH="$root/build:$PATH" "$@" bash --norc --noprofile
	mux set-option -g escape-time 0
	await 3 shows '^\$'
}

screen() {
	mux capture-pane -p "$@"
}

shows() { # pattern...: all of them are on the screen, each in one line
	local p said
	said=$(screen 2>/dev/null)
	for p; do
		grep -qE -- "$p" <<<"$said" || return 1
	done
}

seen() { # what, pattern...: within 3 s
	await 3 shows "${@:2}"
	check "$1" "$? == 0" || screen | diag
}

gone() { # pattern
	! shows "$1"
}

press() {
	mux send-keys "$@"
}

# Whatever ends top: the shell's line is back on a screen that is not the alternate one, and the settings are the same.
ends() { # what, status, keys or a command
	local during
	during=$(stty -g -F "$(mux display -p '#{pane_tty}')")
	"${@:3}"
	await 3 shows "^ended $2\$"
	check "$1 ends top" "$? == 0" || screen | diag
	[[ $(mux display -p '#{alternate_on},#{cursor_flag}') == 0,1 && $(<"$tmp/before") == "$(<"$tmp/after")" &&
		$(<"$tmp/before") != "$during" ]]
	check "... and leaves the terminal as it was" "$? == 0" || diag < <(cat "$tmp/before" "$tmp/after" && echo "$during")
}

start() {
	press "clear; stty -g >$tmp/before; divvy top; s=\$?; stty -g >$tmp/after; echo ended \$s" Enter
	await 3 shows 'q ends\.'
}

terminate() {
	kill -TERM "$(pgrep -P "$(mux display -p '#{pane_pid}')" -x divvy)"
}

case_screen() {
	terminal TERM=tmux-256color
	start
	seen "the tree, with rates" '^▾ up0 .* 20\.0M ' '^  ▾ tenant +.*15\.0M ' '^    web +60 +15\.0M +1[45]\.[0-9]M .* bound' \
		'^  batch +40 +5\.00M +[45]\.[0-9]+M '
	seen "bars of delivered in entitled, and the last minute" 'web .* █{6,}.* [▁▂▃▄▅▆▇█]+ '
	seen "a device that waits says so" 'old +7 +- +- .* waiting' 'up0: .* 3 devices, 1 waiting'
	screen -e | grep -qE $'\033\\[[0-9;]*3[0-9]m'
	check "in colour" "$? == 0"
	press Down Down
	seen "the selected row in words" '^tenant/web  NIC n0  VM web'
}

case_keys() {
	press + + +
	seen "+ gives more share, and says so" 'tenant/web: share 60 -> 63, in force' 'web +63 '
	is tenant/web share 63
	check "... and divvyd has it" "$? == 0"
	press - - -
	seen "- gives less" 'tenant/web: share 63 -> 60, in force'
	press Left
	await 3 gone '^    web'
	seen "a network folds" '▸ tenant' '^  batch'
	press Right
	seen "... and unfolds" '^    web'
	press / b a t
	seen "the filter is typed" 'Filter: bat_'
	await 3 gone 'tenant'
	check "... and hides what has no such text" "$? == 0" || screen | diag
	press Escape
	seen "Esc shows all" '^    web'
	press s
	seen "sorted" 'by delivered'
	press S p
	seen "paused" PAUSED
	press p '?'
	seen "? explains the keys" 'give the selected row more or less share'
	press x
}

case_resize() {
	mux resize-window -x 48 -y 12
	await 3 gone DROPS
	seen "narrow: columns go, and those that tell most stay" '^NAME .* DELIVERED STATE' 'web .* 1[45]\.[0-9]M bound'
	mux resize-window -x 150 -y 30
	seen "wide: all of them" 'LAST MINUTE .*ERR pp .*DROPS STATE .*NIC .*VM'
	mux resize-window -x 20 -y 3
	sleep 0.2
	mux resize-window -x 80 -y 24
	seen "and back from next to nothing" '^    web .* bound' 'q ends'
}

case_daemon_gone() {
	divvyd_kill
	seen "divvyd is gone: top says so, and stays" 'divvyd (does not answer|closed the connection)' '^    web'
	divvyd_launch
	await 4 gone 'divvyd (does not|closed)'
	seen "... and goes on with the next one" '^    web .* bound'
}

case_ends() {
	press C-z
	await 3 shows Stopped
	check "Ctrl-Z stops it, and the terminal is the shell's" "$? == 0 && $(mux display -p '#{alternate_on}') == 0" || screen | diag
	press fg Enter
	await 3 shows '^    web .* bound' 'q ends'
	check "fg brings it back" "$? == 0 && $(mux display -p '#{alternate_on}') == 1" || screen | diag
	press q
	await 3 gone 'q ends'
	start
	ends q 0 press q
	start
	ends Ctrl-C 0 press C-c
	start
	ends SIGTERM 143 terminate
}

case_plain() {
	terminal TERM=tmux-256color NO_COLOR=1
	start
	seen "NO_COLOR: the same" '^    web .*█'
	! screen -e | grep -qE $'\033\\[[0-9;]*(3[0-7]|4[0-7])m'
	check "... without colour" "$? == 0" || screen -e | cat -v | diag
	press q
	terminal TERM=vt100 LANG=C
	start
	seen "a VT100 without UTF-8" '^    web .* #{6,}'
	! screen | LC_ALL=C grep -q '[^ -~]'
	check "... gets ASCII alone" "$? == 0" || screen | diag
	press q
	terminal TERM=dumb
	start
	seen "a dumb terminal gets the table of status" '^tenant/web +n0 +60 .* on ' '^q ends\.'
	! screen | grep -qF '[H'
	check "... without sequences" "$? == 0" || screen | diag
	press q
	seen "... and q ends it" '^ended 0'
	DIVVY_SOCKET=$tmp/socket TERM=xterm timeout 1.5 "$root/build/divvy" top </dev/null >"$tmp/top"
	[[ $(grep -c '^tenant/web ' "$tmp/top") -ge 2 ]] && ! grep -q $'\033' "$tmp/top"
	check "piped it prints plain text, each second" "$? == 0" || diag <"$tmp/top"
}

command -v tmux >/dev/null || bail "tmux is missing: make deps check"
lib_init
make_topology bridge
start_vms
divvy_start
cat >"$tmp/divvy.yaml" <<-END
	uplinks:
	  - name: up0
	    capacity: ${capacity_mbit}mbit
	    overhead: 0
	    networks:
	      - name: tenant
	        share: 120
	        devices:
	          - {name: web, nic: n0, share: 60}
	          - {name: old, nic: nosuch, share: 7}
	    devices:
	      - {name: batch, nic: n1, share: 40}
END
divvy apply "$tmp/divvy.yaml" >/dev/null
for v in web batch; do
	vm_ask $v "flood 60 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
done
case_screen
case_keys
case_resize
case_daemon_gone
case_ends
case_plain
mux kill-server
vm_stop_all
divvy_release
tap_done
