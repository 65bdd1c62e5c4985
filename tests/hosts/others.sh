#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# others.sh [SUITE...]: what others have at uplinks and vNICs, on test hosts with the kernels of these suites (default: bookworm
# and trixie), in four boots each, about five minutes a suite. Part of long.sh (make check-kernels).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
ovs=$("$root/tests/hosts/ovs.sh")
parts=("uplinks.sh htb prio prio_tbf pfifo_fast pfifo_fast_tbf mq fq fq_tbf"
       "uplinks.sh fq_codel fq_codel_tbf cake vlan skbedit ovs"
       "undivided.sh matchall proxmox libvirt"
       "tcx.sh all")
failed=0

(($# > 0)) || set -- bookworm trixie
for suite; do
	for part in "${parts[@]}"; do
		# shellcheck disable=SC2086 # words
		LD_LIBRARY_PATH=$ovs/usr/lib/x86_64-linux-gnu PROGRAMS=$ovs/usr/bin/ovs-dpctl TIMEOUT=${TIMEOUT:-240} \
			"$root/tests/hosts/run.sh" "$suite" env NO_SKIP=1 tests/system/$part || failed=1
	done
done
exit $failed
