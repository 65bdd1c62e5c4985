#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kernels.sh SUITE: Debian's cloud kernel of that suite, unpacked into build/hosts/SUITE:
#	vmlinuz    the kernel
#	release    its version, as uname -r says
#	modules/   what belongs into /lib/modules/RELEASE
# Prints that directory. Exits with 77 and one line of reason on stderr if the package cannot be had.
#
# apt works here in a directory of its own (sources, lists, cache, no dpkg status): the machine's configuration
# is only read, for its mirror and its proxy. What is there already is not fetched again; REFRESH=1 does.
set -euo pipefail

suite=${1:?usage: kernels.sh SUITE}
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/build/hosts/$suite
meta=linux-image-cloud-amd64
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

skip() {
	echo "kernels.sh: $suite: $*" >&2
	exit 77
}

mkdir -p "$out"
exec 9>"$out/lock"
flock 9
if [[ -e $out/complete && -z ${REFRESH:-} ]]; then
	echo "$out"
	exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip "apt and dpkg are needed: not a Debian machine"
[[ $(dpkg --print-architecture) == amd64 ]] || skip "test hosts are amd64"

# The mirror that this machine's own suite comes from; apt knows it in either format of its sources, lists or not.
# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
mirror=$(apt-get --print-uris update 2>/dev/null |
	 sed -nE "s,^'([^' ]*)/dists/($codename|sid|unstable)/InRelease'.*,\1,p" | head -n 1)
[[ -n $mirror ]] || skip "apt has no Debian mirror for $codename configured"

apt=$out/apt
mkdir -p "$apt"/{lists,cache}/partial "$apt/cache/archives/partial" "$apt/debs"
signed=
[[ -e $keyring ]] && signed="[signed-by=$keyring] "
echo "deb ${signed}$mirror $suite main" >"$apt/sources.list"
options=(-qq
	 -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
	 -o Dir::State::lists="$apt/lists" -o Dir::State::status=/dev/null
	 -o Dir::Cache="$apt/cache" -o Dir::Cache::archives="$apt/cache/archives"
	 -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root
	 -o Acquire::Languages=none -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
	 -o Acquire::Retries=2 -o Acquire::http::Timeout=30)

apt-get "${options[@]}" update >"$apt/log" 2>&1 || skip "the suite's package list cannot be had: $(tail -n 1 "$apt/log")"

# The metapackage names the kernel of today, and that may keep its modules in packages of its own.
packages=
todo=$meta
while [[ -n $todo ]]; do
	# shellcheck disable=SC2086 # todo is a list
	depends=$(apt-cache "${options[@]}" show --no-all-versions $todo 2>>"$apt/log" |
		  sed -n 's/^\(Pre-\)\?Depends: //p' | tr ',|' '\n' | awk '{ print $1 }' |
		  grep -E '^linux-(image|base|modules|binary)-.*cloud-amd64' | sort -u || true)
	todo=
	for p in $depends; do
		[[ " $packages " == *" $p "* ]] && continue
		packages+=" $p"
		todo+=" $p"
	done
done
[[ -n $packages ]] || skip "$meta names no kernel package there"
# shellcheck disable=SC2086
(cd "$apt/debs" && rm -f ./*.deb && apt-get "${options[@]}" download $packages >>"$apt/log" 2>&1) ||
	skip "cannot be downloaded:$packages: $(tail -n 1 "$apt/log")"

rm -rf "$out/tree" "$out/modules" "$out/complete"
for deb in "$apt"/debs/*.deb; do
	dpkg-deb -x "$deb" "$out/tree"
done
image=$(find "$out/tree" -name 'vmlinuz-*' -o -name vmlinuz | sort | head -n 1)
modules=$(find "$out/tree" -path '*lib/modules/*' -prune -type d -print | sort | head -n 1)
[[ -n $image && -n $modules ]] || skip "no kernel or no modules in:$packages"
mv "$image" "$out/vmlinuz"
basename "$modules" >"$out/release"
mv "$modules" "$out/modules"
rm -rf "$out/tree" "$apt"
touch "$out/complete"
echo "$out"
