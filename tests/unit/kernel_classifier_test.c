/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BPF program is run by the kernel on packets that the test makes (BPF_PROG_TEST_RUN). */
#include "netns.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>

/* Test runs happen on lo; its class is looked up by this. */
#define LO 1U
#define IFB 7U /* no device has it */
#define MATCH UINT32_MAX

static struct classifier *c;

/* libbpf's two ways to look something up, counted, and failing at will. */
static struct {
	unsigned int singles, batches;
	int batch_error, single_error; /* positive errno, 0: none */
} lookups;

static int failed(int error)
{
	errno = error;
	return -error;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	int (*real)(int, const void *, void *);

	*(void **)&real = dlsym(RTLD_NEXT, __func__);
	lookups.singles++;
	return lookups.single_error ? failed(lookups.single_error) : real(fd, key, value);
}

int bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
			 const struct bpf_map_batch_opts *opts)
{
	int (*real)(int, void *, void *, void *, void *, __u32 *, const struct bpf_map_batch_opts *);

	*(void **)&real = dlsym(RTLD_NEXT, __func__);
	lookups.batches++;
	if (lookups.batch_error)
		return failed(lookups.batch_error);
	return real(fd, in, out, keys, values, count, opts);
}

static int setup(void **state)
{
	(void)state;
	memset(&lookups, 0, sizeof(lookups));
	return classifier_open(&c, NULL, 0);
}

static int teardown(void **state)
{
	(void)state;
	c = classifier_close(c);
	return 0;
}

/* Run on one packet of a device; returns the verdict. *priority: before, and what the program left. */
static uint32_t run_on(uint32_t ifindex, const void *packet, uint32_t len, uint32_t gso_size,
		       uint32_t gso_segs, uint32_t *priority)
{
	struct __sk_buff in = { .ifindex = ifindex,
				.gso_size = gso_size,
				.gso_segs = gso_segs,
				.priority = priority ? *priority : 0 };
	struct __sk_buff out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out, .ctx_size_out = sizeof(out), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(classifier_fd(c, CLASSIFIER_TX_INGRESS), &opts), 0);
	if (priority)
		*priority = out.priority;
	return opts.retval;
}

static uint32_t run(const void *packet, uint32_t len, uint32_t gso_size, uint32_t gso_segs,
		    uint32_t *priority)
{
	return run_on(LO, packet, len, gso_size, gso_segs, priority);
}

static void unknown_device(void **state)
{
	unsigned char packet[100] = { 0 };
	struct divvy_counters n = { .bytes = 7 };
	uint32_t priority = DIVVY_HTB_MAJOR << 16;

	(void)state;
	assert_int_equal(run(packet, sizeof(packet), 0, 0, &priority), 0);
	assert_int_equal(priority, DIVVY_HTB_MAJOR << 16);
	assert_int_equal(classifier_read(c, LO, &n), -ENOENT);
	assert_int_equal(n.bytes, 7);
	assert_int_equal(classifier_clear(c, LO), -ENOENT);
}

static void set_change_clear(void **state)
{
	unsigned char packet[1514] = { 0 };
	struct divvy_counters n;
	uint64_t before = clock_ns(CLOCK_MONOTONIC_COARSE);

	(void)state;
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets + n.bytes + n.last_ns + n.largest, 0);
	assert_int_equal(run(packet, 60, 0, 0, NULL), MATCH);
	assert_int_equal(run(packet, 1514, 0, 0, NULL), MATCH);
	/* another class: counters go on */
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 6 }), 0);
	assert_int_equal(run(packet, 100, 0, 0, NULL), MATCH);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets, 3);
	assert_int_equal(n.bytes, 60 + 1514 + 100);
	assert_int_equal(n.largest, 1514);
	assert_in_range(n.last_ns, before, now_ns());

	assert_int_equal(classifier_clear(c, LO), 0);
	assert_int_equal(run(packet, 60, 0, 0, NULL), 0);
	assert_int_equal(classifier_read(c, LO, &n), -ENOENT);
	/* set again: from zero */
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 6 }), 0);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets, 0);
}

/* Counters of vNICs that are not divided any more are kept for the next time: nothing of that is to be seen. */
static void spare_counters(void **state)
{
	uint32_t key[200];
	struct divvy_device device[ARRAY_SIZE(key)];
	struct divvy_counters n[ARRAY_SIZE(key)];
	unsigned char packet[60] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(key); i++) {
		key[i] = LO + i;
		device[i] = (struct divvy_device){ .ifb = IFB, .minor = 5 };
	}
	for (int round = 0; round < 3; round++) {
		assert_int_equal(classifier_set_many(c, key, device, ARRAY_SIZE(key)), 0);
		assert_int_equal(classifier_read_many(c, key, ARRAY_SIZE(key), n), 0);
		for (size_t i = 0; i < ARRAY_SIZE(key); i++)
			assert_int_equal(n[i].packets + n[i].bytes + n[i].largest + n[i].last_ns + n[i].skbs, 0);
		run(packet, 60, 0, 0, NULL);
		assert_int_equal(classifier_read(c, LO, &n[0]), 0);
		assert_int_equal(n[0].packets, 1);
		for (size_t i = 0; i < ARRAY_SIZE(key); i++)
			assert_int_equal(classifier_clear(c, key[i]), 0);
		assert_int_equal(classifier_clear(c, LO), -ENOENT);
		assert_int_equal(classifier_read(c, LO, &n[0]), -ENOENT);
		assert_int_equal(classifier_read_many(c, key, ARRAY_SIZE(key), n), 0); /* all at once */
		assert_int_equal(n[0].packets, 0);
		assert_int_equal(classifier_read_many(c, key, 1, n), 0);
		assert_int_equal(n[0].packets, 0);
		if (round == 1)
			classifier_forget(c, LO);
	}
	classifier_forget(c, LO);
	classifier_forget(c, LO); /* it was unknown */
	assert_int_equal(classifier_set(c, LO, device[0]), 0);
	classifier_forget(c, LO); /* the vNIC went while it was divided */
	assert_int_equal(run(packet, 60, 0, 0, NULL), 0);
	assert_int_equal(classifier_read(c, LO, &n[0]), -ENOENT);
}

/* --- GSO packets: the count is what their segments have on the wire ----------------------------------- */

struct shape {
	const char *name;
	uint16_t protocol; /* EtherType */
	uint32_t network;  /* bytes of the network header */
	uint8_t transport; /* IP protocol */
	uint32_t header;   /* bytes of the transport header */
};

static const struct shape shapes[] = {
	{ "IPv4 TCP", ETH_P_IP, 20, IPPROTO_TCP, 20 },
	{ "IPv4 TCP, time stamps", ETH_P_IP, 20, IPPROTO_TCP, 32 },
	{ "IPv4 with options, TCP", ETH_P_IP, 60, IPPROTO_TCP, 60 },
	{ "IPv6 TCP", ETH_P_IPV6, 40, IPPROTO_TCP, 32 },
	{ "IPv4 UDP", ETH_P_IP, 20, IPPROTO_UDP, 8 },
	{ "IPv6 UDP", ETH_P_IPV6, 40, IPPROTO_UDP, 8 },
};

static uint32_t build(const struct shape *s, unsigned char *packet)
{
	struct ethhdr *eth = (void *)packet;
	unsigned char *network = packet + ETH_HLEN, *transport = network + s->network;

	memset(packet, 0, 256);
	eth->h_proto = htons(s->protocol);
	if (s->protocol == ETH_P_IP) {
		network[0] = (unsigned char)(0x40 | s->network / 4);
		network[9] = s->transport;
	} else {
		network[0] = 0x60;
		network[6] = s->transport;
	}
	if (s->transport == IPPROTO_TCP)
		transport[12] = (unsigned char)(s->header / 4 << 4);
	return ETH_HLEN + s->network + s->header;
}

/* Cut into segments one by one. */
static struct divvy_counters brute_force(uint32_t headers, uint32_t payload, uint32_t gso_size)
{
	struct divvy_counters n = { 0 };

	while (payload) {
		uint32_t part = payload < gso_size ? payload : gso_size;

		n.packets++;
		n.bytes += headers + part;
		payload -= part;
	}
	return n;
}

static void check_gso(const struct shape *s, uint32_t payload, uint32_t gso_size, bool segs_known)
{
	static unsigned char packet[4096];
	uint32_t headers = build(s, packet), segs;
	struct divvy_counters want = brute_force(headers, payload, gso_size), got;

	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 1 }), 0);
	segs = segs_known ? (uint32_t)want.packets : 0;
	assert_int_equal(run(packet, headers + payload, gso_size, segs, NULL), MATCH);
	assert_int_equal(classifier_read(c, LO, &got), 0);
	if (got.bytes != want.bytes || got.packets != want.packets)
		fail_msg("%s, payload %u, gso_size %u: %llu bytes in %llu, want %llu in %llu", s->name,
			 payload, gso_size, (unsigned long long)got.bytes, (unsigned long long)got.packets,
			 (unsigned long long)want.bytes, (unsigned long long)want.packets);
	assert_int_equal(got.largest, want.bytes);
	assert_int_equal(classifier_clear(c, LO), 0);
}

static void gso(void **state)
{
	static const uint32_t payload[] = { 1, 99, 100, 101, 200, 1448, 2896, 3000 };
	static const uint32_t gso_size[] = { 1, 100, 1448 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (size_t j = 0; j < ARRAY_SIZE(payload); j++)
			for (size_t k = 0; k < ARRAY_SIZE(gso_size); k++) {
				check_gso(&shapes[i], payload[j], gso_size[k], false);
				check_gso(&shapes[i], payload[j], gso_size[k], true);
			}
}

/* Headers that cannot be read count as Ethernet, IPv4, TCP with time stamps: 66 bytes. */
static void gso_unreadable(void **state)
{
	static const struct shape odd[] = {
		{ "MPLS", ETH_P_MPLS_UC, 20, IPPROTO_TCP, 32 },
		{ "IPv4 SCTP", ETH_P_IP, 20, IPPROTO_SCTP, 32 },
		{ "IPv6 with routing header", ETH_P_IPV6, 20, IPPROTO_ROUTING, 32 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
		check_gso(&odd[i], 2000, 500, false);
}

/* Priorities are the packets' own, but for those that HTB would take for a class of divvy's. */
static void priorities(void **state)
{
	static const uint32_t own[] = { 0, 1, 7, 0x10003, 0x10000, 0xd1760002, 0xd1780000, UINT32_MAX };
	unsigned char packet[60] = { 0 };

	(void)state;
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		uint32_t priority = own[i];

		assert_int_equal(run(packet, 60, 0, 0, &priority), MATCH);
		assert_int_equal(priority, own[i]);
	}
	for (uint32_t minor = 0; minor <= UINT16_MAX; minor += 0x1fff) {
		uint32_t priority = DIVVY_HTB_MAJOR << 16 | minor;

		assert_int_equal(run(packet, 60, 0, 0, &priority), MATCH);
		assert_int_equal(priority, 0);
	}
}

/* --- many devices ---------------------------------------------------------------------------------- */

static void many(void **state)
{
	enum { N = 40000 }; /* more than one batch holds, on one CPU too */
	_cleanup_free_ uint32_t *ifindex = calloc(N, sizeof(*ifindex));
	_cleanup_free_ struct divvy_device *device = calloc(N, sizeof(*device));
	_cleanup_free_ struct divvy_counters *all = NULL;
	unsigned char packet[60] = { 0 };
	struct divvy_counters n;

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		ifindex[i] = i + 1;
		device[i] = (struct divvy_device){ .ifb = IFB, .minor = i };
	}
	assert_int_equal(classifier_set_many(c, NULL, NULL, 0), 0);
	/* one that is there already keeps its counters */
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	run(packet, 60, 0, 0, NULL);
	assert_int_equal(classifier_set_many(c, ifindex, device, N), 0);
	run(packet, 60, 0, 0, NULL);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets, 2);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(classifier_read(c, ifindex[i], &n), 0);
	all = malloc(N * sizeof(*all));
	memset(all, 0xff, N * sizeof(*all));
	lookups.batches = lookups.singles = 0;
	assert_int_equal(classifier_read_many(c, ifindex, N, all), 0);
	assert_int_equal(all[0].packets, 2);
	for (uint32_t i = 1; i < N; i++)
		assert_int_equal(all[i].packets + all[i].bytes, 0);
	assert_true(lookups.batches > 1 || lookups.singles == N);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(classifier_clear(c, ifindex[i]), 0);
	assert_int_equal(classifier_set_many(c, ifindex, device, DIVVY_DEVICES_MAX + 1), -E2BIG);
}

static void sums_over_cpus(void **state)
{
	unsigned char packet[60] = { 0 };
	struct divvy_counters n;
	cpu_set_t all, one;
	uint32_t runs = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
		run(packet, 60, 0, 0, NULL);
		runs++;
	}
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(classifier_read(c, LO, &n), 0);
	assert_int_equal(n.packets, runs);
	assert_int_equal(n.bytes, 60 * runs);
}

/* --- counters of many devices at once ---------------------------------------------------------------- */

enum {
	FIRST = 5000, /* ifindexes; no device has most of them */
	DEVICES = 3000,
	SPEAKERS = 8, /* devices with packets: FIRST + 100 i */
	ASKED_MAX = 2 * DEVICES + 2,
};

static void make_devices(void)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	uint32_t ifindex[DEVICES];
	struct divvy_device device[DEVICES];
	unsigned char packet[1514] = { 0 };

	for (uint32_t i = 0; i < DEVICES; i++) {
		ifindex[i] = FIRST + i;
		device[i] = (struct divvy_device){ .ifb = IFB, .minor = 1 + i };
	}
	assert_int_equal(classifier_set_many(c, ifindex, device, DEVICES), 0);
	assert_int_equal(rtnl_open(&r), 0);
	for (uint32_t i = 0; i < SPEAKERS; i++) {
		struct ifinfomsg ifi = { .ifi_index = (int)(FIRST + 100 * i) };
		struct nlmsghdr *nlh;
		struct nlattr *info;

		nlh = rtnl_add(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), i);
		info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ifb");
		mnl_attr_nest_end(nlh, info);
	}
	commit_ok(r);
	for (uint32_t i = 0; i < SPEAKERS; i++) {
		for (uint32_t k = 0; k <= i; k++)
			assert_int_equal(run_on(FIRST + 100 * i, packet, 60 + 10 * i, 0, 0, NULL), MATCH);
		link_del(r, FIRST + 100 * i, 0);
	}
	commit_ok(r);
}

static void expect_counters(const uint32_t *ifindex, const struct divvy_counters *got, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t k = (ifindex[i] - FIRST) / 100;
		bool speaks = ifindex[i] >= FIRST && ifindex[i] % 100 == 0 && k < SPEAKERS;

		assert_int_equal(got[i].packets, speaks ? k + 1 : 0);
		assert_int_equal(got[i].bytes, speaks ? (k + 1) * (60 + 10 * k) : 0);
		assert_int_equal(got[i].largest, speaks ? 60 + 10 * k : 0);
		assert_int_equal(got[i].last_ns != 0, speaks);
	}
}

/*
 * So many devices, ascending or shuffled. Shuffled, each is there twice, and two are unknown to the
 * classifier.
 */
static void read_list(size_t devices, bool shuffled)
{
	uint32_t ifindex[ASKED_MAX];
	struct divvy_counters got[ASKED_MAX];
	unsigned int seed = 1;
	size_t n = 0;

	for (size_t i = 0; i < devices; i++)
		ifindex[n++] = FIRST + (uint32_t)i;
	for (size_t i = 0; i < devices && shuffled; i++)
		ifindex[n++] = FIRST + (uint32_t)i;
	if (shuffled) {
		ifindex[n++] = LO;
		ifindex[n++] = FIRST + 1000000;
	}
	for (size_t i = 1; i < n && shuffled; i++) {
		size_t k = (size_t)rand_r(&seed) % (i + 1);
		uint32_t swap = ifindex[i];

		ifindex[i] = ifindex[k];
		ifindex[k] = swap;
	}
	memset(got, 0xff, sizeof(got));
	assert_int_equal(classifier_read_many(c, ifindex, n, got), 0);
	expect_counters(ifindex, got, n);
	for (size_t i = n; i < ASKED_MAX; i++)
		assert_int_equal(got[i].packets, UINT64_MAX);
}

static void read_many(void **state)
{
	static const size_t devices[] = { 0, 1, 2, 101, 500, DEVICES };

	(void)state;
	make_devices();
	/* with batches, and as on a kernel without them */
	for (int round = 0; round < 2; round++) {
		lookups.batch_error = round ? EINVAL : 0;
		for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
			read_list(devices[i], false);
			read_list(devices[i], true);
		}
	}
}

/* The number of system calls does not grow with the number of devices. */
static void read_many_in_few_calls(void **state)
{
	(void)state;
	make_devices();
	read_list(1000, false);
	if (lookups.singles) {
		print_message("# this kernel has no batch look-up of per-CPU hashes\n");
		return;
	}
	assert_in_range(lookups.batches, 1, 4);
	lookups.batches = 0;
	read_list(DEVICES, true);
	assert_in_range(lookups.batches, 1, 8);
	assert_int_equal(lookups.singles, 0);
}

static void read_many_fails_whole(void **state)
{
	uint32_t ifindex[2] = { FIRST, LO };
	struct divvy_counters got[2];

	(void)state;
	make_devices();
	memset(got, 0xff, sizeof(got));
	lookups.single_error = EPERM;
	assert_int_equal(classifier_read_many(c, ifindex, 2, got), -EPERM);
	assert_int_equal(got[0].packets, UINT64_MAX);
	assert_int_equal(got[1].packets, UINT64_MAX);
}

static void note_key(uint32_t key, void *arg)
{
	uint32_t *seen = arg;

	seen[0]++;
	seen[1] = key;
}

/* Told once, when so much has come; and again when it is asked for again. The rest of the record stays. */
static void wakes(void **state)
{
	unsigned char packet[1514] = { 0 };
	uint32_t seen[2] = { 0 }, key = LO;
	struct divvy_device d;

	(void)state;
	assert_int_equal(classifier_await(c, LO), -ENOENT);
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5, .unmarked = 1 }), 0);
	for (int i = 0; i < 9; i++)
		(void)run(packet, 1514, 0, 0, NULL);
	assert_int_equal(classifier_read_woken(c, note_key, seen), 0);
	assert_int_equal(seen[0], 0);
	for (uint32_t round = 1; round <= 2; round++) {
		assert_int_equal(classifier_await(c, LO), 0);
		for (uint32_t bytes = 0; bytes + 100 < DIVVY_IDLE_BYTES; bytes += 100)
			(void)run(packet, 100, 0, 0, NULL);
		assert_int_equal(classifier_read_woken(c, note_key, seen), 0);
		assert_int_equal(seen[0], round - 1);
		for (int i = 0; i < 9; i++)
			(void)run(packet, 1514, 0, 0, NULL);
		assert_int_equal(classifier_read_woken(c, note_key, seen), 0);
		assert_int_equal(seen[0], round);
		assert_int_equal(seen[1], LO);
	}
	assert_int_equal(bpf_map_lookup_elem(classifier_devices_fd(c), &key, &d), 0);
	assert_true(d.ifb == IFB && d.minor == 5 && d.unmarked == 1 && d.idle == 0);
}

static void two_daemons(void **state)
{
	struct classifier *second = NULL;
	struct divvy_counters n;

	(void)state;
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	assert_int_equal(classifier_open(&second, NULL, 0), 0);
	assert_int_equal(classifier_read(second, LO, &n), -ENOENT);
	assert_null(classifier_close(second));
	assert_null(classifier_close(NULL));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(unknown_device), TEST(set_change_clear), TEST(spare_counters), TEST(priorities), TEST(gso), TEST(gso_unreadable),
		TEST(many), TEST(sums_over_cpus), TEST(read_many),
		TEST(read_many_in_few_calls), TEST(read_many_fails_whole), TEST(wakes), TEST(two_daemons),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	need_bpf();
	return cmocka_run_group_tests_name("classifier", tests, NULL, NULL);
}
