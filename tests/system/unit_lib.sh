# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# unit_lib.sh: for a whole host (tests/hosts/whole.sh). Here divvyd, divvy-guard and divvy-exporter are the installed units,
# with all that these deny them, and the host is the machine itself. Sourced by lib.sh where DIVVY_UNIT is set: the functions
# below stand for those of lib.sh, and system tests run as they are. A drop-in makes a unit's log a file, as the tests' own
# is, and keeps systemd from starting what a test has killed; nothing else differs from what the package installs.

# shellcheck disable=SC2034,SC2154 # the tests use them; lib.sh's
{
	host=whole
	group=divvy read_group=divvy-read # as the package has it: divvyd_options mean nothing here
}

unit_dropin() { # unit, its log, more lines
	mkdir -p "/run/systemd/system/$1.service.d"
	cat >"/run/systemd/system/$1.service.d/test.conf" <<-END
		[Service]
		Restart=no
		StandardOutput=append:$2
		StandardError=append:$2
		$3
	END
	systemctl daemon-reload
}

unit_init() {
	systemctl stop divvyd
	unit_dropin divvyd "$tmp/divvyd.log" ""
	[[ -e /etc/divvy/divvy.yaml ]] && cp /etc/divvy/divvy.yaml "$tmp/installed.yaml"
	state_dir=/var/lib/divvy
	ln -s /run/divvy/divvy.sock "$tmp/socket"
}

unit_done() {
	systemctl stop divvyd divvy-exporter 2>/dev/null
	rm -rf /run/systemd/system/divvy{d,-exporter}.service.d
	[[ -e $tmp/installed.yaml ]] && cp "$tmp/installed.yaml" /etc/divvy/divvy.yaml
	find /var/lib/divvy -mindepth 1 -delete
	systemctl daemon-reload
	systemctl reset-failed divvyd 2>/dev/null
	systemctl start divvyd
}

# --- the host ----------------------------------------------------------------------------------------
host_add() {
	mkdir -p /run/netns
	touch /run/netns/$host && mount --bind /proc/1/ns/net /run/netns/$host
}

host_del() { # all links but those of the machine itself
	local link
	for link in /sys/class/net/*; do
		[[ -e $link/device || $link == */lo ]] || ip link del "${link##*/}" 2>/dev/null
	done
	nft flush ruleset
	! mountpoint -q /run/netns/$host || umount /run/netns/$host
	rm -f /run/netns/$host
}

# --- divvyd ------------------------------------------------------------------------------------------
unit_spec() { # the system's file is what a test has put where lib.sh's divvyd looks for it
	if [[ -e $tmp/none.yaml ]]; then
		cp "$tmp/none.yaml" /etc/divvy/divvy.yaml
	else
		rm -f /etc/divvy/divvy.yaml
	fi
}

unit_is() { # unit, ActiveState
	[[ $(systemctl show -P ActiveState "$1") == "$2" ]]
}

unit_start() {
	unit_spec
	systemctl reset-failed divvyd 2>/dev/null # a test starts it more often than systemd likes
	systemctl start divvyd 2>/dev/null
}

divvyd_launch() {
	unit_start && await 20 divvy status >/dev/null 2>&1 || {
		diag <"$tmp/divvyd.log"
		systemctl status divvyd --no-pager -n 20 | diag
		bail "divvyd does not answer"
	}
	divvyd_pid=$(systemctl show -P MainPID divvyd)
}

divvyd_once() { # seconds
	local lines
	lines=$(wc -l <"$tmp/divvyd.log")
	if unit_start; then
		sleep "$1"
		systemctl stop divvyd
	fi
	tail -n "+$((lines + 1))" "$tmp/divvyd.log" >"$tmp/said"
	return "$(systemctl show -P ExecMainStatus divvyd)"
}

divvy_start() {
	divvy_stop
	find "$state_dir" -mindepth 1 -delete
	divvyd_launch
}

divvyd_kill() {
	systemctl kill -s KILL --kill-whom=main divvyd
	await 20 unit_is divvyd failed || bail "divvyd does not end"
	divvyd_pid=
}

divvy_stop() {
	systemctl stop divvyd
	divvyd_pid=
}

# --- divvy-exporter ----------------------------------------------------------------------------------
unit_exporter_start() { # address, options...
	unit_dropin divvy-exporter "$tmp/exporter.log" "$(printf '%s\n' ExecStart= "ExecStart=/usr/sbin/divvy-exporter --listen $*")"
	systemctl start divvy-exporter || systemctl status divvy-exporter --no-pager -n 20 | diag
	exporter_pid=$(systemctl show -P MainPID divvy-exporter)
}
