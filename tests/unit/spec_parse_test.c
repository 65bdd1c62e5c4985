/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a specification means, and that everything else is refused at its place: a test for each row below. */
#include "spec/spec.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Lines 1 to 4, and a device's list begun. */
#define UPLINK "uplinks:\n- name: eno1\n  capacity: 1gbit\n  devices:\n"
/* Column 5 is the brace. */
#define DEVICE(keys) UPLINK "  - {" keys "}\n"
/* With the value at line 5, column 33. */
#define LIMIT(rate) DEVICE("name: a, nic: tap0, limit: " rate)
#define SHARE(share) DEVICE("name: a, nic: tap0, share: " share)
#define SCHEDULE(keys) "schedule: {" keys "}\n"

struct refusal {
	const char *name, *text;
	uint32_t line, column;
	const char *words;
	size_t size; /* where text has NUL bytes */
};

static const struct refusal refusals[] = {
	{ "empty file", "", 1, 1, "the file is empty; expected \"uplinks:\"", 0 },
	{ "only comments", "# uplinks:\n\n  # nothing\n", 1, 1,
	  "nothing but blanks and comments; expected \"uplinks:\"", 0 },
	{ "empty document", "---\n...\n", 1, 1, "an empty document; expected \"uplinks:\"", 0 },
	{ "null document", "~\n", 1, 1, "an empty document", 0 },
	{ "NUL byte", "uplinks:\n\0", 2, 1, "a NUL byte: this is no text file", 10 },
	{ "invalid UTF-8", "uplinks:\n- name: \xff\n", 2, 9, "byte 0xff is not UTF-8", 0 },
	{ "cut UTF-8", "uplinks: \xe2\x82", 1, 10, "byte 0xe2 is not UTF-8", 0 },
	{ "UTF-16", "\xff\xfeu", 1, 1, "byte 0xff is not UTF-8", 0 },
	{ "control character", "uplinks: \x1b", 1, 10, "control character U+001B", 0 },
	{ "ELF", "\177ELF\2\1", 1, 1, "control character U+007F", 0 },
	{ "C1 control", "uplinks: \xc2\x9b", 1, 10, "control character U+009B", 0 },
	{ "not a character", "uplinks: \xef\xbf\xbe", 1, 10, "control character U+FFFE", 0 },
	{ "tab indents", "uplinks:\n\t- name: a\n", 2, 1, "a tab; expected spaces", 0 },
	{ "tab behind spaces", "uplinks:\n  \t- name: a\n", 2, 3, "a tab; expected spaces", 0 },
	{ "list at the top", "- a\n", 1, 1, "a list; expected a mapping with the key \"uplinks\"", 0 },
	{ "word at the top", "hello\n", 1, 1, "a single value; expected a mapping", 0 },
	{ "unclosed brace", UPLINK "  - {name: a, nic: b\n", 6, 1,
	  "not YAML: did not find expected ',' or '}'", 0 },
	{ "unclosed quote", UPLINK "  - {name: \"a\n", 6, 1, "that starts in line 5", 0 },
	{ "bad indentation", "uplinks:\n  - name: a\n capacity: 1gbit\n", 3, 2, "not YAML: ", 0 },
	{ "missing colon", "uplinks\n- name: a\n", 1, 1, "a single value; expected a mapping", 0 },
	{ "anchor", DEVICE("name: &x a"), 5, 12, "anchor \"x\"; expected a value without one", 0 },
	{ "anchor on a list", "uplinks: &x []\n", 1, 10, "anchor \"x\"", 0 },
	{ "alias", DEVICE("name: *x"), 5, 12, "alias \"x\"; expected the value itself", 0 },
	{ "billion laughs", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", 1, 1, "unknown key \"a\"", 0 },
	{ "merge key", DEVICE("<<: {name: a}"), 5, 6, "unknown key \"<<\"", 0 },
	{ "tag", DEVICE("name: !!str a"), 5, 12, "tag \"tag:yaml.org,2002:str\"", 0 },
	{ "two documents", DEVICE("name: a, nic: b") "---\nuplinks: []\n", 6, 1, "a second document", 0 },
	{ "two YAML versions", "%YAML 1.1\n%YAML 1.1\n---\n", 2, 1,
	  "not YAML: found duplicate %YAML directive", 0 },
	{ "garbage at the end", DEVICE("name: a, nic: b") "]\n", 6, 1, "not YAML: ", 0 },
	{ "nested flow", "uplinks: [[[[[[[[", 1, 11, "a list in the list; expected a mapping for each", 0 },
	{ "key is a list", "? [a]\n: b\n", 1, 3, "a list as a key; expected a word", 0 },
	{ "key with a NUL", "\"version\\0\": 1\n", 1, 1, "unknown key \"version\\x00\"", 0 },
	{ "key with an escape", "\"\\e[31m\": 1\n", 1, 1, "unknown key \"\\x1b[31m\"", 0 },

	{ "unknown key at the top", "uplink: []\n", 1, 1,
	  "unknown key \"uplink\" in the file; did you mean \"uplinks\"?", 0 },
	{ "unknown key in an uplink", "uplinks:\n- nmae: a\n", 2, 3,
	  "unknown key \"nmae\" in an uplink; did you mean \"name\"?", 0 },
	{ "unknown key in a network", "uplinks: [{networks: [{capacity: 1}]}]\n", 1, 24,
	  "unknown key \"capacity\" in a network; expected name, share, reserve, limit, burst, rx, devices or networks", 0 },
	{ "unknown key in a device", DEVICE("name: a, shares: 1"), 5, 15,
	  "unknown key \"shares\" in a device; did you mean \"share\"?", 0 },
	{ "unknown key, other word", DEVICE("weight: 1"), 5, 6, "did you mean \"share\"?", 0 },
	{ "unknown key, other case", DEVICE("NIC: a"), 5, 6, "did you mean \"nic\"?", 0 },
	{ "unknown key, letters exchanged", DEVICE("mv: a"), 5, 6, "did you mean \"vm\"?", 0 },
	{ "unknown key, short", DEVICE("qq: a"), 5, 6, "expected name, nic, vm, mac", 0 },
	{ "unknown key, far off", DEVICE("colour: red"), 5, 6,
	  "expected name, nic, vm, mac, container, as, share, reserve, limit, burst, rx, backpressure, hook or force", 0 },
	{ "unknown key in schedule", SCHEDULE("polcy: paper"), 1, 12, "did you mean \"policy\"?", 0 },
	{ "reserve without unit", DEVICE("name: a, reserve: 1"), 5, 24, "reserve: \"1\": ", 0 },
	{ "guarantee", DEVICE("name: a, guarantee: 1mbit"), 5, 15, "did you mean \"reserve\"?", 0 },
	{ "floor of a network", "uplinks: [{networks: [{min: 1mbit}]}]\n", 1, 24, "did you mean \"reserve\"?", 0 },
	{ "reserve of an uplink", "uplinks: [{reserve: 1mbit}]\n", 1, 12, "unknown key \"reserve\" in an uplink", 0 },
	{ "reserve too small", DEVICE("name: a, reserve: 1kbit"), 5, 24, "below the smallest rate, 8kbit", 0 },
	{ "burst in bits", DEVICE("name: a, burst: 1mbit"), 5, 22, "a size counts bytes, not bits", 0 },
	{ "burst too small", DEVICE("name: a, burst: 1500"), 5, 22,
	  "burst: \"1500\": too small; expected bytes from 1514b to 256mb, or none", 0 },
	{ "burst too large", DEVICE("name: a, burst: 257mb"), 5, 22, "too large", 0 },
	{ "capacity of what", "uplinks: [{name: a, capacity: 95%}]\n", 1, 31,
	  "capacity: \"95%\": of what? Write 95% of link for a part of the port's speed", 0 },
	{ "capacity above the link", "uplinks: [{name: a, capacity: 100.1% of link}]\n", 1, 31,
	  "more than all of it; expected link, or a part of it such as 95% of link", 0 },
	{ "capacity none of the link", "uplinks: [{name: a, capacity: 0% of link}]\n", 1, 31, "nothing of it", 0 },
	{ "capacity of the link, too exact", "uplinks: [{name: a, capacity: 1.00001% of link}]\n", 1, 31,
	  "more than 4 decimals", 0 },
	{ "capacity of another link", "uplinks: [{name: a, capacity: 95% of links}]\n", 1, 31,
	  "expected link, or a part of it", 0 },
	{ "networks in a network is a word", "uplinks: [{networks: [{networks: 1}]}]\n", 1, 34,
	  "networks: a single value; expected a list of networks", 0 },
	{ "six networks deep",
	  "uplinks: [{name: e, capacity: 1gbit, networks: [\n {name: a, networks: [\n {name: b, networks: [\n"
	  " {name: c, networks: [\n {name: d, networks: [\n {name: e, networks: [\n {name: f, devices: []}]}]}]}]}]}]}]\n",
	  7, 2, "network \"a/b/c/d/e/f\": is nested 6 deep below its uplink, expected at most 5", 0 },
	{ "name twice in a network, deep",
	  "uplinks: [{name: e, capacity: 1gbit, networks: [{name: a, networks: [{name: b, devices: [\n"
	  " {name: x, nic: y},\n {name: x, nic: z}]}]}]}]\n",
	  3, 9, "device \"a/b/x\": the name is already taken in line 2, expected another", 0 },
	{ "key twice", DEVICE("name: a, nic: b, name: c"), 5, 23,
	  "key \"name\" twice in a device; expected it once, it is already in line 5", 0 },
	{ "uplinks twice", "uplinks: []\nuplinks: []\n", 2, 1, "key \"uplinks\" twice in the file", 0 },

	{ "no uplinks", "version: 1\n", 1, 1, "no uplinks in the file; expected a list of uplinks", 0 },
	{ "empty uplinks", "uplinks: []\n", 1, 1, "no uplink in the list; expected at least one", 0 },
	{ "uplinks without value", "uplinks:\n", 1, 9, "uplinks: no value; expected a list of uplinks", 0 },
	{ "uplinks is a mapping", "uplinks: {name: a}\n", 1, 10,
	  "uplinks: a mapping; expected a list of uplinks", 0 },
	{ "uplinks is a word", "uplinks: eno1\n", 1, 10, "uplinks: a single value; expected a list", 0 },
	{ "list of words", "uplinks: [eno1]\n", 1, 11, "a single value in the list; expected a mapping", 0 },
	{ "devices is a mapping", UPLINK "    name: a\n", 5, 5,
	  "devices: a mapping; expected a list of devices", 0 },
	{ "name is a list", DEVICE("name: [a]"), 5, 12, "name: a list; expected a name", 0 },
	{ "share is a mapping", SHARE("{a: 1}"), 5, 33, "share: a mapping; expected a whole number", 0 },
	{ "share without value", SHARE(""), 5, 33, "share: no value; expected a whole number", 0 },
	{ "limit is null", LIMIT("~"), 5, 33, "limit: no value; expected a rate", 0 },
	{ "schedule is a word", "schedule: cpu\n", 1, 11, "schedule: a single value; expected a mapping", 0 },
	{ "value with a NUL", DEVICE("name: \"a\\0b\""), 5, 12, "name: a NUL character", 0 },

	{ "uplink without name", "uplinks:\n- capacity: 1gbit\n", 2, 3,
	  "no name in an uplink; expected a name", 0 },
	{ "uplink without capacity", "uplinks:\n- name: a\n", 2, 3,
	  "no capacity in an uplink; expected a rate", 0 },
	{ "uplink without devices", "uplinks:\n- {name: a, capacity: 1gbit}\n", 2, 3, "has no devices", 0 },
	{ "network without devices", "uplinks: [{networks: [{name: a}]}]\n", 1, 23, "no devices in a network; expected devices or networks",
	  0 },
	{ "device without name", DEVICE("nic: a"), 5, 5, "no name in a device", 0 },
	{ "device without vNIC", DEVICE("name: a"), 5, 5,
	  "no vNIC in a device; expected one of nic, vm, mac and container", 0 },
	{ "two selectors", DEVICE("name: a, nic: b, vm: c"), 5, 23,
	  "both nic and vm in a device; expected one", 0 },
	{ "as one, and no pattern", DEVICE("name: a, vm: web, as: one"), 5, 28,
	  "as: one, and vm web is no pattern: expected a '*' or '?' in it", 0 },
	{ "as many", DEVICE("name: a, vm: \"w*\", as: many"), 5, 29, "expected each or one", 0 },
	{ "pattern of a MAC address", DEVICE("name: a, mac: \"5x:*\""), 5, 20, "no pattern of a MAC address", 0 },
	{ "pattern of containers", DEVICE("name: a, container: \"web*\""), 5, 26,
	  "a pattern, which nic, vm and mac take; expected a pid, a cgroup", 0 },
	{ "network namespace's path", DEVICE("name: a, container: run/netns/web"), 5, 26,
	  "a '/' in the name of a network namespace", 0 },
	{ "others as a list", "uplinks:\n- {name: a, capacity: 1gbit, others: [a]}\n", 2, 38,
	  "expected a mapping such as {share: 1}", 0 },
	{ "others with a name", "uplinks:\n- {name: a, capacity: 1gbit, others: {name: b}}\n", 2, 39,
	  "unknown key \"name\" in others", 0 },
	{ "a network called others", "uplinks:\n- {name: a, capacity: 1gbit, others: {share: 1},\n"
	  "   devices: [{name: others, nic: b}]}\n", 3, 21, "the name is already taken", 0 },
	{ "empty name", DEVICE("name: \"\""), 5, 12, "name: \"\": an empty name", 0 },
	{ "slash in a name", DEVICE("name: a/b"), 5, 12,
	  "name: \"a/b\": \"/\" in a name; expected a name of letters", 0 },
	{ "umlaut in a name", DEVICE("name: b\xc3\xa4r"), 5, 12, "\"\xc3\xa4\" in a name", 0 },
	{ "long name", DEVICE("name: x123456789012345678901234567890123456789012345678901234567890123"), 5,
	  12, "64 characters; expected", 0 },
	{ "long nic", DEVICE("name: a, nic: tap0123456789012"), 5, 20,
	  "16 characters; expected an interface name", 0 },
	{ "nic as ip link writes it", DEVICE("name: a, nic: veth100i0@if2"), 5, 20,
	  "nic: \"veth100i0@if2\": did you mean \"veth100i0\"? What ip link writes behind '@'", 0 },
	{ "a control character before '@'", DEVICE("name: a, nic: \"x\\ty@z\""), 5, 20,
	  "did you mean \"x\\x09y\"? What ip link", 0 },
	{ "long nic as ip link writes it", DEVICE("name: a, nic: fwpr100p0.1@fwln100i0"), 5, 20,
	  "did you mean \"fwpr100p0.1\"?", 0 },
	{ "nic that does not print", DEVICE("name: a, nic: \"tap\\u202E0\""), 5, 20,
	  "a character that does not print; rename the interface, or use vm or mac", 0 },
	{ "uplink as ip link writes it",
	  "uplinks:\n- name: eno1.10@eno1\n  capacity: 1gbit\n  devices: [{name: a, nic: b}]\n", 2, 9,
	  "name: \"eno1.10@eno1\": did you mean \"eno1.10\"?", 0 },
	{ "at sign in a device's name", DEVICE("name: a@b, nic: c"), 5, 12, "\"@\" in a name; expected", 0 },
	{ "slash in a nic", DEVICE("name: a, nic: a/b"), 5, 20, "no interface's name has a '/'", 0 },
	{ "dots as a nic", DEVICE("name: a, nic: .."), 5, 20, "no interface has this name", 0 },
	{ "empty vm", DEVICE("name: a, vm: ''"), 5, 19, "vm: \"\": 0 bytes; expected the name of a VM", 0 },
	{ "override in a vm", DEVICE("name: a, vm: \"a\\u202E\""), 5, 19,
	  "a character that does not print; expected the name of a VM, as divvy discover shows it", 0 },
	{ "control in a vm", DEVICE("name: a, vm: \"a\\e\""), 5, 19, "a character that does not print", 0 },
	{ "bad mac", DEVICE("name: a, mac: 52:54:00"), 5, 20,
	  "mac: \"52:54:00\": not a MAC address; expected six", 0 },

	{ "zero share", SHARE("0"), 5, 33,
	  "share: \"0\": a share is at least 1; expected a whole number from 1", 0 },
	{ "negative share", SHARE("-60"), 5, 33, "share: \"-60\": a share cannot be negative", 0 },
	{ "fractional share", SHARE("1.5"), 5, 33, "a share has no decimals", 0 },
	{ "share too big", SHARE("1000001"), 5, 33, "a share is at most 1000000", 0 },
	{ "share in percent", SHARE("60%"), 5, 33, "write 60", 0 },
	{ "share is a word", SHARE("most"), 5, 33, "share: \"most\": not a share", 0 },
	{ "mbps", LIMIT("100mbps"), 5, 33,
	  "limit: \"100mbps\": divvy counts bits; write 100mbit, or 800mbit if you mean 100 megabytes a "
	  "second",
	  0 },
	{ "Mb", LIMIT("100Mb"), 5, 33, "write 100mbit, or 800mbit", 0 },
	{ "space and M", LIMIT("100 M"), 5, 33, "write 100mbit", 0 },
	{ "g", LIMIT("1g"), 5, 33, "write 1gbit", 0 },
	{ "MB/s", LIMIT("100MB/s"), 5, 33, "write 100mbit, or 800mbit", 0 },
	{ "no unit", LIMIT("100"), 5, 33, "no unit; write 100mbit", 0 },
	{ "limit below the least", LIMIT("7990bit"), 5, 33, "below the smallest rate, 8kbit", 0 },
	{ "limit above everything", LIMIT("401gbit"), 5, 33, "more than the largest rate, 400gbit", 0 },
	{ "limit above its uplink", LIMIT("2gbit"), 5, 33,
	  "device \"a\": limit 2gbit, expected 8kbit to 1gbit", 0 },
	{ "capacity of nothing", "uplinks: [{capacity: 0bit}]\n", 1, 22,
	  "capacity: \"0bit\": a rate must be above 0", 0 },
	{ "share that gives nothing",
	  UPLINK "  - {name: a, nic: a, share: 1}\n  - {name: b, nic: b, share: 1000000}\n", 5, 30,
	  "device \"a\": share 1 of 1000001 guarantees", 0 },
	{ "overhead too large", "uplinks: [{overhead: 257}]\n", 1, 22,
	  "overhead: \"257\": too large; expected bytes a frame, from 0 to 256", 0 },
	{ "overhead in bits", "uplinks: [{overhead: 24bit}]\n", 1, 22, "a size counts bytes, not bits", 0 },
	{ "bad backpressure", DEVICE("backpressure: true"), 5, 20,
	  "backpressure: \"true\": expected auto, on or off", 0 },
	{ "bad force", DEVICE("force: maybe"), 5, 13, "force: \"maybe\": expected true or false", 0 },
	{ "bad hook", DEVICE("hook: frist"), 5, 12, "hook: \"frist\": did you mean \"first\"? Expected last, first or tcx", 0 },

	{ "one nic twice", UPLINK "  - {name: a, nic: tap0}\n  - name: b\n    nic: tap0\n", 7, 10,
	  "device \"b\": nic tap0 already belongs to device \"a\"", 0 },
	{ "one mac twice",
	  UPLINK "  - {name: a, mac: 52:54:00:00:00:0A}\n  - {name: b, mac: 52:54:0:0:0:a}\n", 6, 20,
	  "mac 52:54:00:00:00:0a already belongs to device \"a\"", 0 },
	{ "device name twice", UPLINK "  - {name: a, nic: tap0}\n  - nic: tap1\n    name: a\n", 7, 11,
	  "device \"a\": the name is already taken in line 5", 0 },
	{ "uplink name twice",
	  DEVICE("name: a, nic: tap0") "- name: eno1\n  capacity: 1gbit\n  devices:\n  - {name: a, nic: "
				       "tap1}\n",
	  6, 9, "uplink \"eno1\": the name is already taken in line 2", 0 },
	{ "one nic under two uplinks",
	  DEVICE("name: a, nic: tap0") "- name: eno2\n  capacity: 1gbit\n  devices:\n  - {name: a, nic: "
				       "tap0}\n",
	  9, 20, "nic tap0 already belongs", 0 },

	{ "version 2", "version: 2\n", 1, 10,
	  "version: \"2\": a version that this divvy does not read; expected 1", 0 },
	{ "policy", SCHEDULE("policy: papr"), 1, 20,
	  "policy: \"papr\": did you mean \"paper\"? Expected paper, smooth, credit, boost or adrr", 0 },
	{ "resource", SCHEDULE("resource: gpu"), 1, 22,
	  "resource: \"gpu\": did you mean \"cpu\"? Expected device or cpu", 0 },
	{ "gate", SCHEDULE("gate: stop"), 1, 18, "gate: \"stop\": expected freeze or quota", 0 },
	{ "slot without unit", SCHEDULE("slot: 10"), 1, 18, "slot: \"10\": no unit; write 10ms", 0 },
	{ "slot too short", SCHEDULE("slot: 999us"), 1, 18, "too short; expected a time from 1ms to 1s", 0 },
	{ "slot too short for the gate", SCHEDULE("slot: 1ms, resource: cpu"), 1, 18,
	  "a slot of 1ms is too short for gate freeze; expected slot: 2ms at least", 0 },
	{ "default slot too short for the gate", SCHEDULE("resource: cpu, gate: quota"), 1, 33,
	  "a slot of 10ms is too short for gate quota; expected slot: 20ms at least", 0 },
	{ "slot too long", SCHEDULE("slot: 1.1s"), 1, 18, "too long; expected a time from 1ms to 1s", 0 },
	{ "no slots", SCHEDULE("slots: 0"), 1, 19,
	  "slots: \"0\": too small; expected a whole number from 1 to 100000", 0 },
	{ "too many slots", SCHEDULE("slots: 100001"), 1, 19, "slots: \"100001\": too large", 0 },
	{ "slots beyond 64 bits", SCHEDULE("slots: 18446744073709551617"), 1, 19, "too large", 0 },
	{ "negative slots", SCHEDULE("slots: -1"), 1, 19, "slots: \"-1\": not a whole number", 0 },
	{ "octal slots", SCHEDULE("slots: 010"), 1, 19, "not a whole number", 0 },
	{ "too many lanes", SCHEDULE("lanes: 129"), 1, 19,
	  "too large; expected a whole number from 1 to 128", 0 },
	{ "no burst", SCHEDULE("burst: 0s"), 1, 19, "too short; expected a time from 1ms to 3600s", 0 },
	{ "strict", SCHEDULE("strict: 1"), 1, 20, "strict: \"1\": expected true or false", 0 },
};

static void test_refusal(void **state)
{
	const struct refusal *row = *state;
	struct model untouched = { .n_nodes = 4711 }, m = untouched;
	struct spec_error err = { 0 };
	/* Not a byte more than there is: the sanitizer sees a read behind the text. */
	size_t size = row->size ? row->size : strlen(row->text);
	_cleanup_free_ char *text = malloc(size ? size : 1);

	memcpy(text, row->text, size);
	assert_int_equal(spec_parse(text, size, &m, &err), -EINVAL);
	assert_memory_equal(&m, &untouched, sizeof(m));
	if (err.line != row->line || err.column != row->column || !strstr(err.text, row->words))
		fail_msg("%u:%u: %s, expected %u:%u: %s", err.line, err.column, err.text, row->line,
			 row->column, row->words);
	assert_null(strchr(err.text, '\n'));
}

static const char *const full =
	"\xef\xbb\xbf# divvy\r\n"
	"version: 1\n"
	"schedule: {resource: cpu, policy: smooth, slot: 25ms, slots: 200, lanes: 2, gate: quota, burst: "
	"100ms, strict: true, spread: true}\n"
	"uplinks:\n"
	"  - name: eno1\t# the port\n"
	"    capacity: 1gbit\n"
	"    networks:\n"
	"      - name: tenant-a\n"
	"        share: 70\n"
	"        limit: 800Mbit\n"
	"        devices:\n"
	"          - {name: web, nic: vnet0, share: \"60\", backpressure: off, force: true}\n"
	"          - {name: db, vm: \"db \xc3\xa4\", backpressure: on}\n"
	"      - {name: empty, devices: []}\n"
	"    devices:\n"
	"      - name: batch\n"
	"        mac: 52:54:00:AA:BB:CC\n"
	"        limit: 200mbit\n"
	"  - {overhead: 0, devices: [{name: x, nic: y}], capacity: 100mbit, name: br0}\n";

static void test_full(void **state)
{
	const struct schedule *s;
	struct spec_error err = { 0 };
	const struct node *n;
	struct model m;

	(void)state;
	if (spec_parse(full, strlen(full), &m, &err) < 0)
		fail_msg("%u:%u: %s", err.line, err.column, err.text);
	s = &m.schedule;
	assert_int_equal(s->resource, RESOURCE_CPU);
	assert_string_equal(s->policy, "smooth");
	assert_int_equal(s->gate, GATE_QUOTA);
	assert_int_equal(s->slot_ns, 25000000);
	assert_int_equal(s->slots, 200);
	assert_int_equal(s->lanes, 2);
	assert_int_equal(s->burst_ns, 100000000);
	assert_true(s->strict);
	assert_true(s->spread);
	assert_int_equal(s->line, 3);

	n = m.nodes;
	assert_int_equal(m.n_nodes, 8);
	assert_true(n[0].kind == NODE_UPLINK && n[0].parent == NODE_NONE && n[0].line == 5);
	assert_string_equal(n[0].name, "eno1");
	assert_true(n[0].limit.bytes_ps == 125000000 && n[0].overhead == 24);
	assert_true(n[1].kind == NODE_NETWORK && n[1].parent == 0 && n[1].share.weight == 70);
	assert_true(n[1].limit.bytes_ps == 100000000 && n[1].line == 8);
	assert_true(n[2].kind == NODE_DEVICE && n[2].parent == 1 && n[2].share.weight == 60);
	assert_true(n[2].select == SELECT_NIC && n[2].force && n[2].backpressure == BACKPRESSURE_OFF);
	assert_true(rate_is_unlimited(n[2].limit));
	assert_string_equal(n[2].selector, "vnet0");
	assert_true(n[3].select == SELECT_VM && n[3].backpressure == BACKPRESSURE_ON && !n[3].force);
	assert_string_equal(n[3].selector, "db \xc3\xa4");
	assert_int_equal(n[3].share.weight, 1);
	assert_true(n[4].kind == NODE_NETWORK && n[4].parent == 0);
	assert_true(n[5].kind == NODE_DEVICE && n[5].parent == 0 && n[5].select == SELECT_MAC &&
		    n[5].line == 16);
	assert_string_equal(n[5].selector, "52:54:00:aa:bb:cc");
	assert_int_equal(n[5].limit.bytes_ps, 25000000);
	assert_int_equal(n[5].backpressure, BACKPRESSURE_AUTO);
	assert_true(n[6].kind == NODE_UPLINK && n[6].overhead == 0 && n[6].limit.bytes_ps == 12500000);
	assert_string_equal(n[6].name, "br0");
	assert_int_equal(n[7].parent, 6);
	model_free(&m);
}

static void test_defaults(void **state)
{
	static const char text[] = DEVICE("name: a, nic: tap0");
	struct spec_error err;
	struct model m;

	(void)state;
	assert_int_equal(spec_parse(text, strlen(text), &m, &err), 0);
	assert_memory_equal(&m.schedule, &schedule_default, sizeof(m.schedule));
	/* As the man page has them. */
	assert_int_equal(m.schedule.resource, RESOURCE_DEVICE);
	assert_string_equal(m.schedule.policy, "paper");
	assert_int_equal(m.schedule.slot_ns, 10 * NSEC_PER_MSEC);
	assert_int_equal(m.schedule.slots, 10);
	assert_int_equal(m.schedule.lanes, 1);
	assert_int_equal(m.schedule.gate, GATE_FREEZE);
	assert_int_equal(m.schedule.burst_ns, 0);
	assert_false(m.schedule.strict);
	assert_false(m.schedule.spread);
	model_free(&m);
}

/* Every example in the man page is a specification. */
static void test_man_page(void **state)
{
	FILE *f = fopen("doc/divvy.yaml.5", "re");
	char text[4096] = "", line[256];
	bool inside = false;
	int examples = 0;

	(void)state;
	if (!f) {
		print_message("# skipped: it runs in the sources' folder, where doc is\n");
		skip();
	}
	while (fgets(line, sizeof(line), f)) {
		struct spec_error err = { 0 };
		struct model m;

		if (strcmp(line, ".EX\n") == 0) {
			inside = true;
			text[0] = '\0';
		} else if (strcmp(line, ".EE\n") == 0) {
			inside = false;
			examples++;
			if (spec_parse(text, strlen(text), &m, &err) < 0)
				fail_msg("%u:%u: %s:\n%s", err.line, err.column, err.text, text);
			model_free(&m);
		} else if (inside) {
			char *end = text + strlen(text);

			assert_true((size_t)(end - text) + strlen(line) < sizeof(text));
			/* "\-" is the page's way to write "-". */
			for (const char *p = line; *p; p++)
				if (*p != '\\')
					*end++ = *p;
			*end = '\0';
		}
	}
	fclose(f);
	assert_int_equal(examples, 3);
}

static void test_set_schedule(void **state)
{
	static const struct {
		const char *key, *text, *words; /* NULL: it is taken */
	} rows[] = {
		{ "slot", "25ms", NULL },
		{ "slot", "10", "schedule.slot: \"10\": no unit; write 10ms" },
		{ "polcy", "paper", "unknown key \"schedule.polcy\"; did you mean \"schedule.policy\"?" },
		{ "foo", "1", "unknown key \"schedule.foo\"; expected resource, policy" },
	};
	struct spec_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct schedule s = schedule_default;
		int r = spec_set_schedule(&s, rows[i].key, rows[i].text, &err);

		assert_int_equal(r, rows[i].words ? -EINVAL : 0);
		assert_int_equal(schedule_same(&s, &schedule_default), rows[i].words != NULL);
		if (rows[i].words && !strstr(err.text, rows[i].words))
			fail_msg("%s, expected %s", err.text, rows[i].words);
	}
	assert_true(spec_is_schedule_key("lanes") && !spec_is_schedule_key("web"));
}

int main(void)
{
	static struct CMUnitTest tests[ARRAY_SIZE(refusals) + 4] = {
		cmocka_unit_test(test_full),         cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_man_page),     cmocka_unit_test(test_set_schedule),
	};
	static struct refusal rows[ARRAY_SIZE(refusals)];
	static char names[ARRAY_SIZE(refusals)][64];

	memcpy(rows, refusals, sizeof(rows));
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		snprintf(names[i], sizeof(names[i]), "refused: %s", rows[i].name);
		tests[4 + i] = (struct CMUnitTest){ names[i], test_refusal, NULL, NULL, &rows[i] };
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
