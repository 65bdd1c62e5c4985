#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh [SUITE...]: `make check-libvirt`: libvirt.sh in namespaces of this machine for what its kernel has, and on
# Debian's kernels (trixie) for domains with bandwidth, whose rates need act_police. The kernels are emulated, and start a
# domain in seconds. ROUNDS=10: how often each of three domains starts. Two minutes on a quiet machine. Prints the tests' TAP; the exit code
# says whether all held.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit
(($# > 0)) || set -- trixie
LAYERS=$(tests/hosts/libvirt_layer.sh) || exit
export LAYERS MEMORY=2G TIMEOUT=${TIMEOUT:-1200}
guest=$(tests/hosts/kernels.sh bookworm)/vmlinuz || exit
guest=${guest#"$root/"}
status=0
echo "## this machine's kernel"
FILES=$guest tests/hosts/here.sh bookworm env GUEST_KERNEL="$guest" tests/libvirt/libvirt.sh plug stops || status=1
for suite; do
	echo "## $suite"
	tests/hosts/run.sh "$suite" env ROUNDS="${ROUNDS:-10}" tests/libvirt/libvirt.sh starts tunes || status=1
done
exit $status
