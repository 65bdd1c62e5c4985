/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns.h"

#include "kernel/net/htb.h"
#include "kernel/net/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLASS(minor) TC_H_MAKE(HTB_MAJOR << 16, minor)

static struct rtnl *r;
static uint32_t ifb;

/* A fresh IFB with an HTB root whose default is 1:fffe. */
static int setup(void **state)
{
	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	assert_int_equal(link_add_ifb(r, "htb0", "test", 100, 0), 0);
	commit_ok(r);
	ifb = ifindex_of(r, "htb0");
	assert_int_equal(qdisc_add_htb(r, ifb, HTB_MAJOR, 0xfffe, 10, 0), 0);
	commit_ok(r);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_del(r, ifb, 0);
	commit_ok(r);
	r = rtnl_close(r);
	return 0;
}

static struct htb_class make(uint16_t minor, uint16_t parent, uint64_t rate, uint64_t burst)
{
	return (struct htb_class){
		.minor = minor,
		.parent = parent,
		.rate = { rate },
		.ceil = { 2 * rate },
		.burst = burst,
		.cburst = burst / 2,
		.quantum = 70000,
		.overhead = 24,
		.leaf = true,
	};
}

static struct htb_class read_back(uint16_t minor)
{
	_cleanup_free_ struct htb_class *c = NULL;
	size_t n = 0;

	assert_int_equal(htb_list(r, ifb, &c, NULL, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (c[i].minor == minor)
			return c[i];
	fail_msg("class 1:%x is not there", minor);
	return (struct htb_class){ 0 };
}

/* What was asked for is what is read, after rounding, from 8 kbit/s to 400 Gbit/s. */
static void rates(void **state)
{
	static const uint64_t rate[] = {
		RATE_MIN_BYTES_PS, 1500, 125000, 12500000, 7500001, UINT32_MAX / 2, UINT32_MAX - 1ULL,
		UINT32_MAX, UINT32_MAX + 1ULL, 12500000000ULL, RATE_MAX_BYTES_PS,
	};
	static const uint64_t burst[] = { 0, 1, 1600, 60000, 1000000, 25000000, 3000000000ULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rate); i++)
		for (size_t j = 0; j < ARRAY_SIZE(burst); j++) {
			struct htb_class c = make(5, 0, rate[i], burst[j]), got, off;

			assert_int_equal(htb_class_add(r, ifb, &c, 0), 0);
			commit_ok(r);
			got = read_back(5);
			if (!htb_class_same(&c, &got) || got.ceil.bytes_ps != 2 * rate[i] ||
			    got.quantum != 70000)
				fail_msg("rate %llu burst %llu: read %llu %llu", (unsigned long long)rate[i],
					 (unsigned long long)burst[j], (unsigned long long)got.rate.bytes_ps,
					 (unsigned long long)got.burst);
			/* a second round gives the same: no drift */
			assert_int_equal(htb_class_change(r, ifb, &got, 0), 0);
			commit_ok(r);
			off = read_back(5);
			assert_true(htb_class_same(&got, &off));
			assert_true(htb_class_same(&c, &off));
			htb_class_del(r, ifb, 5, 0);
			commit_ok(r);
		}
}

static void same_tells_apart(void **state)
{
	struct htb_class a = make(5, 1, 12500000, 60000), b;

	(void)state;
	b = a;
	assert_true(htb_class_same(&a, &b));
#define DIFFERS(change)                          \
	do {                                     \
		b = a;                           \
		change;                          \
		assert_false(htb_class_same(&a, &b)); \
	} while (0)
	DIFFERS(b.minor++);
	DIFFERS(b.parent++);
	DIFFERS(b.rate.bytes_ps++);
	DIFFERS(b.ceil.bytes_ps--);
	DIFFERS(b.burst += 10);
	DIFFERS(b.cburst -= 10);
	DIFFERS(b.quantum++);
	DIFFERS(b.overhead = 0);
	b = a;
	b.leaf = false;
	b.quantum = 0;
	assert_true(htb_class_same(&a, &b));
}

static void refused(void **state)
{
	struct htb_class c = make(5, 0, 0, 1), d = make(0, 0, 1000, 1), e = make(5, 0, 1000, 1);

	(void)state;
	assert_int_equal(htb_class_add(r, ifb, &c, 0), -EINVAL);
	assert_int_equal(htb_class_add(r, ifb, &d, 0), -EINVAL);
	e.ceil.bytes_ps = 999;
	assert_int_equal(htb_class_change(r, ifb, &e, 0), -EINVAL);
	assert_int_equal(rtnl_pending(r), 0);
}

/* Three levels in one batch; sorted; leaves told from inner classes; parents right. */
static void tree(void **state)
{
	static const struct leaf leaf = { .kind = LEAF_BFIFO, .limit = 100000 };
	static const struct {
		uint16_t minor, parent;
	} want[] = { { 1, 0 }, { 2, 1 }, { 3, 1 }, { 4, 2 }, { 5, 2 }, { 0xfffe, 1 } };
	_cleanup_free_ struct htb_class *c = NULL;
	_cleanup_free_ struct htb_stats *s = NULL;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		uint16_t minor = want[i].minor;
		struct htb_class x = make(minor, want[i].parent, 1000000, 10000);

		assert_int_equal(htb_class_add(r, ifb, &x, minor), 0);
		if (minor > 2)
			assert_int_equal(qdisc_set_leaf(r, ifb, CLASS(minor), &leaf, minor), 0);
	}
	commit_ok(r);
	assert_int_equal(htb_list(r, ifb, &c, &s, &n), 0);
	assert_int_equal(n, ARRAY_SIZE(want));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(c[i].minor, want[i].minor);
		assert_int_equal(s[i].minor, c[i].minor);
		assert_int_equal(c[i].parent, want[i].parent);
		assert_int_equal(c[i].leaf, c[i].minor > 2);
		assert_int_equal(s[i].leaf, c[i].leaf);
		assert_int_equal(c[i].quantum, c[i].leaf ? 70000 : 0);
		assert_int_equal(s[i].bytes + s[i].packets + s[i].drops + s[i].backlog_bytes, 0);
	}
	htb_class_del(r, ifb, 2, 0);
	commit_fails(r, -EBUSY);
	struct htb_class twice = make(4, 2, 1000000, 10000), absent = make(77, 2, 1000000, 10000);

	htb_class_add(r, ifb, &twice, 0);
	commit_fails(r, -EEXIST);
	htb_class_change(r, ifb, &absent, 0);
	commit_fails(r, -ENOENT);
}

static void one_class(void **state)
{
	struct htb_class x = make(5, 0, 1000000, 10000);
	struct htb_stats s = { .minor = 99 };

	(void)state;
	assert_int_equal(htb_get_stats(r, ifb, 5, &s), -ENOENT);
	assert_int_equal(s.minor, 99);
	htb_class_add(r, ifb, &x, 0);
	commit_ok(r);
	assert_int_equal(htb_get_stats(r, ifb, 5, &s), 0);
	assert_int_equal(s.minor, 5);
	assert_int_equal(s.backlog_packets, 0);
}

/* What was heard. */
struct heard {
	int qdiscs, classes, links;
};

static int count_events(const struct nlmsghdr *nlh, void *arg)
{
	struct heard *h = arg;

	h->qdiscs += nlh && (nlh->nlmsg_type == RTM_NEWQDISC || nlh->nlmsg_type == RTM_DELQDISC);
	h->classes += nlh && nlh->nlmsg_type == RTM_NEWTCLASS;
	h->links += nlh && nlh->nlmsg_type == RTM_NEWLINK;
	return 0;
}

static struct heard hear(struct rtnl *events)
{
	struct heard h = { 0 };

	assert_int_equal(rtnl_events_read(events, count_events, &h), 0);
	return h;
}

/* A qdisc, a class, and a question. */
static void change(struct rtnl *by)
{
	struct htb_class x = make(5, 0, 1000000, 10000);
	struct htb_stats s;

	assert_int_equal(qdisc_add_ingress(by, ifb, 0), 0);
	assert_int_equal(htb_class_add(by, ifb, &x, 0), 0);
	assert_int_equal(qdisc_del_ingress(by, ifb, 0), 0);
	commit_ok(by);
	assert_int_equal(htb_get_stats(by, ifb, 5, &s), 0);
}

/* One socket's changes and questions are not told to the reader of events, but for links; another's are. */
static void skips_one_sockets_changes(void **state)
{
	struct rtnl *events = NULL, *other = NULL;
	struct heard h;

	(void)state;
	assert_int_equal(rtnl_events_open(&events, true), 0);
	assert_int_equal(rtnl_open(&other), 0);
	assert_int_equal(rtnl_events_skip_own(events, rtnl_port(r)), 0);
	assert_false(rtnl_events_wait(events));
	change(r);
	assert_false(rtnl_events_wait(events));
	h = hear(events);
	assert_int_equal(h.qdiscs + h.classes, 0);
	assert_int_equal(link_set_ifb(r, ifb, "other", 100, 0), 0);
	commit_ok(r);
	assert_true(rtnl_events_wait(events));
	assert_true(hear(events).links > 0);
	assert_int_equal(htb_class_del(r, ifb, 5, 0), 0);
	commit_ok(r);
	change(other);
	assert_true(rtnl_events_wait(events));
	h = hear(events);
	assert_int_equal(h.qdiscs, 2);
	assert_true(h.classes > 0);
	assert_false(rtnl_events_wait(events));
	rtnl_close(other);
	rtnl_close(events);
}

/* Frames without a receiver, into the default leaf. */
static void send_frames(int n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifb };
	unsigned char frame[1000] = { 0 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)), sizeof(frame));
	close(fd);
}

/* What waits is told of the root, wherever below it waits. */
static void waiting(void **state)
{
	struct htb_class leaf = make(0xfffe, 5, 10, 100), inner = make(5, 0, 10, 100);
	struct qdisc q = { .backlog_packets = 7 };

	(void)state;
	assert_int_equal(qdisc_root(r, ifb + 1, &q), -ENODEV);
	assert_int_equal(q.backlog_packets, 7);
	leaf.ceil = inner.ceil = leaf.rate;
	htb_class_add(r, ifb, &inner, 0);
	htb_class_add(r, ifb, &leaf, 0);
	link_set_ifb(r, ifb, "other", 100, 0);
	commit_ok(r);
	assert_int_equal(qdisc_root(r, ifb, &q), 0);
	assert_int_equal(q.backlog_packets, 0);
	assert_string_equal(q.kind, "htb");
	assert_int_equal(q.ifindex, ifb);
	send_frames(10); /* a class gives one or two at once, and then waits for minutes */
	assert_int_equal(qdisc_root(r, ifb, &q), 0);
	assert_in_range(q.backlog_packets, 5, 10);
	qdisc_del_root(r, ifb, 0);
	commit_ok(r);
	assert_true(qdisc_root(r, ifb, &q) == -ENOENT || q.backlog_packets == 0);
}

static uint64_t qdisc_count(const char *kind, uint32_t parent)
{
	_cleanup_free_ struct qdisc *q = NULL;
	uint64_t found = 0;
	size_t n;

	assert_int_equal(qdisc_list(r, ifb, &q, &n), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(q[i].ifindex, ifb);
		found += strcmp(q[i].kind, kind) == 0 && q[i].parent == parent;
	}
	return found;
}

static uint32_t handle_under(uint32_t parent)
{
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n;

	assert_int_equal(qdisc_list(r, ifb, &q, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (q[i].parent == parent)
			return q[i].handle;
	return 0;
}

static void add_pfifo(uint32_t parent)
{
	struct tcmsg tcm = { .tcm_ifindex = (int)ifb, .tcm_parent = parent, .tcm_handle = 7U << 16 };
	struct tc_fifo_qopt opt = { .limit = 10 };
	struct nlmsghdr *nlh = rtnl_add(r, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tcm, sizeof(tcm), 0);

	mnl_attr_put_strz(nlh, TCA_KIND, "pfifo");
	mnl_attr_put(nlh, TCA_OPTIONS, sizeof(opt), &opt);
	commit_ok(r);
}

static void set_leaf(enum leaf_kind kind, uint32_t limit)
{
	struct leaf leaf = { .kind = kind, .limit = limit, .target_us = 5000, .interval_us = 100000 };

	assert_int_equal(qdisc_set_leaf(r, ifb, CLASS(5), &leaf, 0), 0);
}

/* A change of limit keeps the qdisc; another kind is replaced. */
static void leaf_of_kind(enum leaf_kind kind, const char *name)
{
	struct htb_class c = make(5, 0, 1000000, 10000);
	uint32_t handle;

	assert_int_equal(qdisc_count("htb", TC_H_ROOT), 1);
	set_leaf(kind, 5000);
	commit_fails(r, -ENOENT); /* no such class */
	htb_class_add(r, ifb, &c, 0);
	set_leaf(kind, 5000);
	commit_ok(r);
	handle = handle_under(CLASS(5));
	assert_int_not_equal(handle, 0);
	assert_int_equal(qdisc_count(name, CLASS(5)), 1);
	set_leaf(kind, 9000);
	set_leaf(kind, 4000);
	commit_ok(r);
	assert_int_equal(handle_under(CLASS(5)), handle);
	assert_int_equal(qdisc_count(name, CLASS(5)), 1);
	add_pfifo(CLASS(5));
	assert_int_equal(qdisc_count(name, CLASS(5)), 0);
	set_leaf(kind, 9000);
	commit_ok(r);
	assert_int_equal(qdisc_count(name, CLASS(5)), 1);
}

static void bfifo(void **state)
{
	(void)state;
	leaf_of_kind(LEAF_BFIFO, "bfifo");
}

/* Where the kernel has none, one cannot be had; asking leaves lo as it was in both cases. */
static void fq_codel(void **state)
{
	struct htb_class c = make(5, 0, 1000000, 10000);
	_cleanup_free_ struct qdisc *q = NULL;
	size_t n;

	(void)state;
	if (!qdisc_has_fq_codel(r)) {
		print_message("# no fq_codel in this kernel\n");
		htb_class_add(r, ifb, &c, 0);
		commit_ok(r);
		set_leaf(LEAF_FQ_CODEL, 5000);
		commit_fails(r, -ENOENT);
	} else {
		leaf_of_kind(LEAF_FQ_CODEL, "fq_codel");
		set_leaf(LEAF_BFIFO, 5000);
		commit_ok(r);
		assert_int_equal(qdisc_count("bfifo", CLASS(5)), 1);
		set_leaf(LEAF_FQ_CODEL, 5000);
		commit_ok(r);
		assert_int_equal(qdisc_count("fq_codel", CLASS(5)), 1);
		assert_true(qdisc_has_fq_codel(r));
	}
	assert_int_equal(qdisc_list(r, 1, &q, &n), 0);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(q[i].kind, "noqueue");
}

static void hooks(void **state)
{
	_cleanup_free_ struct qdisc *all = NULL;
	uint32_t veth;
	size_t n;

	(void)state;
	assert_int_equal(qdisc_add_htb(r, ifb, HTB_MAJOR, 1, 10, 0), 0);
	commit_fails(r, -EEXIST);
	add_veth(r, "va", "vb");
	veth = ifindex_of(r, "va");
	qdisc_add_clsact(r, veth, 0);
	commit_ok(r);
	qdisc_add_clsact(r, veth, 0);
	commit_fails(r, -EEXIST);
	assert_int_equal(qdisc_list(r, 0, &all, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (all[i].ifindex == veth && all[i].parent == TC_H_CLSACT)
			break;
		else
			assert_true(i + 1 < n);
	qdisc_del_clsact(r, veth, 0);
	commit_ok(r);
	link_del(r, veth, 0);
	commit_ok(r);
}

static void no_htb(void **state)
{
	struct htb_class *c = (void *)-1L;
	size_t n = 1;

	(void)state;
	assert_int_equal(htb_list(r, ifindex_of(r, "lo"), &c, NULL, &n), 0);
	assert_int_equal(n, 0);
	free(c);
	c = NULL;
	assert_int_equal(htb_list(r, 999999, &c, NULL, &n), 0);
	assert_int_equal(n, 0);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rates, setup, teardown),
		cmocka_unit_test(same_tells_apart),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(tree, setup, teardown), cmocka_unit_test_setup_teardown(one_class, setup, teardown),
		cmocka_unit_test_setup_teardown(waiting, setup, teardown),
		cmocka_unit_test_setup_teardown(skips_one_sockets_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(bfifo, setup, teardown),
		cmocka_unit_test_setup_teardown(fq_codel, setup, teardown),
		cmocka_unit_test_setup_teardown(hooks, setup, teardown),
		cmocka_unit_test_setup_teardown(no_htb, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	return cmocka_run_group_tests_name("htb", tests, NULL, NULL);
}
