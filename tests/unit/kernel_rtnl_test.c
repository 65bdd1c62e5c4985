/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netns.h"

#include "kernel/net/qdisc.h"

#include <linux/pkt_sched.h>
#include <poll.h>
#include <sys/socket.h>

static struct rtnl *opened(void)
{
	struct rtnl *r = NULL;

	assert_int_equal(rtnl_open(&r), 0);
	return r;
}

/* --- batches ----------------------------------------------------------------------------------- */

static void empty_batch(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;

	(void)state;
	r = opened();
	assert_int_equal(rtnl_pending(r), 0);
	assert_int_equal(rtnl_commit(r, NULL, 0), 0);
}

/* Far more than a datagram or the receive buffer holds, and all fail: each failure names its request. */
static void all_fail(void **state)
{
	enum { N = 30000 };
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	_cleanup_free_ struct rtnl_failure *f = calloc(N, sizeof(*f));

	(void)state;
	r = opened();
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(link_del(r, 1000 + i, 77 * (uint64_t)i), 0);
	assert_int_equal(rtnl_pending(r), N);
	assert_int_equal(rtnl_commit(r, f, N), N);
	for (uint32_t i = 0; i < N; i++) {
		assert_int_equal(f[i].tag, 77 * (uint64_t)i);
		assert_int_equal(f[i].error, -ENODEV);
	}
	assert_int_equal(rtnl_pending(r), 0);
}

/* Every third request is bad: the others are carried out, and only the bad ones reported. */
static void some_fail(void **state)
{
	enum { N = 90 };
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	_cleanup_free_ struct link *links = NULL;
	struct rtnl_failure f[N];
	size_t n, dummies = 0;
	char name[IFNAMSIZ];

	(void)state;
	r = opened();
	for (uint64_t i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "some%u", (unsigned int)i);
		if (i % 3)
			assert_int_equal(link_add_ifb(r, name, "x", 10, i), 0);
		else
			assert_int_equal(link_del(r, 4242, i), 0);
	}
	assert_int_equal(rtnl_commit(r, f, N), N / 3);
	for (size_t i = 0; i < N / 3; i++)
		assert_int_equal(f[i].tag, 3 * i);
	assert_int_equal(link_list(r, &links, &n), 0);
	for (size_t i = 0; i < n; i++)
		dummies += strncmp(links[i].name, "some", 4) == 0;
	assert_int_equal(dummies, N - N / 3);
	for (size_t i = 0; i < n; i++)
		if (strncmp(links[i].name, "some", 4) == 0)
			link_del(r, links[i].ifindex, 0);
	commit_ok(r);
}

/* More failures than there is room for are counted, not stored. */
static void failures_beyond_max(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	struct rtnl_failure f[3] = { 0 };

	(void)state;
	r = opened();
	for (uint32_t i = 0; i < 10; i++)
		link_del(r, 900 + i, i);
	assert_int_equal(rtnl_commit(r, f, 2), 10);
	assert_int_equal(f[1].tag, 1);
	assert_int_equal(f[2].error, 0);
	rtnl_discard(r);
	link_del(r, 900, 5);
	rtnl_discard(r);
	assert_int_equal(rtnl_commit(r, f, 2), 0);
}

/* Each request counts, in whichever datagram it goes, refused or not; one that is discarded does not. */
static void counts_what_it_sends(void **state)
{
	enum { N = 3000 }; /* several datagrams */
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	_cleanup_free_ struct link *links = NULL;
	struct link l;
	size_t n;

	(void)state;
	r = opened();
	assert_int_equal(rtnl_messages_sent(r), 0);
	for (uint32_t i = 0; i < N; i++)
		link_del(r, 1000 + i, 0);
	assert_int_equal(rtnl_messages_sent(r), 0);
	assert_int_equal(rtnl_commit(r, NULL, 0), N);
	assert_int_equal(rtnl_messages_sent(r), N);
	link_del(r, 1000, 0);
	rtnl_discard(r);
	assert_int_equal(rtnl_messages_sent(r), N);
	assert_int_equal(link_get(r, "lo", &l), 0);
	assert_int_equal(rtnl_messages_sent(r), N + 1);
	assert_int_equal(link_list(r, &links, &n), 0);
	assert_int_equal(rtnl_messages_sent(r), N + 2);
}

static void kernel_text(void **state)
{
	static const struct leaf leaf = { .kind = LEAF_BFIFO, .limit = 1000 };
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	struct rtnl_failure f = { 0 };

	(void)state;
	r = opened();
	assert_int_equal(qdisc_set_leaf(r, 1, TC_H_MAKE(1 << 16, 7), &leaf, 9), 0);
	assert_int_equal(rtnl_commit(r, &f, 1), 1);
	assert_int_equal(f.tag, 9);
	assert_string_not_equal(f.text, "");
}

/* --- links ------------------------------------------------------------------------------------- */

static void ifb(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	struct rtnl_failure f[4] = { 0 };
	struct link l, again;

	(void)state;
	r = opened();
	assert_int_equal(link_add_ifb(r, "divvy-ifb0", "divvy: eno1", 5000, 1), 0);
	commit_ok(r);
	assert_int_equal(link_get(r, "divvy-ifb0", &l), 0);
	assert_int_equal(l.kind, LINK_IFB);
	assert_string_equal(l.kind_name, "ifb");
	assert_string_equal(l.alias, "divvy: eno1");
	assert_int_equal(l.txqlen, 5000);
	assert_true(l.up);
	assert_int_equal(l.master, 0);
	assert_int_equal(l.peer_netns, -1);
	assert_true(l.gso_max >= 65536);

	/* A name that is taken: refused, and the one who has it keeps his alias. */
	assert_int_equal(link_add_ifb(r, "divvy-ifb0", "thief", 1, 2), 0);
	assert_int_equal(rtnl_commit(r, f, 4), 2);
	assert_int_equal(f[0].error, -EEXIST);
	assert_int_equal(link_get(r, "divvy-ifb0", &again), 0);
	assert_string_equal(again.alias, "divvy: eno1");
	assert_int_equal(again.ifindex, l.ifindex);

	assert_int_equal(link_add_ifb(r, "a-name-that-is-too-long", "x", 1, 0), -EINVAL);
	assert_int_equal(link_del(r, l.ifindex, 0), 0);
	commit_ok(r);
	assert_int_equal(link_get(r, "divvy-ifb0", &l), -ENODEV);
	assert_int_equal(link_get(r, "", &l), -ENODEV);
	assert_int_equal(link_get(r, "a-name-that-is-too-long", &l), -ENODEV);
}

static void taps(void **state)
{
	_cleanup_close_ int one = -1, q0 = -1, q1 = -1;
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	struct link l;

	(void)state;
	r = opened();
	one = open_tap("one", 0);
	assert_true(one >= 0);
	assert_int_equal(link_get(r, "one", &l), 0);
	assert_int_equal(l.kind, LINK_TUN);
	assert_true(l.tap);
	assert_false(l.multi_queue);
	assert_int_equal(l.queues, 1);
	assert_false(l.up);
	assert_false(l.carrier);
	assert_true(l.attached);
	link_set(r, l.ifindex, 0, true);
	commit_ok(r);
	assert_int_equal(link_get(r, "one", &l), 0);
	assert_true(l.up);
	assert_true(l.carrier);
	assert_true(l.attached);
	assert_int_equal(ioctl(one, TUNSETCARRIER, &(int){ 0 }), 0);
	assert_int_equal(link_get(r, "one", &l), 0);
	assert_true(l.up && !l.carrier && !l.attached);

	q0 = open_tap("many", IFF_MULTI_QUEUE);
	q1 = open_tap("many", IFF_MULTI_QUEUE);
	assert_true(q0 >= 0 && q1 >= 0);
	assert_int_equal(link_get(r, "many", &l), 0);
	assert_true(l.multi_queue);
	assert_int_equal(l.queues, 2);
}

static void list(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	_cleanup_free_ struct link *links = NULL;
	uint32_t bridge, seen = 0;
	struct link one;
	size_t n;

	(void)state;
	r = opened();
	bridge = add_bridge(r, "br0");
	for (int i = 0; i < 200; i++) {
		char a[IFNAMSIZ], b[IFNAMSIZ];

		snprintf(a, sizeof(a), "va%d", i);
		snprintf(b, sizeof(b), "vb%d", i);
		append_veth(r, a, b);
	}
	commit_ok(r);
	link_set(r, ifindex_of(r, "va7"), bridge, true);
	commit_ok(r);
	assert_int_equal(link_list(r, &links, &n), 0);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || links[i - 1].ifindex < links[i].ifindex);
		seen += links[i].kind == LINK_VETH;
		if (strcmp(links[i].name, "va7") == 0)
			assert_int_equal(links[i].master, bridge);
		if (strcmp(links[i].name, "br0") == 0)
			assert_int_equal(links[i].kind, LINK_BRIDGE);
	}
	assert_int_equal(seen, 400);
	/* without its peer a link is up, but has no carrier */
	link_set(r, ifindex_of(r, "vb9"), 0, false);
	commit_ok(r);
	assert_int_equal(link_get(r, "va9", &one), 0);
	assert_true(one.up);
	assert_false(one.carrier);
	for (size_t i = 0; i < n; i++)
		if (strncmp(links[i].name, "va", 2) == 0 || links[i].kind == LINK_BRIDGE)
			link_del(r, links[i].ifindex, 0);
	commit_ok(r);
}

/* Messages cut short or filled with nonsense are refused or read, never overrun (the sanitizers watch). */
static void parse_nonsense(void **state)
{
	enum { SPACE = 512 };
	_Alignas(NLMSG_ALIGNTO) unsigned char buf[NLMSG_HDRLEN + SPACE];
	struct nlmsghdr *nlh = (void *)buf, *exact;
	uint64_t x = 88172645463325252ULL;
	struct link l;

	(void)state;
	for (uint32_t i = 0; i < 200000; i++) {
		for (size_t j = 0; j < sizeof(buf); j++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			/* many zeroes: attribute headers that are near the truth */
			buf[j] = (unsigned char)(x & 0x300 ? 0 : x & 0x3f);
		}
		nlh->nlmsg_type = RTM_NEWLINK;
		/* mostly short: an attribute is at the end soon */
		nlh->nlmsg_len = NLMSG_HDRLEN + (uint32_t)(x >> 32) % (uint32_t)(i % 8 ? 64 : SPACE);
		exact = malloc(nlh->nlmsg_len); /* not a byte more: the sanitizer sees its end */
		memcpy(exact, nlh, nlh->nlmsg_len);
		assert_in_range((unsigned int)-link_parse(exact, &l), 0, EBADMSG);
		free(exact);
	}
	nlh->nlmsg_type = RTM_NEWQDISC;
	assert_int_equal(link_parse(nlh, &l), -EBADMSG);
}

/* --- dumps ------------------------------------------------------------------------------------- */

struct counted {
	int starts, messages, stop_at;
};

static int count_message(const struct nlmsghdr *nlh, void *arg)
{
	struct counted *c = arg;

	if (!nlh) {
		c->starts++;
		c->messages = 0;
		return 0;
	}
	return ++c->messages == c->stop_at ? -ECANCELED : 0;
}

/* A dump that the callback ends leaves a socket that goes on working. */
static void dump_ended(void **state)
{
	struct ifinfomsg ifi = { 0 };
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	struct counted c = { .stop_at = 1 };
	struct link l;

	(void)state;
	r = opened();
	for (int i = 0; i < 100; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "d%d", i);
		link_add_ifb(r, name, "", 1, 0);
	}
	commit_ok(r);
	assert_int_equal(rtnl_dump(r, RTM_GETLINK, &ifi, sizeof(ifi), count_message, &c), -ECANCELED);
	assert_int_equal(link_get(r, "lo", &l), 0);
	c.stop_at = 0;
	assert_int_equal(rtnl_dump(r, RTM_GETLINK, &ifi, sizeof(ifi), count_message, &c), 0);
	assert_int_equal(c.starts, 2);
	assert_true(c.messages >= 101);
	/* a batch that is being filled is not disturbed by dumps */
	for (int i = 0; i < 100; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "d%d", i);
		link_del(r, ifindex_of(r, name), 0);
	}
	commit_ok(r);
	assert_int_equal(rtnl_dump(r, 0xfff0, &ifi, sizeof(ifi), count_message, &c), -EOPNOTSUPP);
}

/* --- events ------------------------------------------------------------------------------------ */

struct heard {
	unsigned int links, qdiscs, others;
	char last[IFNAMSIZ];
};

static int hear(const struct nlmsghdr *nlh, void *arg)
{
	struct heard *h = arg;
	struct link l;

	if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK) {
		h->links++;
		if (link_parse(nlh, &l) == 0)
			memcpy(h->last, l.name, sizeof(h->last));
	} else if (nlh->nlmsg_type == RTM_NEWQDISC || nlh->nlmsg_type == RTM_DELQDISC) {
		h->qdiscs++;
	} else {
		h->others++;
	}
	return 0;
}

static bool readable(struct rtnl *r)
{
	struct pollfd p = { .fd = rtnl_fd(r), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void events(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL, *links = NULL, *tc = NULL;
	struct heard h = { 0 };
	uint32_t ifindex;

	(void)state;
	r = opened();
	assert_int_equal(rtnl_events_open(&links, false), 0);
	assert_int_equal(rtnl_events_open(&tc, true), 0);
	assert_false(readable(links));
	assert_int_equal(rtnl_events_read(links, hear, &h), 0);
	assert_int_equal(h.links, 0);

	link_add_ifb(r, "ev0", "x", 1, 0);
	commit_ok(r);
	ifindex = ifindex_of(r, "ev0");
	assert_true(readable(links));
	assert_int_equal(rtnl_events_read(links, hear, &h), 0);
	assert_true(h.links > 0);
	assert_string_equal(h.last, "ev0");
	assert_int_equal(rtnl_events_read(tc, hear, &h), 0);

	qdisc_add_clsact(r, ifindex, 0);
	commit_ok(r);
	assert_false(readable(links));
	h = (struct heard){ 0 };
	assert_int_equal(rtnl_events_read(tc, hear, &h), 0);
	assert_int_equal(h.qdiscs, 1);

	link_del(r, ifindex, 0);
	commit_ok(r);
	h = (struct heard){ 0 };
	assert_int_equal(rtnl_events_read(links, hear, &h), 0);
	assert_string_equal(h.last, "ev0");
}

static int refuse(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return -ECANCELED;
}

/* A receive buffer too small for what happens: said once, and hearing goes on afterwards. */
static void events_lost(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL, *ev = NULL;
	struct heard h = { 0 };
	int small = 1, large = 1 << 20;

	(void)state;
	r = opened();
	assert_int_equal(rtnl_events_open(&ev, true), 0);
	assert_int_equal(setsockopt(rtnl_fd(ev), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < 50; i++) {
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "lost%d", i);
		link_add_ifb(r, name, "x", 1, 0);
	}
	commit_ok(r);
	assert_int_equal(rtnl_events_read(ev, hear, &h), -ENOBUFS);
	assert_true(h.links < 50);
	assert_int_equal(rtnl_events_read(ev, hear, &h), 0);
	assert_int_equal(setsockopt(rtnl_fd(ev), SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof(large)), 0);
	link_del(r, ifindex_of(r, "lost0"), 0);
	commit_ok(r);
	h = (struct heard){ 0 };
	assert_int_equal(rtnl_events_read(ev, hear, &h), 0);
	assert_true(h.links > 0);
	link_del(r, ifindex_of(r, "lost1"), 0);
	commit_ok(r);
	assert_int_equal(rtnl_events_read(ev, refuse, NULL), -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_batch),
		cmocka_unit_test(all_fail),
		cmocka_unit_test(some_fail),
		cmocka_unit_test(failures_beyond_max),
		cmocka_unit_test(counts_what_it_sends),
		cmocka_unit_test(kernel_text),
		cmocka_unit_test(ifb),
		cmocka_unit_test(taps),
		cmocka_unit_test(list),
		cmocka_unit_test(parse_nonsense),
		cmocka_unit_test(dump_ended),
		cmocka_unit_test(events),
		cmocka_unit_test(events_lost),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	return cmocka_run_group_tests_name("rtnl", tests, NULL, NULL);
}
