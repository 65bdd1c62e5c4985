#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# reserve.sh: the greater of reserve and share, in a tree of networks, whoever sends; who wakes up has its part soon; and
# what holds when divvyd is killed. The reference is tests/reference.h. tests/bench/reserve.sh has the whole. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/reserve_lib.sh
. "$root/tests/system/reserve_lib.sh"

# Three tries: a machine with other work starves the VM now and then.
within() { # what, points, modes
	local try
	for try in 1 2 3; do
		ask "pattern $3 1800 600"
		! below "$(value worst)" "$2" || break
	done
	check "$1: within $2 points" "try == 1 || $(below "$(value worst)" "$2" && echo 1 || echo 0)"
}

ceilings() { # how many classes have this ceiling, Mbit/s; the uplink's and the default leaf have 60
	tc -n "$host" class show dev divvy0 | grep -c " ceil ${1}Mbit "
}

classes() { # with buckets and quanta
	tc -n "$host" -d class show dev divvy0 | sort
}

reserve_init
tree_up <<-END
	uplink 60
	device a - 1 30 0
	network red - 1 0 24
	device r0 red 1 0 0
	device r1 red 2 0 10
	device u - 1 0 0
END
at_rest=$(classes)
within "a reserve, a network and a device" 1 f,f,f,f
within "one sends steadily" 1 f,f,f,4
within "one is idle: its part goes to those who share with it" 1 f,i,f,i
ask "wake f,i,f,f 5 0"
check "a device that wakes up: $(value p50) ms" "$(value p50) <= 100"

ask "run f,f,f,f 600"
check "a ceiling is lowered while a reserve has no need" "$(ceilings 30) == 1 && $(ceilings 60) < 4"
divvyd_kill
ask "hold f,f,f,f 1000"
check "killed: each has its guarantee" "$(below 0.96 "$(value guarantee)" && echo 1 || echo 0)"
check "killed: each limit holds" "$(below "$(value limit)" 1.02 && echo 1 || echo 0)"
nsenter --net="/run/netns/$host" "$root/build/divvyd" --runtime "$tmp/run" --state "$tmp/state" --restore 2>"$tmp/restored"
check "divvyd --restore gives ceilings back" "$? == 0 && $(ceilings 60) == 4 && $(grep -c 'have their ceilings back' "$tmp/restored") == 1"
[[ $(classes) == "$at_rest" ]]
check "divvyd --restore: with buckets and quanta, each class is as it was before any device sent" "$? == 0" ||
	diff <(echo "$at_rest") <(classes) | diag
divvyd_launch
within "started again" 1 f,f,f,4
check "divvyd puts down no repair to others" "$(grep -c 'by another program' "$tmp/divvyd.log") == 0"
ask sent
check "nothing was lost" "$(value lost) == 0"
divvy_stop
check "at the end each has its limit as its ceiling" "$(ceilings 60) == 4 && $(ceilings 24) == 2 && $(ceilings 10) == 1"
tap_done
