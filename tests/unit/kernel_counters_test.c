/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of many devices: how they are made, kept, read. The two ways of libbpf to look something up are replaced. */
#include "classifier_rig.h"

#include <dlfcn.h>

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

static int setup_lookups(void **state)
{
	memset(&lookups, 0, sizeof(lookups));
	return setup(state);
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

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup_lookups, teardown)
	const struct CMUnitTest tests[] = {
		TEST(spare_counters), TEST(many), TEST(sums_over_cpus), TEST(read_many),
		TEST(read_many_in_few_calls), TEST(read_many_fails_whole),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	need_bpf();
	return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
