#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh: make install and uninstall into a directory; which packages a goal asks for, with stand-ins for apt-get and
# dpkg-query, so that nothing is installed here; what a user without a right is told. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

files() {
	find "$tmp/dest" -type f -printf '%P\n' | sort
}

said() { # pattern: in the one line that the latest command wrote
	[[ $(wc -l <"$tmp/said") -eq 1 ]] && grep -qE "$1" "$tmp/said"
}

unprivileged() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

as_nobody() { # a command that has to fail; what it says is kept
	! unprivileged "$@" >"$tmp/said" 2>&1
}

try "make install" make -C "$root" install PREFIX=/usr DESTDIR="$tmp/dest"
for f in usr/share/bash-completion/completions/divvy usr/share/zsh/site-functions/_divvy usr/sbin/divvyd usr/sbin/divvy-guard usr/bin/divvy etc/divvy/divvy.yaml usr/lib/systemd/system/divvyd.service \
	usr/lib/systemd/system/divvy-guard.service usr/share/man/man8/divvy.8 usr/share/man/man8/divvyd.8 \
	usr/share/man/man5/divvy.yaml.5; do
	try "installed: $f" test -s "$tmp/dest/$f"
done
try "the unit starts what was installed" grep -q '^ExecStart=/usr/sbin/divvyd' "$tmp/dest/usr/lib/systemd/system/divvyd.service"
try "the installed divvy runs" "$tmp/dest/usr/bin/divvy" --version
sandbox() { # unit, exposure at most, in tenths
	systemd-analyze security --no-pager --offline=true --root="$tmp/dest" --threshold="$2" "/usr/lib/systemd/system/$1"
}
for unit in "divvyd.service 35" "divvy-guard.service 25"; do
	# shellcheck disable=SC2086 # words
	try "systemd-analyze security: ${unit% *}, at most ${unit#* } tenths" sandbox $unit
done
try "no placeholder is left in the units" test -z "$(grep -h '@[A-Z_]*@' "$tmp"/dest/usr/lib/systemd/system/*)"
echo "# edited by the operator" >>"$tmp/dest/etc/divvy/divvy.yaml"
try "make install again" make -C "$root" install PREFIX=/usr DESTDIR="$tmp/dest"
try "the operator's specification stays" grep -q "edited by" "$tmp/dest/etc/divvy/divvy.yaml"
try "make uninstall" make -C "$root" uninstall PREFIX=/usr DESTDIR="$tmp/dest"
try "only the operator's specification is left" test "$(files)" = etc/divvy/divvy.yaml

# --- "nothing is lost" is said with its condition, and its figure is a scenario's ---
try "README: the host loses nothing, and a guest may drop itself" grep -q '^\*\*Is nothing lost, ever?\*\* Not by the host\. A guest .* may drop' "$root/README.md"
try "divvyd(8): when a guest drops itself" grep -q '^itself\.$' <(grep -A 1 'loses nothing on the host, but its guest may drop packets' "$root/doc/divvyd.8")
try "the lab has that guest" grep -q 'qdisc: fq_codel' "$root/lab/scenarios/udp-guest-qdisc.yaml"

# --- a tree without lab and tests, and a host that got the programs by tar ---
mkdir "$tmp/tree"
for f in "$root"/*; do
	[[ ${f##*/} == @(lab|tests|build) ]] || cp -r "$f" "$tmp/tree"
done
needs_no_lab() { # -n: a prerequisite that cannot be made is an error, and what would be done is printed
	make -n -C "$tmp/tree" install DESTDIR="$tmp/other" >"$tmp/said" 2>&1 &&
		! grep -E '\blab/|divvy-lab|rtpplay' "$tmp/said"
}
try "make install needs nothing of the lab" needs_no_lab || tail -n 5 "$tmp/said" | diag

run_time() { # the packages that hold what the installed programs link with
	local lib
	for lib in $(readelf -d "$root"/build/divvyd "$root"/build/divvy | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do
		dpkg-query -S "*/$lib" 2>/dev/null | sed 's/:.*//'
	done | sort -u
}
recipe_names_all() {
	local p all
	all=$(run_time)
	for p in ${all:?}; do
		[[ $p == libc6* ]] || grep -q "apt install .*\b$p\b" "$tmp/recipe" || return 1
	done
}
sed -n '/^## Building elsewhere/,/^## /p' "$root/doc/install.md" >"$tmp/recipe"
try "Building elsewhere: every library's package is named" recipe_names_all

# Its commands, for a host in a directory. That host has a specification, and a group that may write to /usr/local.
mkdir -p "$tmp/host/etc/divvy" "$tmp/host/usr/local"
chmod 2775 "$tmp/host/usr/local" "$tmp/host/etc/divvy"
echo "# the operator's" >"$tmp/host/etc/divvy/divvy.yaml"
try "Building elsewhere: make install" make -C "$root" install DESTDIR="$tmp/build/root"
sed -n 's/^sudo tar/tar/; /^tar /p' "$tmp/recipe" | sed "s, -C / , -C $tmp/host ,; s/ #.*//" >"$tmp/commands"
by_tar() {
	(($(wc -l <"$tmp/commands") == 3)) && (cd "$tmp" && sh -e commands)
}
try "Building elsewhere: brought over" by_tar
try "Building elsewhere: the host's divvy runs" "$tmp/host/usr/local/bin/divvy" --version
try "Building elsewhere: the operator's specification stays" grep -q "operator's" "$tmp/host/etc/divvy/divvy.yaml"
try "Building elsewhere: so do the host's own directories" test "$(stat -c %a "$tmp"/host/{usr/local,etc/divvy} | tr "\n" " ")" = "2775 2775 "
try "Building elsewhere: the unit is there" test -s "$tmp/host/usr/local/lib/systemd/system/divvyd.service"

# --- which packages are asked for ---
mkdir "$tmp/fake"
cat >"$tmp/fake/apt-get" <<-'END'
	#!/bin/sh
	# What it is asked for, a line a call; says what "simulated" holds, and ends as "update" says.
	here=$(dirname "$0")
	echo "$*" >>"$here/../asked"
	case " $* " in
	*" update "*) exit "$(cat "$here/../update")" ;;
	*" --simulate "*) cat "$here/../simulated" ;;
	esac
END
cat >"$tmp/fake/dpkg-query" <<-'END'
	#!/bin/sh
	cat "$(dirname "$0")/../installed"
END
printf '#!/bin/sh\nexit 100\n' >"$tmp/fake/apt-cache"
chmod 755 "$tmp"/fake/*

deps() { # goals; a host that has no package, unless said otherwise
	: >"$tmp/asked"
	PATH=$tmp/fake:$PATH "$root/tools/deps.sh" "$@" >"$tmp/said" 2>"$tmp/errors"
}
asked_for() {
	grep -E "^install .*--no-remove.* $1( |\$)" "$tmp/asked"
}
not_asked_for() {
	! grep -E " ($1)" "$tmp/asked"
}
in_order() { # what would be done is asked first, and no call is without a guard
	deps "$@" &&
		[[ $(sed -E 's/ .*(--[a-z-]*) .*/ \1/' "$tmp/asked" | tr '\n' ';') == \
			"update;install --simulate;install --no-remove;" ]]
}
refused() {
	! deps "$@" && [[ $(wc -l <"$tmp/errors") -eq 1 ]] && ! grep -v -e ^update -e --simulate "$tmp/asked"
}

echo 0 >"$tmp/update"
: >"$tmp/installed"
printf 'Inst gcc (4:12.2.0-3 Debian:12)\nConf gcc (4:12.2.0-3 Debian:12)\n' >"$tmp/simulated"
more='qemu|gnuplot|iperf|busybox|libvirt|ffmpeg|ethtool|cpio|fonts|libcmocka|mandoc|shellcheck'
for goals in "deps install" "deps" "install" "deps uninstall"; do
	# shellcheck disable=SC2086
	try "$goals: packages" deps $goals
	try "$goals: what building needs" asked_for libmnl-dev
	try "$goals: nothing of the lab" not_asked_for "$more"
done
try "deps install by make" \
	env PATH="$tmp/fake:$PATH" make -C "$root" deps install PREFIX=/usr DESTDIR="$tmp/dest"
try "deps install by make: nothing of the lab" not_asked_for "$more"
try "apt-get is asked first what it would do, and is never to remove" in_order deps install
for goal in demo check figures; do
	try "$goal: packages" deps $goal
	try "$goal: the lab's" asked_for qemu-system-x86
	try "$goal: a line says so" grep -qE "runs virtual machines on this host.*qemu-system-x86" "$tmp/said"
done
try "bench: packages" deps bench
try "bench: no virtual machines" not_asked_for 'qemu|gnuplot'
try "lint: packages" deps deps lint
try "lint: what looks at the sources" asked_for shellcheck
try "lint: no virtual machines" not_asked_for 'qemu|gnuplot'
try "fuzz: packages" deps fuzz
try "fuzz: no virtual machines" not_asked_for 'qemu|gnuplot'
echo 100 >"$tmp/update"
try "a list that cannot be had: tried all the same" deps install
try "a list that cannot be had: installed" asked_for gcc
echo 0 >"$tmp/update"
printf 'Remv proxmox-ve [8.2.0]\nRemv qemu-server [8.2.1] [pve-manager:amd64 ]\nInst qemu-system-x86 (1:7.2)\n' \
	>"$tmp/simulated"
for goals in "deps install" "check" "demo"; do
	# shellcheck disable=SC2086
	try "$goals: would remove packages: refused, and nothing is installed" refused $goals
	try "$goals: what would go is named" grep -q 'nothing was installed, .* proxmox-ve qemu-server;' "$tmp/errors"
done
echo installed >"$tmp/installed"
try "nothing is missing: nothing to do" deps check
try "nothing is missing: apt-get is not asked" test ! -s "$tmp/asked"
deps_as_nobody() {
	PATH=$tmp/fake:$PATH unprivileged "$tmp/bin/deps.sh" "$@"
}

mkdir "$tmp/bin"
cp "$root/build/divvyd" "$root/build/divvy" "$root/tools/deps.sh" "$tmp/bin"
chmod 755 "$tmp" "$tmp/bin" "$tmp"/bin/*
touch "$tmp/said"
try "divvyd without root: refused" as_nobody "$tmp/bin/divvyd"
try "divvyd without root: says what is missing and how to get it" said 'root.*sudo'
try "set-up without root: refused" as_nobody "$tmp/bin/deps.sh" check
try "set-up without root: says what is missing and how to get it" said 'root.*sudo make check'
try "building, with all packages there, needs no root" deps_as_nobody deps install
try "an unknown verb: refused" as_nobody "$tmp/bin/divvy" frobnicate
try "an unknown verb: says where help is" said 'frobnicate.*--help'
tap_done
