/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * divvy's program at tcx ingress: it takes the vNIC's packets where it is alone, and leaves them to filters and programs of
 * others. Packets come from the vNIC's peer. "Diverted" is what the program has counted.
 */
#include "netns.h"

#include "kernel/bpf/tcx.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#define TCX_INGRESS ((enum bpf_attach_type)46)
#define PACKETS 5

static struct rtnl *r;
static struct classifier *c, *later; /* of two divvyds */
static uint32_t nic, guest, ifb;
static int raw; /* a socket at the vNIC's peer */

static int setup(void **state)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };

	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	add_veth(r, "nic0", "guest0");
	nic = ifindex_of(r, "nic0");
	guest = ifindex_of(r, "guest0");
	link_add_ifb(r, "fifb0", "a", 100, 0);
	commit_ok(r);
	ifb = ifindex_of(r, "fifb0");
	assert_int_equal(classifier_open(&c, NULL, 0), 0);
	assert_int_equal(classifier_open(&later, NULL, 0), 0);
	assert_int_equal(classifier_set(c, nic, (struct divvy_device){ .ifb = ifb, .minor = 2 }), 0);
	raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(raw >= 0);
	at.sll_ifindex = (int)guest;
	assert_int_equal(bind(raw, (struct sockaddr *)&at, sizeof(at)), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(raw);
	c = classifier_close(c);
	later = classifier_close(later);
	link_del(r, nic, 0);
	link_del(r, ifb, 0);
	commit_ok(r);
	r = rtnl_close(r);
	return 0;
}

static int set(const struct classifier *by)
{
	return tcx_set(nic, classifier_fd(by, CLASSIFIER_DIVERT), classifier_id(by, CLASSIFIER_DIVERT));
}

static struct tcx seen_by(const struct classifier *by)
{
	struct tcx t;

	tcx_read(nic, classifier_id(by, CLASSIFIER_DIVERT), &t);
	return t;
}

/* How many of five packets the program took, as its counters say. */
static uint64_t diverted(const struct classifier *by)
{
	struct divvy_counters before, after;
	unsigned char frame[60] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb6 };

	assert_int_equal(classifier_read(by, nic, &before), 0);
	for (int i = 0; i < PACKETS; i++)
		assert_int_equal(send(raw, frame, sizeof(frame), 0), sizeof(frame));
	for (int i = 0; i < 20; i++) { /* a veth hands packets on by a softirq */
		assert_int_equal(classifier_read(by, nic, &after), 0);
		if (after.skbs - before.skbs >= PACKETS)
			break;
		usleep(2000);
	}
	return after.skbs - before.skbs;
}

/* A program that lets all packets go on to the next one, or keeps them. */
static int load_other(const char *name, int verdict)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", code, ARRAY_SIZE(code), NULL);
}

static void alone(void **state)
{
	(void)state;
	assert_int_equal(set(c), 0);
	assert_int_equal(set(c), 0);
	assert_int_equal(seen_by(c).ours, classifier_id(c, CLASSIFIER_DIVERT));
	assert_int_equal(seen_by(c).others, 0);
	assert_int_equal(diverted(c), PACKETS);
	assert_int_equal(tcx_clear(nic, classifier_id(c, CLASSIFIER_DIVERT)), 0);
	assert_int_equal(seen_by(c).ours, 0);
	assert_int_equal(diverted(c), 0);
	assert_int_equal(tcx_clear(nic, classifier_id(c, CLASSIFIER_DIVERT)), 0);
}

/* A vNIC that no device claims, or no longer. */
static void unknown(void **state)
{
	(void)state;
	assert_int_equal(set(c), 0);
	assert_int_equal(classifier_clear(c, nic), 0);
	assert_int_equal(classifier_set(c, guest, (struct divvy_device){ .ifb = ifb, .minor = 2 }), 0);
	assert_int_equal(classifier_set(c, nic, (struct divvy_device){ .ifb = ifb, .minor = 2 }), 0);
	assert_int_equal(diverted(c), PACKETS);
}

/* A qdisc alone hinders no one; a filter in it gets the packets from the first one on, and the program when it is gone. */
static void filters(void **state)
{
	static int (*const add[])(struct rtnl *, uint32_t, uint64_t) = { qdisc_add_ingress, qdisc_add_clsact };
	static int (*const del[])(struct rtnl *, uint32_t, uint64_t) = { qdisc_del_ingress, qdisc_del_clsact };

	(void)state;
	assert_int_equal(set(c), 0);
	for (size_t i = 0; i < ARRAY_SIZE(add); i++) {
		add[i](r, nic, 0);
		commit_ok(r);
		assert_int_equal(diverted(c), PACKETS);
		/* of another divvyd: it does not count for this one, and is a filter as any */
		filter_set(r, nic, classifier_fd(later, CLASSIFIER_TX_INGRESS), 0x10005, ifb, 0);
		commit_ok(r);
		assert_int_equal(diverted(c), 0);
		filter_del(r, nic, 0);
		commit_ok(r);
		assert_int_equal(diverted(c), PACKETS);
		filter_set(r, nic, classifier_fd(later, CLASSIFIER_TX_INGRESS), 0x10005, ifb, 0);
		del[i](r, nic, 0);
		commit_ok(r);
		assert_int_equal(diverted(c), PACKETS);
	}
}

static void programs(void **state)
{
	_cleanup_close_ int next = load_other("next", -1), keep = load_other("divvy_divert2", 0);

	(void)state;
	assert_true(next >= 0 && keep >= 0);
	assert_int_equal(set(c), 0);
	assert_int_equal(bpf_prog_attach(keep, (int)nic, TCX_INGRESS, 0), 0); /* behind divvy's */
	assert_int_equal(seen_by(c).ours, classifier_id(c, CLASSIFIER_DIVERT));
	assert_int_equal(seen_by(c).others, 1);
	assert_int_equal(diverted(c), 0);
	assert_int_equal(bpf_prog_detach2(keep, (int)nic, TCX_INGRESS), 0);
	assert_int_equal(diverted(c), PACKETS);
	assert_int_equal(tcx_clear(nic, classifier_id(c, CLASSIFIER_DIVERT)), 0);
	assert_int_equal(bpf_prog_attach(next, (int)nic, TCX_INGRESS, 0), 0); /* before it */
	assert_int_equal(set(c), 0);
	assert_int_equal(seen_by(c).others, 1);
	assert_int_equal(diverted(c), 0);
	assert_int_equal(tcx_clear(nic, classifier_id(c, CLASSIFIER_DIVERT)), 0);
	assert_int_equal(seen_by(c).others, 1);
	assert_int_equal(bpf_prog_detach2(next, (int)nic, TCX_INGRESS), 0);
}

/* The program stays when its divvyd goes; the next one knows it by its name, and replaces it. */
static void next_divvyd(void **state)
{
	uint32_t id = classifier_id(c, CLASSIFIER_DIVERT);

	(void)state;
	assert_int_equal(set(c), 0);
	c = classifier_close(c);
	assert_int_equal(seen_by(later).ours, id);
	assert_int_equal(seen_by(later).others, 0);
	assert_int_equal(classifier_set(later, nic, (struct divvy_device){ .ifb = ifb, .minor = 2 }), 0);
	assert_int_equal(set(later), 0);
	assert_int_equal(seen_by(later).ours, classifier_id(later, CLASSIFIER_DIVERT));
	assert_int_equal(seen_by(later).others, 0);
	assert_int_equal(diverted(later), PACKETS);
	assert_int_equal(tcx_clear(nic, classifier_id(later, CLASSIFIER_DIVERT)), 0);
	assert_int_equal(seen_by(later).ours, 0);
}

/* In another namespace its number may be another interface's. */
static void moved(void **state)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;
	struct rtnl *beyond = NULL;
	struct sockaddr_ll at = { .sll_family = AF_PACKET };

	(void)state;
	assert_int_equal(set(c), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	there = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(rtnl_open(&beyond), 0);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	for (int i = 0; i < 2; i++) {
		struct ifinfomsg ifi = { .ifi_index = (int)(i ? guest : nic) };
		struct nlmsghdr *nlh = rtnl_add(r, RTM_NEWLINK, 0, &ifi, sizeof(ifi), 0);

		mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)there);
	}
	commit_ok(r);
	nic = ifindex_of(beyond, "nic0");
	guest = ifindex_of(beyond, "guest0");
	link_set(beyond, nic, 0, true);
	link_set(beyond, guest, 0, true);
	commit_ok(beyond);
	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	assert_int_equal(seen_by(c).ours, classifier_id(c, CLASSIFIER_DIVERT)); /* it came along */
	close(raw);
	raw = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	at.sll_ifindex = (int)guest;
	assert_int_equal(bind(raw, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(classifier_set(c, nic, (struct divvy_device){ .ifb = ifb, .minor = 2 }), 0);
	assert_int_equal(diverted(c), 0);
	link_del(beyond, nic, 0);
	commit_ok(beyond);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	rtnl_close(beyond);
	close(here);
	close(there);
	add_veth(r, "nic0", "guest0"); /* for the teardown */
	nic = ifindex_of(r, "nic0");
}

static void no_link(void **state)
{
	struct tcx t = { 1, 1 };

	(void)state;
	assert_int_equal(tcx_set(4711, classifier_fd(c, CLASSIFIER_DIVERT), classifier_id(c, CLASSIFIER_DIVERT)), -ENODEV);
	tcx_read(4711, classifier_id(c, CLASSIFIER_DIVERT), &t);
	assert_int_equal(t.ours, 0);
	assert_int_equal(t.others, 0);
	assert_int_equal(tcx_clear(4711, classifier_id(c, CLASSIFIER_DIVERT)), 0);
}

static void need_tcx(void)
{
	struct classifier *one = NULL;

	if (classifier_open(&one, NULL, 0) == 0 && classifier_fd(one, CLASSIFIER_DIVERT) < 0)
		skip_all("tcx", ENOSYS);
	classifier_close(one);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(alone), TEST(unknown), TEST(filters), TEST(programs), TEST(next_divvyd), TEST(moved),
		TEST(no_link),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	need_bpf();
	need_tcx();
	return cmocka_run_group_tests_name("tcx", tests, NULL, NULL);
}
