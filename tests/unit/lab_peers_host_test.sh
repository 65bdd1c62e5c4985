#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lab/scenarios/peers-host.sh makes of its counts, and what it says to bad input. Without a test host: the counts
# are written here, the figures to be had from them worked out by hand.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Two phases under nothing and under divvy, of 1 s each. Delivered in the window: 7500000 and 5000000 bytes, 100 Mbit in
# 1 s; written under divvy 10000 and 6600, of which 16 of web never arrive. Of every refusal 20 frames were taken.
counts() { # the CPU time of others between the phases, hundredths of a second
	cat <<-END
		# a line of progress
		@kernel 6.12.0-test
		@run 100000 100000 1500
		@state 1 nothing
		1 of 2: a line of progress
		@phase udp UDP flood vs UDP flood
		@sends web batch
		@at web 1000000 0 0 10
		@at batch 1000000 0 0 10
		@at web 3000000 12500000 9000 100
		@at batch 3000000 12500000 9000 100
		@at web 4000000 18750000 13000 200
		@at batch 4000000 18750000 13000 200
		@written web 26000 0 2147483647
		@written batch 26000 0 2147483647
		@at web 4500000 19000000 13000 200
		@at batch 4500000 19000000 13000 200
		@drops 0 26000
		@end
		@state 1 device
		@command divvy apply divvy.yaml
		@phase udp UDP flood vs UDP flood
		@sends web batch
		@at web 1000000 0 0 10
		@at batch 1000000 0 0 10
		@at web 3000000 5000000 4000 100
		@at batch 3000000 4000000 2000 100
		@at web 4000000 12500000 9000 150
		@at batch 4000000 9000000 6000 125
		@written web 10000 500 65536
		@written batch 6600 330 65536
		@rtt web 3.5 1.5 2.5
		@at web 4500000 14976000 9984 150
		@at batch 4500000 9900000 6600 125
		@drops 16 0
		@end
		@load 1000000 1000 900
		@load 5000000 1400 1300
		@load 9000000 $((1800 + $1)) 1700
	END
}

summarise() { # file of counts
	"$root/tests/hosts/peers_summary.pl" title=Test accel=none <"$1" >"$tmp/summary.json"
}

# A JSON path of the summary is what it is said to be; "null" is null.
is() { # path, value
	perl -MJSON::PP -e '
		my ($file, $path, $want) = @ARGV;
		open my $f, "<", $file or die "$file: $!\n";
		local $/;
		my $o = decode_json(<$f>);
		for my $key (split /\./, $path) {
			die "no $key of $path\n" unless ref $o eq "ARRAY" ? exists $o->[$key] : exists $o->{$key};
			$o = ref $o eq "ARRAY" ? $o->[$key] : $o->{$key};
		}
		my $have = !defined $o ? "null" : ref $o eq "JSON::PP::Boolean" ? ($o ? "true" : "false") : $o;
		my $same = $have =~ /^-?[0-9.e+-]+$/ && $want =~ /^-?[0-9.]+$/ ? abs($have - $want) < 1e-6 : $have eq $want;
		die "$path is $have, not $want\n" unless $same;
	' "$tmp/summary.json" "$1" "$2"
}

# Numbers are numbers there, not texts.
numbers() {
	! grep -E '"(mbps|error_pp|loss_pct|cpu_per_mbit|p50|repetition|queue_drops|share|others_cores)" : "' "$tmp/summary.json"
}

refuses() { # exit status, text, command...
	local want=$1 text=$2 status=0
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	cat "$tmp/err"
	[[ $status == "$want" ]] && grep -qF -e "$text" "$tmp/err"
}

counts 0 >"$tmp/counts"
try "counts become a summary" summarise "$tmp/counts"
while read -r path value; do
	try "$path is $value" is "$path" "$value"
done <<-END
	version 1
	scenario peers-host
	section peers
	title Test
	kernel 6.12.0-test
	capacity_mbps 100
	loaded true
	repetitions 1
	phases.0.under nothing
	phases.0.scheduler none
	phases.0.utilisation 1
	phases.0.wire_drops 26000
	phases.0.vms.0.error_pp -10
	phases.0.vms.0.loss_pct 50
	phases.1.name device, UDP flood vs UDP flood
	phases.1.step UDP flood vs UDP flood
	phases.1.scheduler divvy
	phases.1.repetition 1
	phases.1.commands.0 divvy apply divvy.yaml
	phases.1.queue_drops 16
	phases.1.settled_ms null
	phases.1.others_cores 0
	phases.1.utilisation 1
	phases.1.vms.0.name web
	phases.1.vms.0.share 60
	phases.1.vms.0.mbps 60
	phases.1.vms.0.share_pct 60
	phases.1.vms.0.error_pp 0
	phases.1.vms.0.loss_pct 0.16
	phases.1.vms.0.cpu_cores 0.5
	phases.1.vms.0.cpu_per_mbit 0.00833333333
	phases.1.vms.0.rtt_ms.p50 2.5
	phases.1.vms.0.rtt_ms.p99 3.5
	phases.1.vms.0.backlogged true
	phases.1.vms.1.mbps 40
	phases.1.vms.1.loss_pct 0
	phases.1.vms.1.rtt_ms null
END
try "numbers are numbers" numbers

counts 240 >"$tmp/busy"
summarise "$tmp/busy"
try "others that use 0.6 cores are seen" is phases.1.others_cores 0.6
try "shares are not judged then" is phases.1.vms.0.error_pp null

sed 's/@written web 10000 500/@written web 10000 200/' "$tmp/counts" >"$tmp/starved"
summarise "$tmp/starved"
try "a flood that let its queue run empty was not backlogged" is phases.1.vms.0.backlogged false
try "shares are not judged then either" is phases.1.vms.1.share_pct null

sed 's/18750000/14000000/' "$tmp/counts" >"$tmp/idle"
summarise "$tmp/idle"
try "a wire that nobody filled was not loaded" is loaded false
try "and tells nothing of shares" is phases.1.vms.0.error_pp null

sed '/^@at batch 3000000 4/d' "$tmp/counts" >"$tmp/short"
try "a missing sample is refused, with its line" refuses 1 "standard input:35: a phase has four samples of batch" \
	summarise "$tmp/short"
sed 's/^@drops 16 0/@dropped 16/' "$tmp/counts" >"$tmp/word"
try "so is an unknown word" refuses 1 'unknown word @dropped' summarise "$tmp/word"
sed '/^@drops 16 0/,$d' "$tmp/counts" >"$tmp/cut"
try "and a run that broke off" refuses 1 "the last phase has no end" summarise "$tmp/cut"
try "and no run at all" refuses 1 "nothing was measured" summarise /dev/null

scenario=$root/lab/scenarios/peers-host.sh
try "the scenario wants three arguments" refuses 2 "3 arguments are needed, not 1" "$scenario" "$tmp/out.d"
try "and numbers" refuses 2 "are numbers, not 'long' and '1'" "$scenario" "$tmp/out.d" long 1
try "and a step that can be measured" refuses 2 "3 seconds at least" "$scenario" "$tmp/out.d" 2 1
for key in title section quick seconds; do
	try "its header has $key" grep -q "^# $key: ." "$scenario"
done
tap_done
