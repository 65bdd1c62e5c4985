# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# order_lib.sh: changes in a row, which order.sh makes of what VMs send, and rx_order.sh of what they receive. Sourced, after
# lib.sh; rounds is the test's.

# shellcheck disable=SC2154 # rounds and tmp are the test's and lib.sh's
many_applies() {
	local i
	for ((i = 0; i < rounds; i++)); do
		divvy apply "$tmp/divvy.yaml" >/dev/null
		sleep 0.1
		divvy release --all
		sleep 0.05
	done
}
