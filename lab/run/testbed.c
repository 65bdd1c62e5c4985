/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "testbed.h"

#include "lab/net/handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define BOOT_TIMEOUT_MS 90000

static void say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

/* Whatever makes one set of VMs differ from another. */
static void describe(const struct scenario *s, char *out, size_t size)
{
	int n = snprintf(out, size, "%s, pin %u%s", topo_kind_name(s->topology), s->pin,
			 s->pin_devices ? " CPUs" : "");

	for (size_t i = 0; i < s->n_guests && n > 0 && (size_t)n < size; i++)
		n += snprintf(out + n, size - (size_t)n, " %.24s/%s/%s/%s", s->vms[i].name,
			      vm_kind_name(s->vms[i].kind), vm_nic_name(s->vms[i].nic),
			      vm_qdisc_name(s->vms[i].qdisc));
}

static bool fits(const struct testbed *t, const struct scenario *s)
{
	char wanted[sizeof(t->fingerprint)];
	size_t n;

	if (t->n_vms < s->n_guests)
		return false;
	describe(s, wanted, sizeof(wanted));
	n = strlen(wanted);
	/* Further VMs that have nothing to send do no harm. */
	if (strncmp(t->fingerprint, wanted, n) != 0 || (t->fingerprint[n] && t->fingerprint[n] != ' '))
		return false;
	for (size_t i = 0; i < t->n_vms; i++)
		if (!vm_alive(t->vm[i]))
			return false;
	return true;
}

static int up_network(struct testbed *t, const struct scenario *s, struct errtext *e)
{
	struct topo_config config = {
		.kind = s->topology,
		.vms = (unsigned)s->n_guests,
		.wire_bps = rate_bits(s->wire),
		.wire_queue = s->queue,
		.both_ways = s->rx,
	};
	int r;

	for (size_t i = 0; i < s->n_guests; i++)
		config.port[i] = vm_port(s->vms[i].kind);
	r = topo_up(&t->topo, &config, e);
	if (r < 0)
		return r;
	r = handover_install(&t->topo);
	return r < 0 ? errtext_set(e, r, "the wire: %s", strerror(-r)) : 0;
}

static int up_vm(struct testbed *t, const struct scenario *s, size_t i, struct errtext *e)
{
	const struct topo_vm *at = &t->topo.vm[i];
	struct vm_config c = {
		.kind = s->vms[i].kind,
		.image = &t->image,
		.accel = t->accel,
		.name = s->vms[i].name,
		.netns = at->netns,
		.tap = at->tap,
		.bridge = t->topo.bridge[0] ? t->topo.bridge : NULL,
		.nic = s->vms[i].nic,
		.qdisc = s->vms[i].qdisc,
		.pin = s->pin > 0,
		.core = s->pin ? (unsigned)i % s->pin : 0,
		.pin_devices = s->pin_devices,
		.device_core = s->pin,
		.mac = at->mac,
		.address = at->address,
		.gateway = at->gateway[0] ? at->gateway : NULL,
	};

	return vm_start(&t->vm[i], &c, e);
}

/* Seconds. */
static double longest_boot(const struct testbed *t)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < t->n_vms; i++)
		if (vm_boot_ns(t->vm[i]) > ns)
			ns = vm_boot_ns(t->vm[i]);
	return (double)ns / 1e9;
}

static int up_vms(struct testbed *t, const struct scenario *s, struct errtext *e)
{
	int r = 0;

	for (t->n_vms = 0; r == 0 && t->n_vms < s->n_guests; t->n_vms++)
		r = up_vm(t, s, t->n_vms, e);
	if (r == 0)
		r = vm_wait_ready(t->vm, t->n_vms, BOOT_TIMEOUT_MS, e);
	if (r < 0)
		return r;
	if (t->accel == ACCEL_NONE)
		printf("%zu containers are up (Linux %s)\n", t->n_vms, t->image.release);
	else
		printf("%zu VMs are up after %.1f s (Linux %s, QEMU with %s: %s)\n", t->n_vms,
		       longest_boot(t), t->image.release, accel_name(t->accel), t->accel_why);
	fflush(stdout);
	return 0;
}

/* What the VMs are made of; the host's kernel is all that containers need. */
static int get_image(struct testbed *t, const struct scenario *s, struct errtext *e)
{
	bool generic = false, any = false;
	struct utsname u;
	int r;

	for (size_t i = 0; i < s->n_guests; i++) {
		any |= vm_port(s->vms[i].kind) != TOPO_VETH;
		generic |= vm_nic_needs_generic(s->vms[i].nic);
	}
	if (!any) {
		uname(&u);
		t->image = (struct image){};
		snprintf(t->image.release, sizeof(t->image.release), "%s", u.release);
		t->accel = ACCEL_NONE;
		snprintf(t->accel_why, sizeof(t->accel_why), "containers only");
		return 0;
	}
	r = generic ? image_ensure_generic(&t->image, say, e) : image_ensure(&t->image, say, e);
	return r == 0 ? accel_probe(&t->image, &t->accel, t->accel_why, say, e) : r;
}

int testbed_prepare(struct testbed *t, const struct scenario *s, struct errtext *e)
{
	int r;

	if (fits(t, s)) {
		t->topo.config.wire_queue = s->queue;
		t->topo.config.both_ways = s->rx;
		r = topo_set_wire(&t->topo, rate_bits(s->wire), e);
		if (r < 0)
			testbed_down(t);
		return r;
	}
	testbed_down(t);
	r = get_image(t, s, e);
	if (r == 0)
		r = up_network(t, s, e);
	if (r == 0)
		r = up_vms(t, s, e);
	if (r < 0)
		testbed_down(t);
	else
		describe(s, t->fingerprint, sizeof(t->fingerprint));
	return r;
}

void testbed_down(struct testbed *t)
{
	for (size_t i = 0; i < TOPO_VMS_MAX; i++)
		t->vm[i] = vm_stop(t->vm[i]);
	t->n_vms = 0;
	t->fingerprint[0] = 0;
	topo_down(&t->topo);
}
