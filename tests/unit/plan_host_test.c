/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Links that come, change and go, against a plain table of all ifindexes; and what counts as a change. */

#include "plan_rig.h"

#define IFINDEXES 40

/* --- links against a table ---------------------------------------------------------------------- */

static struct link some_link(uint32_t ifindex)
{
	struct link l = { .ifindex = ifindex,
			  .kind = (enum link_kind)rnd_below(3),
			  .carrier = one_in(2),
			  .queues = 1 + rnd_below(2),
			  .mtu = rnd_below(2),
			  .xdp = rnd_below(2) };

	snprintf(l.name, sizeof(l.name), "tap%u", rnd_below(3));
	return l;
}

static bool same(const struct link *a, const struct link *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->carrier == b->carrier &&
	       a->queues == b->queues;
}

/* One event at random; it has to say what the table says. */
static void one_event(struct host *h, struct link *table, bool *there)
{
	uint32_t ifindex = 1 + rnd_below(IFINDEXES);
	struct link l = some_link(ifindex);
	enum host_change want;

	if (one_in(3)) {
		want = there[ifindex] ? HOST_GONE : HOST_SAME;
		assert_int_equal(host_drop_link(h, ifindex), want);
		there[ifindex] = false;
		return;
	}
	struct link most = l; /* the most queues so far count */

	if (there[ifindex] && table[ifindex].queues > l.queues)
		most.queues = table[ifindex].queues;
	want = there[ifindex] && same(&table[ifindex], &most) ? HOST_SAME : HOST_CHANGED;
	assert_int_equal(host_put_link(h, &l), want);
	l = most;
	there[ifindex] = true;
	table[ifindex] = l;
}

static void check_links(const struct host *h, const struct link *table, const bool *there)
{
	size_t n = 0, n_xdp = 0;

	for (uint32_t i = 0; i <= IFINDEXES + 1; i++) {
		const struct link *l = host_link(h, i);
		bool want = i <= IFINDEXES && there[i];

		assert_int_equal(l != NULL, want);
		if (!want)
			continue;
		assert_int_equal(l->ifindex, i);
		assert_true(same(l, &table[i]));
		assert_int_equal(l->mtu, table[i].mtu); /* taken in, although it is no change */
		n++;
		n_xdp += table[i].xdp != 0;
	}
	assert_int_equal(h->n_links, n);
	assert_int_equal(h->n_xdp, n_xdp);
	for (size_t i = 1; i < h->n_links; i++)
		assert_true(h->links[i - 1].ifindex < h->links[i].ifindex);
}

static void links_come_and_go(void **state)
{
	struct link table[IFINDEXES + 1] = { 0 };
	bool there[IFINDEXES + 1] = { false };
	struct host h = { 0 };

	(void)state;
	for (int step = 0; step < 5000; step++) {
		one_event(&h, table, there);
		check_links(&h, table, there);
	}
	host_free(&h);
	assert_int_equal(h.n_links, 0);
	assert_null(host_link(&h, 1));
}

/* A dump takes the place of all that was known. */
static void a_dump_in_any_order(void **state)
{
	struct host h = { 0 };

	(void)state;
	for (int trial = 0; trial < 300; trial++) {
		struct link table[IFINDEXES + 1] = { 0 }, *dump = calloc(IFINDEXES, sizeof(*dump));
		bool there[IFINDEXES + 1] = { false };
		size_t n = 0;

		assert_non_null(dump);
		for (uint32_t i = 1; i <= IFINDEXES; i++) {
			there[i] = one_in(2);
			if (there[i])
				dump[n++] = table[i] = some_link(i);
		}
		shuffle(dump, n, sizeof(*dump));
		host_set_links(&h, dump, n);
		check_links(&h, table, there);
		one_event(&h, table, there);
		check_links(&h, table, there);
	}
	host_free(&h);
}

static void what_changes_a_link(void **state)
{
	static const struct link first = {
		.ifindex = 3, .name = "tap0", .kind = LINK_TUN, .tap = true, .queues = 1, .gso_max = 65536
	};
	struct host h = { 0 };

	(void)state;
	for (int what = 0; what < 12; what++) {
		struct link l = first;

		host_put_link(&h, &first);
		switch (what) {
		case 0:
			strcpy(l.name, "tap1");
			break;
		case 1:
			l.kind = LINK_VETH;
			break;
		case 2:
			l.tap = false;
			break;
		case 3:
			l.carrier = true;
			break;
		case 4:
			l.up = true;
			break;
		case 5:
			l.queues = 2;
			break;
		case 6:
			l.gso_max = 32768;
			break;
		case 7:
			l.mac[5] = 1;
			break;
		case 8: /* by which device packets leave first */
			l.master = 7;
			break;
		/* No share depends on these. */
		case 9:
			l.mtu = 9000;
			break;
		case 10:
			l.txqlen = 500;
			break;
		default:
			strcpy(l.alias, "someone's");
		}
		assert_int_equal(host_put_link(&h, &l), what < 9 ? HOST_CHANGED : HOST_SAME);
		assert_int_equal(host_put_link(&h, &l), HOST_SAME);
		assert_int_equal(h.n_links, 1);
	}
	host_free(&h);
}

/* --- vNICs -------------------------------------------------------------------------------------- */

/* As a look at /proc gives them: one entry a tap, in any order. */
static bool set_nics(struct host *h, const struct vmm_nic *nics, size_t n)
{
	struct vmm_nic *list = calloc(n + 1, sizeof(*list));

	assert_non_null(list);
	if (n)
		memcpy(list, nics, n * sizeof(*list));
	shuffle(list, n, sizeof(*list));
	return host_set_nics(h, list, n);
}

/* A guest that uses one queue and four in turn changes nothing after the first time. */
static void queues_in_turn(void **state)
{
	struct link l = { .ifindex = 3, .name = "tap0", .kind = LINK_TUN, .tap = true, .queues = 1 };
	struct host h = { 0 };

	(void)state;
	assert_int_equal(host_put_link(&h, &l), HOST_CHANGED);
	l.queues = 4;
	assert_int_equal(host_put_link(&h, &l), HOST_CHANGED);
	for (int i = 0; i < 4; i++) {
		l.queues = i % 2 ? 4 : 1;
		assert_int_equal(host_put_link(&h, &l), HOST_SAME);
	}
	l.queues = 5;
	assert_int_equal(host_put_link(&h, &l), HOST_CHANGED);
	host_free(&h);
}

static void nics_are_found_by_tap(void **state)
{
	struct host h = { 0 };

	(void)state;
	assert_null(host_nic(&h, "tap0"));
	for (int trial = 0; trial < 500; trial++) {
		struct rig_host r = { 0 };
		size_t found = 0;

		random_nics(&r);
		set_nics(&h, r.nics, r.n_nics);
		assert_false(set_nics(&h, r.nics, r.n_nics)); /* another order is no change */
		for (size_t i = 0; i < RIG_LINKS; i++) {
			const struct vmm_nic *nic = host_nic(&h, rig_names[i]);

			for (size_t k = 0; k < r.n_nics; k++) {
				if (strcmp(r.nics[k].tap, rig_names[i]) != 0)
					continue;
				assert_non_null(nic);
				assert_memory_equal(nic, &r.nics[k], sizeof(*nic));
			}
			found += nic != NULL;
		}
		assert_int_equal(found, r.n_nics);
	}
	host_free(&h);
	assert_null(host_nic(&h, "tap0"));
}

static void what_changes_a_nic(void **state)
{
	struct rig_host r = { 0 };
	struct host h = { 0 };

	(void)state;
	put_nic(&r, "tap0", "web", "52:54:00:00:00:01");
	put_nic(&r, "tap1", "db", "");
	assert_true(set_nics(&h, r.nics, 2));
	for (int what = 0; what < 9; what++) {
		struct rig_host now = r;
		struct vmm_nic *nic = &now.nics[(what + 1) % 2];

		assert_false(set_nics(&h, r.nics, 2));
		switch (what) {
		case 0:
			strcpy(nic->tap, "tap2");
			break;
		case 1:
			nic->pid++;
			break;
		case 2:
			nic->start_time++; /* a pid that is used again */
			break;
		case 3:
			strcpy(nic->vmm, "kvmtool");
			break;
		case 4:
			strcpy(nic->vm, "mail");
			break;
		case 5:
			strcpy(nic->mac, "52:54:00:00:00:02");
			break;
		case 6:
			nic->queues = 4;
			break;
		case 7:
			nic->waits = VMM_WAITS_NO;
			break;
		default:
			now.n_nics = 1;
		}
		assert_true(set_nics(&h, now.nics, now.n_nics));
		assert_true(set_nics(&h, r.nics, 2));
	}
	assert_true(set_nics(&h, NULL, 0));
	assert_false(set_nics(&h, NULL, 0));
	host_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_come_and_go),
		cmocka_unit_test(a_dump_in_any_order),
		cmocka_unit_test(what_changes_a_link), cmocka_unit_test(queues_in_turn),
		cmocka_unit_test(nics_are_found_by_tap),
		cmocka_unit_test(what_changes_a_nic),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
