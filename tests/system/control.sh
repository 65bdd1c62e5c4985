#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The control socket's answers: in the order of the requests, also where one has to wait; and dry runs, which change nothing.
# Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

# Sends all lines of its standard input at once over one connection, and prints each answer's id and whether it is ok.
talk() { # how many answers to wait for
	perl -MIO::Socket::UNIX -e '
		my ($path, $n) = @ARGV;
		my $s = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
		$s->print(do { local $/; <STDIN> });
		$s->flush;
		alarm 15;
		while ($n-- > 0 && defined(my $line = <$s>)) {
			my ($id) = $line =~ /"id": ?(\d+)/;
			my ($ok) = $line =~ /"ok": ?(true|false)/;
			print "$id:$ok ";
		}' "$tmp/socket" "$1"
}

kernel_objects() { # of divvy's, as tc and ip show them
	tc -n "$host" qdisc show
	tc -n "$host" class show dev divvy0 2>/dev/null
	tc -n "$host" filter show dev n0 ingress
	ip -n "$host" -o link show | sed 's/ qlen.*//'
}

# Both VMs have packets waiting at a low rate: a release has to wait for them.
case_pipeline() {
	local said v
	divvy set web=1 batch=1
	for v in web batch; do
		vm_ask $v "flood 30 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
	done
	sleep 0.3
	said=$(printf '{"version":1,"id":%d,"verb":"%s","args":%s}\n' 1 release '{"device":"web"}' 2 release '{"device":"batch"}' \
		3 show '{}' 4 nonsense '{}' 5 status '{}' | talk 5)
	echo "# answers: $said"
	[[ $said == "1:true 2:true 3:true 4:false 5:true " ]]
	check "five requests on one connection: all are answered, in order" "$? == 0"
	for v in web batch; do
		vm_ask $v stop
		vm_reply $v
	done
	said=$(printf 'not json\n{"version":1,"id":7,"verb":"show","args":{}}\n' | talk 2)
	[[ $said == "0:false 7:true " ]]
	check "a request that cannot be read is answered in its place" "$? == 0"
}

case_dry_run() {
	local before after
	before=$(kernel_objects)
	divvy apply --dry-run "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	check "dry run: succeeds" "$? == 0" || diag <"$tmp/said"
	diag <"$tmp/said"
	after=$(kernel_objects)
	[[ $before == "$after" ]]
	check "dry run of an apply: the kernel is as before" "$? == 0" || diag < <(diff <(echo "$before") <(echo "$after"))
	grep -q '^make .*web' "$tmp/said" && grep -q '^attach .*n0' "$tmp/said" && grep -q '^hold back .*n1' "$tmp/said"
	check "dry run: what would be made, attached and held back" "$? == 0"
	[[ -z $(divvy show) ]]
	check "dry run: nothing runs" "$? == 0"
	divvy apply --dry-run --json "$tmp/divvy.yaml" | grep -q '"steps"'
	check "dry run: --json" "$? == 0"

	divvy_apply on
	before=$(kernel_objects)
	divvy apply --dry-run "$tmp/divvy.yaml" >"$tmp/said" 2>&1 && grep -q 'nothing would change' "$tmp/said"
	check "dry run of what runs: nothing would change" "$? == 0" || diag <"$tmp/said"
	divvy set --dry-run web=70 >"$tmp/said" 2>&1 && grep -q '^change .*web' "$tmp/said"
	check "dry run of a set: the classes that would change" "$? == 0" || diag <"$tmp/said"
	[[ $before == "$(kernel_objects)" ]] && is web share 60
	check "dry run of a set: the kernel and the shares are as before" "$? == 0"
	sed 's/nic: n1/nic: nosuch/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply --dry-run "$tmp/try.yaml" >"$tmp/said" 2>&1 && grep -q '^wait .*nosuch' "$tmp/said" &&
		grep -q '^detach .*n1' "$tmp/said" && grep -q '^drain ' "$tmp/said" && grep -q '^give back .*n1' "$tmp/said"
	check "dry run: what would wait, be detached, drained and given back" "$? == 0" || diag <"$tmp/said"
	sed 's/up0/nosuch0/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply --dry-run "$tmp/try.yaml" >"$tmp/said" 2>&1
	check "dry run: what apply refuses is refused" "$? == 1" || diag <"$tmp/said"
	[[ $before == "$(kernel_objects)" ]]
	check "dry run: and still nothing is touched" "$? == 0"
}

lib_init
make_topology bridge
vm_start web
vm_start batch
vm_ready web
vm_ready batch
divvy_start
cat >"$tmp/divvy.yaml" <<-END
	uplinks:
	  - name: up0
	    capacity: ${capacity_mbit}mbit
	    overhead: 0
	    devices:
	      - {name: web, nic: n0, share: 60, backpressure: on}
	      - {name: batch, nic: n1, share: 40, backpressure: on}
END
case_dry_run
case_pipeline
divvy_release
await 3 untouched
check "release gives everything back" "$? == 0"
tap_done
