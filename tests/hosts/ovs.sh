#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ovs.sh: unpacks ovs-dpctl, which sets up the kernel's Open vSwitch without a daemon, and its libraries from Debian's packages
# into build/hosts/ovs. Installing the package would start daemons on this machine. Prints that directory; exits with 77 and
# one line of reason on stderr if the packages cannot be had.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/build/hosts/ovs

if [[ ! -e $out/complete ]]; then
	rm -rf "$out"
	mkdir -p "$out/debs"
	(cd "$out/debs" && apt-get -o APT::Sandbox::User=root download openvswitch-switch libxdp1 libunbound8 libnuma1) \
		>"$out/log" 2>&1 || {
		echo "ovs.sh: $(tail -n 1 "$out/log")" >&2
		exit 77
	}
	for deb in "$out"/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$out" -x --wildcards './usr/bin/ovs-dpctl' './usr/lib/*.so*' 2>/dev/null || :
	done
	rm -rf "$out/debs"
	[[ -x $out/usr/bin/ovs-dpctl ]] || {
		echo "ovs.sh: openvswitch-switch has no ovs-dpctl" >&2
		exit 77
	}
	touch "$out/complete"
fi
echo "$out"
