/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of a packet that a VM receives, with what the adapters build: from a vNIC's egress into an IFB with HTB, and
 * back to the same vNIC. The VM is the test: it reads what comes out of its tap.
 */
#include "netns.h"

#include "kernel/net/filter.h"
#include "kernel/net/htb.h"
#include "kernel/net/qdisc.h"

#include <bpf/bpf.h>
#include <linux/if_packet.h>
#include <linux/pkt_sched.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>

#define CLASS(minor) TC_H_MAKE(HTB_MAJOR << 16, minor)
#define LEAF 5
#define DEFAULT_LEAF 0xfffe
#define FRAMES 50
#define FRAME_SIZE 200
#define WAIT_MS 2000
#define IDLE_MS 100
#define MATCH UINT32_MAX
#define LO 1U
#define IFB 7U

static struct rtnl *r;
static struct classifier *c;
static uint32_t tap, ifb;
static int fd, out;

static void build_ifb(void)
{
	struct htb_class root = { .minor = 1, .rate = { 12500000 }, .ceil = { 12500000 }, .burst = 50000, .cburst = 50000 };
	struct htb_class leaf = { .minor = LEAF, .parent = 1, .rate = { 12500000 }, .ceil = { 12500000 },
				  .burst = 50000, .cburst = 50000, .quantum = 70000, .leaf = true };

	link_add_ifb(r, "egifb", "test", 1000, 0);
	commit_ok(r);
	ifb = ifindex_of(r, "egifb");
	qdisc_add_htb(r, ifb, HTB_MAJOR, DEFAULT_LEAF, 10, 0);
	htb_class_add(r, ifb, &root, 0);
	htb_class_add(r, ifb, &leaf, 0);
	leaf.minor = DEFAULT_LEAF;
	htb_class_add(r, ifb, &leaf, 0);
	filter_set_root(r, ifb, CLASS(0), classifier_fd(c, CLASSIFIER_RX_ROOT), 0);
	commit_ok(r);
}

static int setup(void **state)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };

	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	assert_int_equal(classifier_open(&c, NULL, 0), 0);
	fd = open_tap("egtap", 0);
	assert_true(fd >= 0);
	tap = ifindex_of(r, "egtap");
	link_set(r, tap, 0, true);
	commit_ok(r);
	build_ifb();
	out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(out >= 0);
	to.sll_ifindex = (int)tap;
	assert_int_equal(bind(out, (void *)&to, sizeof(to)), 0);
	assert_int_equal(classifier_set(c, tap | DIVVY_RX, (struct divvy_device){ .ifb = ifb, .minor = LEAF }), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(out);
	close(fd);
	link_del(r, ifb, 0);
	commit_ok(r);
	c = classifier_close(c);
	r = rtnl_close(r);
	return 0;
}

/* The kernel sends some frames of its own to a tap that is up. */
static size_t receive(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char frame[2048];
	size_t n = 0;

	while (poll(&p, 1, n < FRAMES ? WAIT_MS : IDLE_MS) > 0)
		n += read(fd, frame, sizeof(frame)) == FRAME_SIZE;
	return n;
}

static void send_frames(void)
{
	unsigned char frame[FRAME_SIZE] = { 2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x88, 0xb6 };

	for (int i = 0; i < FRAMES; i++)
		assert_int_equal(send(out, frame, sizeof(frame), 0), sizeof(frame));
}

static uint64_t class_packets(uint16_t minor)
{
	_cleanup_free_ struct htb_stats *s = NULL;
	uint64_t packets = 0;
	size_t n;

	assert_int_equal(htb_list(r, ifb, NULL, &s, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (s[i].minor == minor)
			packets = s[i].packets;
	return packets;
}

/* Each frame comes out once, went through its class once, and is counted once on its way in and out. */
static void each_passes_once(void)
{
	struct divvy_counters before, after;
	uint64_t packets = class_packets(LEAF);

	assert_int_equal(classifier_read(c, tap | DIVVY_RX, &before), 0);
	send_frames();
	assert_int_equal(receive(), FRAMES);
	assert_int_equal(classifier_read(c, tap | DIVVY_RX, &after), 0);
	assert_true(after.packets - before.packets >= FRAMES);
	assert_int_equal(after.skbs - before.skbs, after.packets - before.packets);
	assert_int_equal(after.skb_bytes - before.skb_bytes, after.bytes - before.bytes);
	assert_int_equal(class_packets(LEAF) - packets, after.packets - before.packets);
	assert_true(class_packets(DEFAULT_LEAF) < FRAMES); /* the kernel's own, by the IFB */
}

static void attach(uint32_t parent)
{
	filter_set_at(r, tap, parent, false, classifier_fd(c, CLASSIFIER_RX_EGRESS), CLASS(LEAF), ifb, 0);
	commit_ok(r);
}

static struct qdisc root_of(uint32_t ifindex)
{
	_cleanup_free_ struct qdisc *q = NULL;
	struct qdisc root = { 0 };
	size_t n;

	assert_int_equal(qdisc_list(r, ifindex, &q, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (q[i].parent == TC_H_ROOT)
			root = q[i];
	return root;
}

/* Beside an `ingress` of others, and gone without a trace. */
static void own_root(void **state)
{
	struct qdisc before = root_of(tap);

	(void)state;
	assert_int_equal(before.handle, 0);
	qdisc_add_ingress(r, tap, 0);
	qdisc_add_egress(r, tap, HTB_MAJOR, false, 0);
	commit_ok(r);
	assert_int_equal(root_of(tap).handle, CLASS(0));
	attach(CLASS(0));
	each_passes_once();
	filter_del_at(r, tap, CLASS(0), false, 0);
	qdisc_del_root(r, tap, 0);
	commit_ok(r);
	assert_int_equal(root_of(tap).handle, 0);
	assert_string_equal(root_of(tap).kind, before.kind);
	send_frames();
	assert_int_equal(receive(), FRAMES);
}

static void clsact(void **state)
{
	(void)state;
	qdisc_add_clsact(r, tap, 0);
	commit_ok(r);
	attach(FILTER_EGRESS);
	each_passes_once();
}

/* libvirt's for <inbound>: what comes back from the IFB goes to its default class. */
static void root_of_others(void **state)
{
	struct htb_class theirs = { .minor = 1, .rate = { 12500000 }, .ceil = { 12500000 }, .burst = 50000,
				    .cburst = 50000, .quantum = 70000, .leaf = true };

	(void)state;
	qdisc_add_htb(r, tap, HTB_MAJOR, 1, 100, 0);
	htb_class_add(r, tap, &theirs, 0);
	commit_ok(r);
	qdisc_add_egress(r, tap, 0x8111, false, 0);
	commit_fails(r, -EEXIST);
	attach(CLASS(0));
	each_passes_once();
}

/* A root without a queue, as libvirt gives its taps. */
static void noqueue(void **state)
{
	(void)state;
	qdisc_add_noqueue(r, tap, 0);
	commit_ok(r);
	assert_string_equal(root_of(tap).kind, "noqueue");
	assert_int_not_equal(root_of(tap).handle, 0);
	qdisc_add_egress(r, tap, HTB_MAJOR, false, 0);
	commit_fails(r, -EEXIST);
	qdisc_add_egress(r, tap, HTB_MAJOR, true, 0);
	commit_ok(r);
	attach(CLASS(0));
	each_passes_once();
	qdisc_add_noqueue(r, tap, 0);
	commit_ok(r);
	assert_string_equal(root_of(tap).kind, "noqueue");
	send_frames();
	assert_int_equal(receive(), FRAMES);
}

/* Not a queue that packets could be sent through. */
static void no_filters(void **state)
{
	struct leaf fifo = { .kind = LEAF_BFIFO, .limit = 100000 };

	(void)state;
	qdisc_set_leaf(r, tap, TC_H_ROOT, &fifo, 0);
	commit_ok(r);
	filter_set_at(r, tap, root_of(tap).handle, false, classifier_fd(c, CLASSIFIER_RX_EGRESS), CLASS(LEAF), ifb, 0);
	commit_fails(r, -EINVAL);
}

/* --- the programs alone ------------------------------------------------------------------------- */

static int setup_programs(void **state)
{
	(void)state;
	return classifier_open(&c, NULL, 0);
}

static int teardown_programs(void **state)
{
	(void)state;
	c = classifier_close(c);
	return 0;
}

/* One of the programs, on a packet that came from there with this note; returns the verdict. */
static uint32_t run_program(enum classifier_program which, uint32_t at, uint32_t from, struct __sk_buff *skb)
{
	unsigned char packet[100] = { 0 };
	struct __sk_buff in = { .ifindex = at, .ingress_ifindex = from };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet), .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = skb, .ctx_size_out = sizeof(*skb), .repeat = 1);

	memcpy(in.cb, skb->cb, sizeof(in.cb));
	assert_int_equal(bpf_prog_test_run_opts(classifier_fd(c, which), &opts), 0);
	return opts.retval;
}

/* At egress a packet is offered once and comes back once; both directions of a vNIC are two entries. */
static void at_egress(void **state)
{
	struct divvy_counters rx, tx;
	struct __sk_buff skb = { .cb = { 1, 2, 3, 4, 5 } };

	(void)state;
	assert_int_equal(run_program(CLASSIFIER_RX_EGRESS, LO, 0, &skb), 0);
	assert_int_equal(classifier_set(c, LO | DIVVY_RX, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	assert_int_equal(run_program(CLASSIFIER_TX_EGRESS, LO, 0, &skb), 0);
	assert_int_equal(run_program(CLASSIFIER_RX_EGRESS, LO, 0, &skb), MATCH);
	assert_int_equal(run_program(CLASSIFIER_RX_EGRESS, LO, IFB, &skb), MATCH);
	assert_int_equal(classifier_read(c, LO | DIVVY_RX, &rx), 0);
	assert_int_equal(rx.packets, 1);
	assert_int_equal(rx.skbs, 1);
	assert_int_equal(classifier_read(c, LO, &tx), -ENOENT);
	assert_int_equal(classifier_set(c, LO, (struct divvy_device){ .ifb = IFB, .minor = 6 }), 0);
	assert_int_equal(run_program(CLASSIFIER_TX_EGRESS, LO, 0, &skb), MATCH);
	assert_int_equal(run_program(CLASSIFIER_RX_INGRESS, LO, 0, &skb), MATCH);
	assert_int_equal(classifier_read(c, LO, &tx), 0);
	assert_int_equal(tx.packets, 1);
	assert_int_equal(tx.skbs, 0);
	assert_int_equal(classifier_read(c, LO | DIVVY_RX, &rx), 0);
	assert_int_equal(rx.packets, 2);
	assert_int_equal(rx.skbs, 2);
}

/* A packet that was sent on a second time and comes to the IFB again does not go round for ever. */
static void mark_used_up(void **state)
{
	struct __sk_buff skb = { 0 };

	(void)state;
	assert_int_equal(classifier_set(c, LO | DIVVY_RX, (struct divvy_device){ .ifb = IFB, .minor = 5 }), 0);
	assert_int_equal(run_program(CLASSIFIER_RX_EGRESS, LO, 0, &skb), MATCH);
	run_program(CLASSIFIER_RX_ROOT, LO, LO, &skb);
	assert_int_equal(run_program(CLASSIFIER_RX_EGRESS, LO, IFB, &skb), MATCH);
	/* so far as it should be; now it comes again */
	run_program(CLASSIFIER_RX_ROOT, LO, LO, &skb);
	assert_int_equal(run_program(CLASSIFIER_RX_EGRESS, LO, IFB, &skb), 0);
	/* a packet that is new is offered all the same */
	assert_int_equal(run_program(CLASSIFIER_RX_EGRESS, LO, 0, &skb), MATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(at_egress, setup_programs, teardown_programs),
		cmocka_unit_test_setup_teardown(mark_used_up, setup_programs, teardown_programs),
		cmocka_unit_test_setup_teardown(own_root, setup, teardown),
		cmocka_unit_test_setup_teardown(clsact, setup, teardown),
		cmocka_unit_test_setup_teardown(root_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(noqueue, setup, teardown),
		cmocka_unit_test_setup_teardown(no_filters, setup, teardown),
	};

	netns_enter();
	need_bpf();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
