/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the log says when VMs, and further vNICs of theirs, come and go. */

#include "plan_rig.h"

#include "daemon/reconcile/changes.h"

#include "base/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct scene scene;
static struct plan was;
static struct repairs repairs;

static int set_up(void **state)
{
	uint32_t others;

	(void)state;
	scene_make(&scene);
	add_device(&scene.model, 0, "web", SELECT_VM, "vm0");
	add_device(&scene.model, 0, "all", SELECT_VM, "x*");
	others = add_network(&scene.model, 0, "others");
	scene.model.nodes[others].others = true;
	scene.rig.n_links = 2; /* eth0, tap0 */
	scene.rig.n_nics = 1;
	scene_refresh(&scene);
	make(&scene, &was);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	plan_free(&was);
	scene_free(&scene);
	repairs_free(&repairs);
	return 0;
}

/* The host is as in scene.rig by now. The lines of the log, without what is before a device's name. */
static void expect(const char *want)
{
	char path[] = "/tmp/divvy-changes-XXXXXX", text[2000];
	int fd = mkstemp(path), saved = dup(STDERR_FILENO);
	struct plan now;
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	unlink(path);
	scene_refresh(&scene);
	scene.in.classids = &was.classids;
	make(&scene, &now);
	fflush(stderr);
	dup2(fd, STDERR_FILENO);
	changes_log(&was, &now, &repairs);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	assert_string_equal(text, want);
	plan_free(&was);
	was = now;
}

static void comes_and_goes(void **state)
{
	(void)state;
	expect("");
	/* A second vNIC of the same process. */
	put_link(&scene.rig, 20, "tap8", LINK_TUN);
	put_nic(&scene.rig, "tap8", "vm0", "")->pid = scene.rig.nics[0].pid;
	expect("divvy: web: bound to tap8 (ifindex 20), VM vm0\n");
	/* A VM that fits the pattern, and one that nothing names. */
	put_link(&scene.rig, 21, "tap9", LINK_TUN);
	put_nic(&scene.rig, "tap9", "xen", "");
	put_link(&scene.rig, 22, "tapA", LINK_TUN);
	put_nic(&scene.rig, "tapA", "who", "");
	expect("divvy: all/xen: bound to tap9 (ifindex 21), VM xen\n"
	       "divvy: others/tapA: bound to tapA (ifindex 22), VM who\n");
	expect("");
	scene.rig.n_links = 3;
	scene.rig.n_nics = 2;
	expect("divvy: all: waiting: no VM on this host is like x*\n"
	       "divvy: all/xen: tap9 has gone\n"
	       "divvy: others/tapA: tapA has gone\n");
	scene.rig.n_links = 2;
	scene.rig.n_nics = 1;
	expect("divvy: web: tap8 has gone\n");
	scene.rig.n_nics = 0;
	scene.rig.n_links = 1;
	expect("divvy: web: waiting: no VM vm0 on this host\n");
}

/* A pattern that fits only what another device has stands for nothing: when its first VM comes, nothing has gone. */
static void first_of_a_pattern(void **state)
{
	(void)state;
	add_device(&scene.model, 0, "more", SELECT_VM, "v*");
	plan_free(&was);
	scene_refresh(&scene);
	make(&scene, &was);
	put_link(&scene.rig, 21, "tap9", LINK_TUN);
	put_nic(&scene.rig, "tap9", "vm1", "");
	expect("divvy: more/vm1: bound to tap9 (ifindex 21), VM vm1\n");
}

/* As look.c does: it says so, and the vNIC's filter is held back for a while. */
static void remove_filter(uint32_t ifindex, const struct plan_hold *hold)
{
	assert_int_equal(repairs_removed(&repairs, ifindex), 0);
	scene.in.holds = hold;
	scene.in.n_holds = 1;
}

static void what_comes_back_is_not_told_twice(void **state)
{
	const struct plan_hold hold = { .ifindex = 10, .until_ns = 1, .why = "its tc settings change" };

	(void)state;
	remove_filter(10, &hold);
	expect("");
	scene.in.n_holds = 0;
	expect("");
	/* The same without a removal: a VM is being set up. */
	scene.in.n_holds = 1;
	expect("divvy: web: waiting: tap0 is settling: its tc settings change\n");
	scene.in.n_holds = 0;
	expect("divvy: web: bound to tap0 (ifindex 10), VM vm0\n");
}

/* libvirt removes the qdiscs of a NIC that it unplugs, and plugs one of the same name soon after. */
static void what_is_unplugged_is_told(void **state)
{
	struct plan_hold hold = { .ifindex = 10, .until_ns = 1, .why = "its tc settings change" };

	(void)state;
	remove_filter(10, &hold);
	expect("");
	scene.rig.n_nics = 0;
	scene.rig.n_links = 1;
	scene.in.n_holds = 0;
	expect("divvy: web: waiting: no VM vm0 on this host\n");
	assert_false(repairs_is_removed(&repairs, 10));
	put_link(&scene.rig, 30, "tap0", LINK_TUN);
	put_nic(&scene.rig, "tap0", "vm0", "");
	hold.ifindex = 30;
	scene.in.n_holds = 1;
	expect("");
	scene.in.n_holds = 0;
	expect("divvy: web: bound to tap0 (ifindex 30), VM vm0\n");
	/* At once, and divvyd sees both together. */
	remove_filter(30, &hold);
	expect("");
	scene.rig.n_nics = 0;
	scene.rig.n_links = 1;
	put_link(&scene.rig, 31, "tap0", LINK_TUN);
	put_nic(&scene.rig, "tap0", "vm0", "");
	scene.in.n_holds = 0;
	expect("divvy: web: bound to tap0 (ifindex 31), VM vm0\n");
}

/* Of several vNICs of a device one goes. */
static void one_of_several_is_unplugged(void **state)
{
	const struct plan_hold hold = { .ifindex = 20, .until_ns = 1, .why = "its tc settings change" };

	(void)state;
	put_link(&scene.rig, 20, "tap8", LINK_TUN);
	put_nic(&scene.rig, "tap8", "vm0", "")->pid = scene.rig.nics[0].pid;
	expect("divvy: web: bound to tap8 (ifindex 20), VM vm0\n");
	remove_filter(20, &hold);
	expect("");
	scene.rig.n_links = 2;
	scene.rig.n_nics = 1;
	scene.in.n_holds = 0;
	expect("divvy: web: tap8 has gone\n");
}

/* --- another specification, for watchers -------------------------------------------------------------- */

static char told[2000];

static void on_event(void *arg, const struct event *e, const char *text)
{
	size_t used = strlen(told);

	(void)arg;
	assert_int_equal(e->priority, EVENT_UNLOGGED);
	assert_string_equal(e->uplink, "eth0");
	assert_true(!e->direction == (e->kind == EVENT_WAITING));
	snprintf(told + used, sizeof(told) - used, "%s %s %s%s%s\n", event_names[e->kind], e->device,
		 e->direction && strcmp(e->direction, "rx") == 0 ? "rx " : "", text,
		 e->nic || e->kind == EVENT_WAITING ? "" : " without its vNIC");
}

static void expect_told(const char *want)
{
	struct plan now;

	scene_refresh(&scene);
	scene.in.classids = &was.classids;
	make(&scene, &now);
	told[0] = '\0';
	event_listen(on_event, NULL);
	changes_tell(&was, &now);
	event_listen(NULL, NULL);
	assert_string_equal(told, want);
	plan_free(&was);
	was = now;
}

static void specification_changes(void **state)
{
	(void)state;
	expect_told("");
	put_link(&scene.rig, 20, "tap8", LINK_TUN);
	put_nic(&scene.rig, "tap8", "vm1", "");
	add_device(&scene.model, 0, "db", SELECT_VM, "vm1");
	add_device(&scene.model, 0, "late", SELECT_VM, "vm2");
	expect_told("bind db db: bound to tap8 (ifindex 20), VM vm1\n"
		    "waiting late late: waiting: no VM vm2 on this host\n");
	/* The first device is another one now, with the same vNIC. */
	strcpy(scene.model.nodes[1].name, "www");
	expect_told("unbind web web: tap0 is released\n"
		    "bind www www: bound to tap0 (ifindex 10), VM vm0\n");
	strcpy(scene.model.nodes[1].selector, "vm1");
	strcpy(scene.model.nodes[scene.model.n_nodes - 2].selector, "vm0");
	expect_told("bind db db: bound to tap0 (ifindex 10), VM vm0\n"
		    "bind www www: bound to tap8 (ifindex 20), VM vm1\n");
}

/* What a VM receives is bound, and not, by itself. */
static void what_is_received(void **state)
{
	const struct egress tbf = { .ifindex = 10, .root = 0x10000, .kind = "tbf", .ingress = true };

	(void)state;
	scene.model.nodes[1].rx_mode = RX_SAME;
	expect_told("bind web rx web (rx): what tap0 receives is divided\n");
	expect_told("");
	scene.in.egress = &tbf;
	scene.in.n_egress = 1;
	expect_told("not-divided web rx web (rx): what tap0 receives is not divided: no place for divvy's filter: the root qdisc of tap0, "
		    "tbf, takes no filters, and no clsact can stand beside its ingress; tc qdisc del dev tap0 root makes room\n");
	expect_told("");
	scene.in.n_egress = 0;
	expect_told("bind web rx web (rx): what tap0 receives is divided\n");
	scene.model.nodes[1].rx_mode = RX_NONE;
	expect_told("unbind web rx web (rx): what tap0 receives is no longer divided\n");
	scene.model.nodes[1].rx_mode = RX_SAME;
	expect_told("bind web rx web (rx): what tap0 receives is divided\n");
	strcpy(scene.model.nodes[1].name, "www");
	expect_told("unbind web rx web (rx): what tap0 receives is no longer divided\n"
		    "unbind web web: tap0 is released\n"
		    "bind www www: bound to tap0 (ifindex 10), VM vm0\n"
		    "bind www rx www (rx): what tap0 receives is divided\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_and_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(first_of_a_pattern, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_comes_back_is_not_told_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_unplugged_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_of_several_is_unplugged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(specification_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_received, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
