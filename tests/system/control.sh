#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# control.sh [CASE...]: the control socket's answers: in the order of the requests, also where one has to wait; dry runs,
# which change nothing; clients that keep others out (crowd_lib.sh), that wait, or that watch; how divvyd starts. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
# shellcheck source=tests/system/crowd_lib.sh
. "$root/tests/system/crowd_lib.sh"

# Sends all lines of its standard input at once over one connection, and prints each answer's id and whether it is ok.
talk() { # how many answers to wait for
	perl -MIO::Socket::UNIX -e '
		my ($path, $n) = @ARGV;
		my $s = IO::Socket::UNIX->new(Peer => $path) or die "connect: $!";
		$s->print(do { local $/; <STDIN> });
		$s->flush;
		alarm 60;
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
	# A bridge's state follows its ports' a moment later.
	ip -n "$host" -o link show | sed -E 's, qlen.*,,; s, state [A-Z]+,,'
}

objects_are() {
	[[ $(kernel_objects) == "$1" ]]
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

# set changes any term, all that it names or none; and every example is right.
terms() {
	local file wrong=""
	divvy set web.limit=15mbit batch.reserve=5mbit web=61 >"$tmp/said" 2>&1
	[[ $(divvy show) == *"share: 61, limit: 15mbit"*"share: 40, reserve: 5mbit"* ]]
	check "set: a limit, a reserve and a share at once" "$? == 0" || { cat "$tmp/said"; divvy show; } | diag
	divvy status | grep -q '^DEVICE .*RESERVE LIMIT' && divvy status | grep -q '^web .* 61  *- 15.00 '
	check "set: status has them" "$? == 0" || divvy status | diag
	divvy set web.limit=none batch.reserve=900mbit >"$tmp/said" 2>&1
	check "set: a reserve that does not fit is refused" "$? == 1"
	grep -q "^divvy: set: device \"batch\": reserve 900mbit: .*mbit too much; expected at most .*, the capacity of up0$" "$tmp/said"
	check "set: by how much" "$? == 0" || diag <"$tmp/said"
	[[ $(divvy show) == *"limit: 15mbit"*"reserve: 5mbit"* ]]
	check "set: none of the changes was made" "$? == 0" || divvy show | diag
	divvy set web.hook=first >"$tmp/said" 2>&1
	says said '"hook" of a device cannot be set; expected share'
	check "set: a key that only the file has" "$? == 0" || diag <"$tmp/said"
	divvy set web.limit=none batch.reserve=none web=60 >"$tmp/said" 2>&1 && ! divvy show | grep -qE 'limit|reserve'
	check "set: none takes both back" "$? == 0" || diag <"$tmp/said"
	for file in "$root"/doc/examples/*.yaml; do
		divvy check "$file" >"$tmp/said" 2>&1 && ! grep -q warning "$tmp/said" || wrong+=" ${file##*/}"
	done
	[[ -z $wrong ]]
	check "each of doc/examples is right, and nothing is to be said of it" "$? == 0" || diag <<<"wrong:$wrong"
	cat >"$tmp/tight.yaml" <<-END
		uplinks:
		  - {name: up0, capacity: 100mbit, rx_capacity: 50mbit, devices: [
		      {name: a, nic: n0, reserve: 98mbit, rx: {reserve: 49mbit}}, {name: b, nic: n1, rx: {share: 1}}, {name: c, nic: n2}]}
	END
	divvy check "$tmp/tight.yaml" >"$tmp/said" 2>&1 &&
		grep -qx '.*tight.yaml:2: the reserves in up0 (a 98mbit) leave 2.00 of 100 Mbit/s to b and c .*' "$tmp/said" &&
		grep -qx '.*tight.yaml:2: the reserves in up0 (a 49mbit) leave 1.00 of 50.0 Mbit/s to b .* (rx)' "$tmp/said"
	check "check warns of reserves that leave next to nothing, in each direction" "$? == 0" || diag <"$tmp/said"
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
	terms
	sed 's/nic: n1/nic: nosuch/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply --dry-run "$tmp/try.yaml" >"$tmp/said" 2>&1 && grep -q '^wait .*nosuch' "$tmp/said" &&
		grep -q '^detach .*n1' "$tmp/said" && grep -q '^drain ' "$tmp/said" && grep -q '^give back .*n1' "$tmp/said"
	check "dry run: what would wait, be detached, drained and given back" "$? == 0" || diag <"$tmp/said"
	sed 's/up0/nosuch0/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply --dry-run "$tmp/try.yaml" >"$tmp/said" 2>&1
	check "dry run: what apply refuses is refused" "$? == 1" || diag <"$tmp/said"
	await 3 objects_are "$before" # classes follow demand, and so come to rest some time after a change
	check "dry run: and still nothing is touched" "$? == 0" || diag < <(diff <(echo "$before") <(kernel_objects))
}

case_timeout() {
	kill -STOP "$divvyd_pid"
	divvy --timeout 1 status >"$tmp/said" 2>&1
	check "a stopped divvyd: status gives up" "$? == 1"
	says said "^divvy: status: no answer from divvyd \(process $divvyd_pid\) in 1 s: it is stopped \(kill -CONT $divvyd_pid\)\$"
	check "... and says why" "$? == 0" || diag <"$tmp/said"
	divvy set web=60 --timeout=1 >"$tmp/said" 2>&1
	says said 'the change may still come into force \(divvy status\)$'
	check "... and what becomes of a change" "$? == 0" || diag <"$tmp/said"
	kill -CONT "$divvyd_pid"
	divvy --timeout never status >"$tmp/said" 2>&1
	says said 'expected whole seconds'
	check "--timeout takes whole seconds" "$? == 0"
}

# `divvy top` on a terminal of its own, whose shell says how the terminal is before and afterwards. True if top
# ends with that status, and leaves the terminal as it was.
top_on_terminal() { # status, a command that ends it
	local pid before="" status="" after=""
	exec {top_in}<> <(:)
	rm -f "$tmp/top_said" "$tmp/top" # the former one's would say that this one is there
	DIVVY_SOCKET=$tmp/socket script -qfec "trap : INT; stty -g >$tmp/top_said
		$root/build/divvy top; { echo \$?; stty -g; echo end; } >>$tmp/top_said" /dev/null <&"$top_in" >"$tmp/top" 2>&1 &
	pid=$!
	await 5 grep -q ends "$tmp/top"
	"${@:2}"
	await 5 grep -q end "$tmp/top_said"
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	exec {top_in}>&-
	{ read -r before && read -r status && read -r after; } <"$tmp/top_said"
	echo "# top ended with $status"
	[[ $before == "$after" && $status == "$1" ]]
}

press() { # a key
	printf '%b' "$1" >&"$top_in"
}

top_terminated() {
	local pid
	pid=$(pgrep -nf "^$root/build/divvy top$") && kill "$pid"
}

case_top() {
	top_on_terminal 0 press q
	check "q ends top" "$? == 0"
	grep -q 'q ends\.' "$tmp/top"
	check "... which says so" "$? == 0"
	top_on_terminal 0 press '\003'
	check "Ctrl-C ends top, and the terminal is as before" "$? == 0"
	top_on_terminal 143 top_terminated
	check "SIGTERM ends top, and the terminal is as before" "$? == 0"
	# Not a terminal: what stands there is another program's.
	printf 'q\nrest\n' >"$tmp/in"
	{
		DIVVY_SOCKET=$tmp/socket timeout 1.5 "$root/build/divvy" top >"$tmp/top"
		cat >"$tmp/left"
	} <"$tmp/in"
	[[ $(grep -c 'Ctrl-C ends' "$tmp/top") -ge 2 && $(<"$tmp/left") == $'q\nrest' ]]
	check "without a terminal top reads nothing, and goes on" "$? == 0"
}

# Two groups have the one socket: those who may do all, and those who may ask.
case_groups() {
	local said as=(setpriv --reuid 65533 --clear-groups --regid) shares
	shares="$(of web share):$(of batch share)"
	said=$(DIVVY_SOCKET=$tmp/socket "${as[@]}" "$read_group" "$root/build/divvy" status 2>&1)
	check "a member of the read group may ask" "$? == 0" || diag <<<"$said"
	for verb in "set web=99" "set --dry-run web=99" "release --all" "apply $tmp/divvy.yaml"; do
		# shellcheck disable=SC2086 # words
		DIVVY_SOCKET=$tmp/socket "${as[@]}" "$read_group" "$root/build/divvy" $verb >"$tmp/said" 2>&1
		says said "permission denied: members of divvyd's --read-group may ask, and change nothing\$"
		check "... and not ${verb%% *}" "$? == 0" || diag <"$tmp/said"
	done
	[[ $shares == "$(of web share):$(of batch share)" ]] && is web state bound
	check "... and nothing was changed" "$? == 0"
	DIVVY_SOCKET=$tmp/socket "${as[@]}" "$group" "$root/build/divvy" set "web=${shares%:*}" >"$tmp/said" 2>&1
	check "a member of the group may change" "$? == 0" || diag <"$tmp/said"
	DIVVY_SOCKET=$tmp/socket "${as[@]}" nogroup "$root/build/divvy" status >"$tmp/said" 2>&1
	says said 'permission denied'
	check "a member of neither may not ask" "$? == 0" || diag <"$tmp/said"
}

watch_pid=
watch_start() { # options of divvy watch
	DIVVY_SOCKET=$tmp/socket stdbuf -o0 "$root/build/divvy" watch "$@" >"$tmp/watched" 2>"$tmp/watch_said" &
	watch_pid=$!
	await 5 watch_is_heard
}

# There is no event yet that it could print: its connection has been answered once divvyd tells it of this one.
watch_is_heard() {
	divvy set nosuch=1 >"$tmp/said" 2>&1
	grep -q refused "$tmp/watched"
}

watch_stop() {
	kill "$watch_pid" 2>/dev/null
	wait "$watch_pid" 2>/dev/null
}

# An event of that kind, with all these pairs of "key":value.
watched() { # event, pair...
	local pair found
	found=$(grep "\"event\":\"$1\"" "$tmp/watched")
	for pair in "${@:2}"; do
		found=$(grep -F -- "$pair" <<<"$found")
	done
	[[ $found ]]
}

event() { # name, event, pair...
	await 5 watched "${@:2}"
	check "watch: $1" "$? == 0" || diag <"$tmp/watched"
}

case_watch() {
	local t0
	divvy_apply on
	watch_start --json
	t0=$(date +%s)
	check "watch: is told of what happens" "$? == 0" || diag <"$tmp/watch_said"
	event "a set that is refused, and why" refused '"verb":"set"' '"message":"no device or network \"nosuch\"'
	sed 's/up0/nosuch0/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	event "an apply that is refused, with its line" refused '"verb":"apply"' '"line":2'
	divvy set web=61
	event "a change" change '"verb":"set"' '"what":"web=61"' '"device":"web"' '"uplink":"up0"'
	ip -n "$host" link set n0 down
	ip -n "$host" link set n0 name gone0
	# Down, or gone: divvyd may see both steps together.
	event "a vNIC that goes" waiting '"device":"web"' '"text":"web: waiting: '
	ip -n "$host" link set gone0 name n0
	ip -n "$host" link set n0 up
	event "a vNIC that comes" bind '"device":"web"' '"uplink":"up0"' '"nic":"n0"' '"ifindex":'
	await 3 is web state bound
	tc -n "$host" filter del dev n1 ingress
	event "what another program removed" repaired '"device":"batch"' '"nic":"n1"' '"what":"filter removed"' '"count":1'
	event "... and when it is back" bind '"device":"batch"' '"nic":"n1"'
	divvy release batch >/dev/null
	event "a device that is released" unbind '"device":"batch"' '"nic":"n1"'
	divvy_apply on
	event "all that an apply does" change '"verb":"apply"' '"what":"2 devices, 2 bound"'
	perl -MJSON::PP -ne '
		BEGIN { $n = -1 }
		my $e = decode_json($_);
		$n = $e->{number} - 1 if $n < 0;
		exit 1 if $e->{version} != 1 || $e->{number} != ++$n || $e->{time} !~ /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z$/ ||
			abs($e->{realtime_ns} / 1e9 - '"$t0"') > 60' "$tmp/watched"
	check "watch: each line is numbered, and has the time" "$? == 0" || diag <"$tmp/watched"
	# Log and watch say the same: what is in both, in the same order.
	perl -MJSON::PP -ne 'print "divvyd: ", decode_json($_)->{text}, "\n"' "$tmp/watched" | grep -Fxf "$tmp/divvyd.log" >"$tmp/both"
	check "watch: the log has the same lines" "$(wc -l <"$tmp/both") >= 6" || diag <"$tmp/both"
	watch_stop

	watch_start
	divvy set web=60
	await 5 grep -qE '^[0-9-]{10} [0-9:]{8}\.[0-9]{3}  change       set: web=60$' "$tmp/watched"
	check "watch: in words" "$? == 0" || diag <"$tmp/watched"
	DIVVY_SOCKET=$tmp/socket timeout 1 setpriv --reuid 65533 --clear-groups --regid "$read_group" "$root/build/divvy" watch
	check "watch: a member of the read group may" "$? == 124"
	watch_stop
}

# Another program sets the class of web down, again and again: divvyd puts it right, and says what web did not get.
case_promises() {
	local class end v
	divvy_apply on
	sed -i 's/overhead: 0/overhead: 100/' "$tmp/divvy.yaml"
	divvy apply "$tmp/divvy.yaml" >/dev/null
	divvy set web.reserve=5mbit
	class=$(tc -n "$host" filter show dev n0 ingress | sed -n 's/.*flowid \(d177:[0-9a-f]*\).*/\1/p' | head -n 1)
	watch_start --json
	for v in web batch; do
		vm_ask $v "flood 20 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
	done
	await 3 eval '[[ $(divvy status) == *"promises: measured on 2 of 2 devices"* ]]'
	check "status: what was measured of promises" "$? == 0" || diag < <(divvy status)
	await 5 eval 'divvy status | grep -qE "within 0\.[0-9]+ points of the uplink"'
	check "... both get what they are entitled to, with the overhead of each packet" "$? == 0" || diag < <(divvy status)
	divvy set web.limit=8mbit
	event "all have settled after a change" settled '"uplink":"up0"' '"nodes":2' '"after_ms":'
	end=$((SECONDS + 10))
	until watched violation '"of":"reserve"' || ((SECONDS > end)); do
		tc -n "$host" class change dev divvy0 parent d177:1 classid "$class" htb rate 1mbit ceil 1mbit
	done
	event "a reserve that is missed" violation '"of":"reserve"' '"device":"web"' '"due_bps":5000000' '"count":'
	for v in web batch; do
		vm_ask $v stop
		vm_reply $v
	done
	divvy status | grep -q '^  promise not kept: less than its reserve [0-9]* time'
	check "status: a promise that was not kept" "$? == 0" || diag < <(divvy status)
	check "status --json: the same" "$(of web reserve_missed) > 0"
	watch_stop
	divvy_apply on
}

# Each of these requests is four events.
case_slow_watcher() {
	local i n
	watch_start --json
	kill -STOP "$watch_pid"
	for i in {1..5000}; do
		printf '{"version":1,"id":%d,"verb":"set","args":{"shares":{"web":%d,"batch":40},"nodes":{"web":{"share":"%d"},"batch":{"share":"40"}}}}\n' \
			"$i" $((50 + i % 9)) $((60 + i % 9))
	done >"$tmp/requests"
	n=$(talk 5000 <"$tmp/requests" | wc -w)
	echo "# $n changes answered while a watcher is stopped"
	check "a watcher that reads nothing: divvyd answers others" "n == 5000"
	kill -CONT "$watch_pid"
	wait "$watch_pid"
	check "... and is cut off" "$? == 1"
	tail -n 1 "$tmp/watched" | grep -qE '"event":"missed",.*"count":[0-9]{3,},'
	check "... and told how many events it has missed" "$? == 0" || diag < <(tail -n 1 "$tmp/watched")
	grep -q "control: process $watch_pid has missed [0-9]* events, for it does not read them: closed" "$tmp/divvyd.log"
	check "... which the log says" "$? == 0"
}

case_start() {
	local own
	own=/run/divvy/netns-$(stat -Lc %i "/run/netns/$host").lock
	: >/run/divvy/netns-1.lock
	divvy_apply on
	divvy_stop
	[[ ! -e $own && ! -e $tmp/socket.doing ]]
	check "a divvyd that ends leaves no lock" "$? == 0"
	: >"$tmp/divvyd.log"
	divvyd_launch
	[[ -e $own && ! -e /run/divvy/netns-1.lock ]]
	check "one that starts removes others that nothing holds" "$? == 0"
	grep -q "^divvyd: divvyd 0\.[^ ]*: 2 devices, 2 bound; the specification is as it was applied, kept in $state_dir\$" "$tmp/divvyd.log"
	check "its log says what it runs, and where that is from" "$? == 0" || diag <"$tmp/divvyd.log"
	divvyd_kill
	: >"$tmp/divvyd.log"
	divvyd_launch
	grep -q ": 2 devices, 2 bound; " "$tmp/divvyd.log"
	check "also after SIGKILL" "$? == 0" || diag <"$tmp/divvyd.log"
}

case_options() {
	local program said
	for program in divvyd divvy divvy-guard divvy-exporter divvy-lab; do
		[[ -x $root/build/$program ]] || continue
		said=$("$root/build/$program" --help 2>&1)
		check "$program --help" "$? == 0 && ${#said} > 50"
		said=$("$root/build/$program" --version 2>&1)
		check "$program --version" "$? == 0"
		[[ $said == "$program 0."* ]]
		check "$program --version names it" "$? == 0" || diag <<<"$said"
	done
}

lib_init
chmod 711 "$tmp" # the group's members come in, too
divvyd_options=(--group "$group" --read-group "$read_group")
make_topology bridge
start_vms
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
cases=(dry_run groups pipeline timeout watch promises slow_watcher top slow_reader crowds displaced no_descriptors start options)
(($# > 0)) || set -- "${cases[@]}" # in this order; each is there after dry_run
[[ " $* " != *" slow_reader "* ]] || crowd_come deaf 1 65534
for c; do
	"case_$c"
done
divvy_release
await 3 untouched
check "release gives everything back" "$? == 0"
tap_done
