# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# crowd_lib.sh: clients of the control socket that keep others out, by their number, by what they do not read, and by the
# descriptors that they take; whether root is answered meanwhile. Sourced by control.sh, after lib.sh.

# shellcheck disable=SC2154,SC2034 # group, tmp and divvyd_pid are lib.sh's and the test's; check evaluates

# Connections that stay: idle | half (of a line) | deaf (answers are not read) | hasty (requests without end).
crowd_pid=
crowd_come() { # kind, how many, user id
	local regid=$group
	(($3 != 0)) || regid=0
	setpriv --reuid "$3" --regid "$regid" --clear-groups perl -MIO::Socket::UNIX -e '
		my ($path, $kind, $n) = @ARGV;
		$SIG{PIPE} = "IGNORE";
		my $ask = qq({"version":1,"id":1,"verb":"status"}\n);
		my @all;
		for (1 .. $n) {
			my $s = IO::Socket::UNIX->new(Peer => $path) or next;
			$s->blocking(0);
			syswrite $s, substr($ask, 0, 20) if $kind eq "half";
			push @all, $s;
		}
		print "there\n";
		close STDOUT;
		sleep 60 if $kind eq "idle" or $kind eq "half";
		for (my $i = 0; ; $i++) {
			for my $s (@all) {
				syswrite $s, $ask x 200;
				sysread $s, my $answer, 1 << 20 if $kind eq "hasty";
			}
			select undef, undef, undef, 0.01;
		}' "$tmp/socket" "$1" "$2" >"$tmp/crowd" 2>&1 &
	crowd_pid=$!
	await 5 grep -q there "$tmp/crowd"
}

crowd_go() {
	kill "$crowd_pid"
	wait "$crowd_pid" 2>/dev/null
	crowd_pid=
}

cpu_ms() { # of divvyd, until now
	local stat
	read -r -a stat < <(sed 's/.*) //' "/proc/$divvyd_pid/stat")
	echo $(((stat[11] + stat[12]) * 10))
}

# Three times, for a machine with other work: the quickest, milliseconds.
status_ms() {
	local t0 best=99999 ms try
	for try in 1 2 3; do
		t0=${EPOCHREALTIME/./}
		divvy --timeout 5 status >"$tmp/said" 2>&1 || {
			echo "# try $try: $(<"$tmp/said")" >&2
			continue
		}
		ms=$(((${EPOCHREALTIME/./} - t0) / 1000))
		((ms >= best)) || best=$ms
	done
	echo "$best"
}

case_crowds() {
	local kind ms user
	for kind in idle half deaf hasty; do
		for user in 0 65534; do
			crowd_come $kind 200 $user
			check "200 $kind clients of user $user connect" "$? == 0"
			[[ $kind == idle || $kind == half ]] || sleep 0.5
			ms=$(status_ms)
			echo "# $kind, user $user: root's status in $ms ms"
			check "200 $kind clients of user $user: root's status within 1 s" "ms < 1000"
			crowd_go
		done
	done
	ms=$(status_ms)
	check "and afterwards" "ms < 1000"
}

# The others take the newcomer's place, not root's.
case_displaced() {
	local said
	exec {talk_in}<> <(:)
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "connect: $!";
		print "there\n"; $| = 1; print ""; readline STDIN;
		$s->print(qq({"version":1,"id":1,"verb":"show"}\n)); $s->flush;
		print scalar <$s>;' "$tmp/socket" <&"$talk_in" >"$tmp/root_client" &
	talk_pid=$!
	await 5 grep -q there "$tmp/root_client"
	crowd_come idle 200 65534
	echo go >&"$talk_in"
	wait "$talk_pid"
	grep -q '"ok": *true' "$tmp/root_client"
	check "200 clients of another user: root's idle one is still there" "$? == 0" || diag <"$tmp/root_client"
	crowd_go
	said=$(grep -c 'refused process' "$tmp/divvyd.log")
	check "members of the group are not refused" "said == 0"
}

case_slow_reader() { # it came long ago
	await 25 grep -q 'takes no answers: closed' "$tmp/divvyd.log"
	check "a client that reads nothing is closed" "$? == 0"
	crowd_go
}

# The limit that leaves divvyd so many descriptors besides those that it has. Some of these may have high numbers: what it
# has from its parent.
nofile_for() { # how many
	local limit=0 free=0
	while ((free < $1)); do
		[[ -e /proc/$divvyd_pid/fd/$limit ]] || free=$((free + 1))
		limit=$((limit + 1))
	done
	echo "$limit"
}

descriptors_left() { # below its limit
	local limit=$1 fd free=0
	for ((fd = 0; fd < limit; fd++)); do
		[[ -e /proc/$divvyd_pid/fd/$fd ]] || free=$((free + 1))
	done
	echo "$free"
}

case_no_descriptors() {
	local limit few before spent ms
	read -r limit < <(awk '/Max open files/ { print $4 ":" $5 }' "/proc/$divvyd_pid/limits")
	few=$(nofile_for 5)
	prlimit --pid "$divvyd_pid" --nofile="$few:${limit#*:}"
	crowd_come idle 40 65534
	before=$(cpu_ms)
	sleep 2
	spent=$(($(cpu_ms) - before))
	echo "# without descriptors: $spent ms of CPU in 2 s"
	check "40 clients leave divvyd no descriptor" "$(descriptors_left "$few") == 0"
	check "without descriptors divvyd does not spin" "spent < 400"
	ms=$(status_ms)
	echo "# root's status in $ms ms"
	check "without descriptors: root's status within 1 s" "ms < 1000"
	crowd_go
	crowd_come idle 10 0
	ms=$(status_ms)
	echo "# root's status in $ms ms"
	check "without descriptors, and root's own idle clients: the same" "ms < 1000"
	crowd_go
	prlimit --pid "$divvyd_pid" --nofile="$limit"
	ms=$(status_ms)
	echo "# root's status in $ms ms"
	check "and with descriptors again" "ms < 1000"
	# It cannot ask for the send buffer, and gives it back when it can.
	divvy_apply on
	prlimit --pid "$divvyd_pid" --nofile="$(nofile_for 1):${limit#*:}"
	divvy release batch >"$tmp/said" 2>&1
	prlimit --pid "$divvyd_pid" --nofile="$limit"
	divvy set web=61
	vm_ask batch sndbuf
	vm_reply batch
	[[ $REPLY == sndbuf=2147483647 ]]
	check "a send buffer that could not be given back without descriptors is given back with them" "$? == 0" || diag <<<"$REPLY"
	divvy_apply on
}
