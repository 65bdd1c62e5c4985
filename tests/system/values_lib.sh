# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# values_lib.sh: what tc and ip say of qdiscs, classes, filters and links, without handles, indexes and counters, which a repair
# may change. Sourced.

values() { # a filter of their text
	sed -E 's/ leaf [0-9a-f]+://; /clsact|ingress|d177/!s/^(qdisc [a-z_]+) [0-9a-f]+:/\1/; /parent/s/^(qdisc [a-z_]+) [0-9a-f]+:/\1/; s/ id [0-9]+//; s/ tag [0-9a-f]+//
		s/index [0-9]+ ref [0-9]+ bind [0-9]+//; s/^[0-9]+: //; s/ refcnt [0-9]+//; s/ (jited|not_in_hw)//g
		s/deg:.*//; /link\/ether/d; s/ state [A-Z]+//'
}
