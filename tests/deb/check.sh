#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh [SUITE...]: the packages in build/deb (make deb), by lintian, and in a clean tree of each Debian suite (default:
# bookworm and trixie): installed, upgraded from the version before, removed, purged. Nothing is installed on this machine.
# The daemon runs from the tree, in network namespaces that are made for it; no systemd runs there (tests/hosts/whole.sh is
# for that). Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
new=$(dpkg-parsechangelog -l "$root/debian/changelog" -S Version)
old=$new~before
size_max=1464 # KiB: 1.5 MB

tree="" mounted=()
leave_tree() {
	local m
	for m in "${mounted[@]}"; do
		umount -l "$m"
	done
	mounted=()
	[[ -z $tree ]] || rm -rf --one-file-system "$tree"
	tree=""
}

in_tree() {
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		chroot "$tree" "$@"
}

enter_tree() { # suite
	tree=$(mktemp -d /var/tmp/divvy-tree.XXXXXX) # not in build/, where make looks for rules in *.d
	chmod 755 "$tree"
	"$root/tests/deb/tree.sh" "$1" "$tree" || bail "no tree of $1"
	mount -t proc proc "$tree/proc" && mounted+=("$tree/proc")
	mount -t tmpfs tmpfs "$tree/run" && mounted+=("$tree/run")
	cp /etc/resolv.conf "$tree/etc/"
	in_tree apt-get -qq update >"$tmp/apt" 2>&1 || bail "apt-get update in $1: $(tail -n 1 "$tmp/apt")"
}

status_of() { # package
	in_tree dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null
}

# All that is there, but for what apt and dpkg note, and what systemd-sysusers writes.
paths() {
	(cd "$tree" && find . -xdev \( -path ./proc -o -path ./run -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/cache \
		-o -path ./var/log -o -path ./tmp \) -prune -o -print) | grep -vE '^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$' | sort
}

apt_install() { # version, -before
	cp "$root/build/deb${2:-}/divvy_$1_amd64.deb" "$tree/tmp/"
	in_tree apt-get -y install --no-install-recommends "/tmp/divvy_$1_amd64.deb"
}

would_install() { # what
	in_tree apt-get -s install --no-install-recommends "$1" | sed -n 's/^Inst \([^ ]*\).*/\1/p' | sort
}

# Beside libraries, what debhelper's dependency on sysusers names (systemd), with what that wants.
only_libraries() { # package's file
	would_install systemd >"$tmp/systemd"
	would_install "$1" | grep -vxF divvy | tee >(paste -sd ' ' | diag >&3) | grep -v '^lib' | grep -vxFf "$tmp/systemd" >"$tmp/more"
	[[ ! -s $tmp/more ]] || {
		paste -sd ' ' "$tmp/more"
		return 1
	}
}

launch_in_tree() {
	nsenter --net="/run/netns/$host" chroot "$tree" /usr/sbin/divvyd >>"$tmp/divvyd.log" 2>&1 &
	divvyd_pid=$!
	await 10 in_tree divvy status >/dev/null 2>&1 || {
		diag <"$tmp/divvyd.log"
		bail "divvyd of the tree does not answer"
	}
}

# divvy of the host's functions speaks to the daemon in the tree.
divvy() {
	in_tree divvy "$@"
}

removed() {
	nsenter --net="/run/netns/$host" chroot "$tree" env DEBIAN_FRONTEND=noninteractive dpkg --remove divvy
}

not_removed() { # pattern of the reason
	! removed >"$tmp/said" 2>&1 && grep -q "$1" "$tmp/said" && [[ $(status_of divvy) == installed* ]] &&
		ip -n "$host" -o link show type ifb | grep -q .
}

# "remove" gives everything back first, and fails if that fails.
case_remove() { # suite
	make_topology bridge
	vm_start web
	vm_start batch
	vm_ready web
	vm_ready batch
	nsenter --net="/run/netns/$host" mount -t sysfs sysfs "$tree/sys" && mounted+=("$tree/sys")
	launch_in_tree
	cat >"$tree/etc/divvy/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    devices:
		      - {name: web, vm: web, share: 60}
		      - {name: batch, nic: n1, share: 40}
	END
	try "$1: divide two VMs" divvy apply /etc/divvy/divvy.yaml
	await 5 divvy_bound on
	check "$1: both are bound" "$? == 0" || divvy status | diag
	printf '#!/bin/sh\ncase "$*" in *release*) echo "divvy: cannot" >&2; exit 1 ;; esac\n' >"$tree/usr/local/bin/divvy"
	chmod 755 "$tree/usr/local/bin/divvy"
	try "$1: a release that fails: not removed, and said" not_removed 'not removed: "divvy release --all" failed'
	rm "$tree/usr/local/bin/divvy"
	divvyd_kill
	try "$1: shares in force and no divvyd: not removed, and said" not_removed 'not removed: shares are in force and divvyd does not'
	launch_in_tree
	try "$1: removed" removed
	await 5 untouched
	check "$1: with nothing of divvy's left on the host" "$? == 0"
	vm_ask web sndbuf
	vm_reply web
	check "$1: nor at the VMs: $REPLY" "$([[ $REPLY == sndbuf=2147483647 ]]; echo $?) == 0"
	divvy_stop # systemd would have
	vm_stop_all
	remove_topology
}

suite() { # name
	local installed_kb
	enter_tree "$1"
	cp "$root/build/deb-before/divvy_${old}_amd64.deb" "$tree/tmp/"
	try "$1: it pulls in libraries alone" only_libraries "/tmp/divvy_${old}_amd64.deb"
	in_tree apt-get -y install --no-install-recommends systemd >"$tmp/apt" 2>&1 # what it leaves behind is not divvy's
	paths >"$tmp/paths.0"
	try "$1: install the version before" apt_install "$old" -before
	try "$1: divvy runs" test "$(divvy --version)" = "divvy $old"
	try "$1: its groups are there" in_tree getent group divvy divvy-read
	echo "# the operator's" >>"$tree/etc/divvy/divvy.yaml"
	try "$1: upgrade" apt_install "$new"
	check "$1: the new version is there" "$([[ $(divvy --version) == "divvy $new" ]]; echo $?) == 0"
	try "$1: the operator's specification stays" grep -q "operator's" "$tree/etc/divvy/divvy.yaml"
	installed_kb=$(in_tree dpkg-query -W -f '${Installed-Size}' divvy)
	check "$1: installed size $installed_kb KiB, at most $size_max" "installed_kb <= size_max"
	in_tree divvyd --version >/dev/null 2>&1 && in_tree divvy-guard --version >/dev/null 2>&1
	check "$1: all programs run" "$? == 0"
	case_remove "$1"
	check "$1: configuration stays until purged" "$([[ -e $tree/etc/divvy/divvy.yaml ]]; echo $?) == 0"
	try "$1: purge" in_tree dpkg --purge divvy
	in_tree apt-get -qq -y autoremove --purge >"$tmp/apt" 2>&1
	rm -f "$tree/tmp"/*.deb
	paths >"$tmp/paths.1"
	cat "$tree"/var/lib/dpkg/info/*.list | sed 's,^,.,' >"$tmp/owned" # libraries that others suggest are kept
	comm -13 "$tmp/paths.0" "$tmp/paths.1" | grep -vxFf "$tmp/owned" >"$tmp/left"
	check "$1: purge leaves no file" "$(wc -l <"$tmp/left") == 0" || head -n 20 "$tmp/left" | diag
	leave_tree
}

cleanup_all() {
	cleanup
	leave_tree
}

exec 3>&1
lib_init
trap cleanup_all EXIT
"$root/tests/deb/before.sh" || bail "no version before"
try "lintian has neither errors nor warnings" lintian --allow-root --fail-on error,warning "$root"/build/deb/divvy*.deb
(($# > 0)) || set -- bookworm trixie
for s; do
	suite "$s"
done
tap_done
