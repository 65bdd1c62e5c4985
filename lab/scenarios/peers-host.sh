#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# title: In a test host (Debian 13's kernel, programs as senders): limits of Proxmox VE and libvirt, fq_codel, SFQ, CAKE
# section: peers
# quick: no
# seconds: 420
#
# peers-host.sh OUTDIR SECONDS REPEAT: peers whose kernel parts the machine's own kernel may lack (act_police, sch_sfq,
# sch_fq_codel, sch_cake), in a test host of its own under QEMU; OUTDIR/summary.json, and OUTDIR/counts, of which it is
# made. SECONDS is the length of a step, 3 at least: 2 are not measured. doc/peers-host.md says what is run.
# UNDERS="nothing proxmox device" leaves the others out, for a functional run: about 17 s each with SECONDS=4.
#
# Exits with 77 and one line of reason on stderr where the kernel or a program cannot be had.
# ACCEL=kvm where KVM works (default tcg).
set -euo pipefail

usage() {
	echo "peers-host.sh: $*" >&2
	echo "usage: peers-host.sh OUTDIR SECONDS REPEAT" >&2
	exit 2
}

(($# == 3)) || usage "3 arguments are needed, not $#"
[[ $2 =~ ^[0-9]{1,3}$ && $3 =~ ^[0-9]{1,2}$ ]] || usage "SECONDS and REPEAT are numbers, not '$2' and '$3'"
((10#$2 >= 3)) || usage "a step takes 3 seconds at least: its first 2 are not measured"
((10#$3 >= 1)) || usage "REPEAT is 1 at least"
out=$1 seconds=$((10#$2)) repeat=$((10#$3))
root=$(cd "$(dirname "$0")/../.." && pwd)
suite=trixie
export PATH=$PATH:/usr/sbin:/sbin

for program in qemu-system-x86_64 busybox iperf3 ethtool perl; do
	command -v "$program" >/dev/null || {
		echo "peers-host.sh: $program is not on this machine: tools/deps.sh" >&2
		exit 77
	}
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
make -s -C "$root" build/divvyd build/divvy build/tests/system/tapflood
"$root/tests/hosts/kernels.sh" $suite >/dev/null

# Every scheduler: two set-ups, three steps. Under TCG a set-up takes about 2 s, a step 1 s beside its traffic.
read -ra unders <<<"${UNDERS:-nothing proxmox libvirt htb+fq_codel htb+sfq cake device}"
timeout=$((60 + repeat * ${#unders[@]} * (3 * (seconds + 6) + 12)))

rm -f "$out/console" "$out/counts" "$out/summary.json"
: >"$out/console"
run=
tail=

cleanup() {
	[[ -z $tail ]] || kill "$tail" 2>/dev/null || :
	[[ -z $run ]] || kill "$run" 2>/dev/null || :
	rm -f "$out/console" "$out/load"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# What this machine does meanwhile: "@load US BUSY QEMU", in hundredths of a second of CPU time.
load() {
	local user nice system irq softirq stat words pid
	read -r _ user nice system _ _ irq softirq _ </proc/stat
	pid=$(pgrep -P "$run" -x qemu-system-x86 || echo self)
	read -r stat <"/proc/$pid/stat" || :
	read -ra words <<<"${stat##*) }"
	echo "@load ${EPOCHREALTIME/[.,]/} $((user + nice + system + irq + softirq)) $((words[11] + words[12]))"
}

# Each step that begins, and the end: to who looks on, and into the load's record.
follow() {
	local line
	while read -r line; do
		[[ $line =~ ^#\ ([0-9]+ of |done) ]] || continue
		load >>"$out/load"
		line=${line%$'\r'}
		echo "${line#\# }"
	done
}

# Without IPv6, so that no address chatter is counted.
CONSOLE=$out/console PROGRAMS="ethtool iperf3" APPEND="ipv6.disable=1" TIMEOUT=$timeout \
	"$root/tests/hosts/run.sh" $suite tests/hosts/peers.sh "$seconds" "$repeat" "${unders[@]}" >"$out/counts" &
run=$!
exec {console}< <(exec tail -f "$out/console" 2>/dev/null)
tail=$!
follow <&"$console" &
follow=$!
status=0
wait "$run" || status=$?
run=
kill "$tail"
tail=
wait "$follow" || :
if ((status != 0)); then
	echo "peers-host.sh: the test host failed; the end of what it said ($out/counts):" >&2
	tail -n 5 "$out/counts" >&2
	exit 1
fi
cat "$out/load" >>"$out/counts"

describe() { # KEY=TEXT for the summary
	echo "title=$(sed -n 's/^# title: //p' "$0")"
	echo "accel=${ACCEL:-tcg} (test host)"
	echo "accel_why=a kernel with the parts that these schedulers need, booted under QEMU for the purpose"
	echo "machine=$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), in it a test host of 2 virtual CPUs"
	echo "notes=Senders are programs at taps and at veths, not VMs. All of it runs in the test host, clocks and" \
		"packets too: compare within this table only."
	echo "date=$(date -u +%FT%TZ)"
	echo "commit=$(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown)"
}
mapfile -t texts < <(describe)
"$root/tests/hosts/peers_summary.pl" "${texts[@]}" <"$out/counts" >"$out/summary.json.new"
mv "$out/summary.json.new" "$out/summary.json"
