/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The lab's network, made with ip, tc, nft and ethtool. topo.h has the map; a topo_keeper takes it down. */

#include "topo.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {
	[TOPO_BRIDGE] = "bridge",
	[TOPO_BR_NETFILTER] = "br_netfilter",
	[TOPO_ROUTED] = "routed",
};

int topo_kind_from_name(const char *name, enum topo_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i], name) == 0) {
			*ret = (enum topo_kind)i;
			return 0;
		}
	return -EINVAL;
}

const char *topo_kind_name(enum topo_kind kind)
{
	return kinds[kind];
}

/* --- a script for ip -batch --- */

struct script {
	FILE *f;
	char *text;
	size_t size;
};

static void script_free(struct script *s)
{
	if (s->f)
		fclose(s->f);
	free(s->text);
}

/* Add lines. Without memory script_run() fails. */
__attribute__((format(printf, 2, 3))) static void script_add(struct script *s, const char *fmt, ...)
{
	va_list ap;

	if (!s->f)
		s->f = open_memstream(&s->text, &s->size);
	if (!s->f)
		return;
	va_start(ap, fmt);
	vfprintf(s->f, fmt, ap);
	va_end(ap);
}

static int script_run(struct script *s, const char *netns, struct errtext *e)
{
	const char *argv[] = { "ip", "-batch", "-", NULL };
	bool broken = !s->f || ferror(s->f);

	if (s->f)
		fclose(TAKE_PTR(s->f));
	return broken || !s->text ? errtext_set(e, -ENOMEM, "out of memory") : proc_runv(netns, argv, s->text, NULL, e);
}

/* --- what is where --- */

static void plan_vm(struct topo *t, unsigned i, pid_t pid)
{
	struct topo_vm *v = &t->vm[i];

	snprintf(v->tap, sizeof(v->tap), "dvl%dt%u", pid, i);
	if (t->config.port[i] == TOPO_VETH)
		snprintf(v->netns, sizeof(v->netns), "dvl%d-vm%u", pid, i);
	else
		memcpy(v->netns, t->host, sizeof(v->netns));
	snprintf(v->mac, sizeof(v->mac), "52:54:00:76:00:%02x", i + 1);
	if (t->config.kind == TOPO_ROUTED) {
		snprintf(v->address, sizeof(v->address), "10.78.%u.2/24", i + 1);
		snprintf(v->gateway, sizeof(v->gateway), "10.78.%u.1", i + 1);
	} else {
		snprintf(v->address, sizeof(v->address), "10.77.1.%u/16", i + 1);
	}
	snprintf(v->server, sizeof(v->server), "10.77.2.%u", i + 1);
	snprintf(v->server_netns, sizeof(v->server_netns), "dvl%d-srv%u", pid, i);
	snprintf(v->server_mac, sizeof(v->server_mac), "02:76:00:00:00:%02x", i + 1);
}

static void plan(struct topo *t, const struct topo_config *c)
{
	pid_t pid = getpid();

	*t = (struct topo){ .config = *c };
	snprintf(t->host, sizeof(t->host), "dvl%d-host", pid);
	snprintf(t->wire, sizeof(t->wire), "dvl%d-wire", pid);
	snprintf(t->sw, sizeof(t->sw), "dvl%d-switch", pid);
	strcpy(t->uplink, "up0");
	strcpy(t->bridge, c->kind == TOPO_ROUTED ? "" : "br0");
	strcpy(t->wire_out, "w1");
	strcpy(t->meter_if, "s0");
	for (unsigned i = 0; i < c->vms; i++)
		plan_vm(t, i, pid);
}

/* --- building --- */

static int set(const char *netns, const char *path, const char *value, struct errtext *e)
{
	int r = proc_write_ns(netns, path, value);

	return r < 0 ? errtext_set(e, r, "cannot set %s to %s in %s: %s", path, value, netns, strerror(-r)) : 0;
}

/* No IPv6 chatter. Bridges call no netfilter unless the topology asks: on a host with Docker they would. */
static int add_netns(const char *netns, struct errtext *e)
{
	static const struct {
		const char *path, *value;
	} quiet[] = {
		{ "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1" },
		{ "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1" },
		{ "/proc/sys/net/bridge/bridge-nf-call-iptables", "0" },
		{ "/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0" },
		{ "/proc/sys/net/bridge/bridge-nf-call-arptables", "0" },
	};
	int r = proc_run(NULL, NULL, e, "ip netns add %s", netns);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(quiet); i++) {
		r = set(netns, quiet[i].path, quiet[i].value, e);
		r = r == -ENOENT ? 0 : r; /* the kernel lacks what it would quiet */
	}
	return r == 0 ? proc_run(netns, NULL, e, "ip link set lo up") : r;
}

static int add_namespaces(struct topo *t, struct errtext *e)
{
	const char *const names[] = { t->host, t->wire, t->sw };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int r = add_netns(names[i], e);

		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < t->config.vms; i++) {
		int r = add_netns(t->vm[i].server_netns, e);

		if (r == 0 && t->config.port[i] == TOPO_VETH)
			r = add_netns(t->vm[i].netns, e);
		if (r < 0)
			return r;
	}
	return 0;
}

#define NO_SEGMENTATION "ethtool -K %s tso off gso off tx-udp-segmentation off"
#define BRIDGE "type bridge stp_state 0 forward_delay 0 mcast_snooping 0"

static int build_wire(struct topo *t, struct errtext *e)
{
	_cleanup_(script_free) struct script s = { 0 };
	int r;

	script_add(&s, "link add brw " BRIDGE "\n");
	script_add(&s, "link add w0 type veth peer name up0 netns %s\n", t->host);
	script_add(&s, "link add w1 type veth peer name s0 netns %s\n", t->sw);
	script_add(&s, "link set w0 master brw up\nlink set w1 master brw up\nlink set brw up\n");
	r = script_run(&s, t->wire, e);
	if (r < 0)
		return r;
	/* Behind the wire, on both of its sides, a GSO packet has become its frames. */
	r = proc_run(t->wire, NULL, e, NO_SEGMENTATION, t->wire_out);
	if (r == 0)
		r = proc_run(t->sw, NULL, e, NO_SEGMENTATION, t->meter_if);
	return r == 0 && t->config.wire_bps > 0 ? topo_set_wire(t, t->config.wire_bps, e) : r;
}

static int build_servers(struct topo *t, struct errtext *e)
{
	_cleanup_(script_free) struct script s = { 0 };
	int r;

	script_add(&s, "link add brs " BRIDGE "\nlink set s0 master brs up\nlink set brs up\n");
	for (unsigned i = 0; i < t->config.vms; i++) {
		script_add(&s, "link add p%u type veth peer name eth0 address %s netns %s\n", i, t->vm[i].server_mac,
			   t->vm[i].server_netns);
		script_add(&s, "link set p%u master brs up\n", i);
	}
	r = script_run(&s, t->sw, e);
	for (unsigned i = 0; r == 0 && i < t->config.vms; i++) {
		_cleanup_(script_free) struct script srv = { 0 };

		script_add(&srv, "addr add %s/16 dev eth0\nlink set eth0 up\n", t->vm[i].server);
		r = script_run(&srv, t->vm[i].server_netns, e);
	}
	return r;
}

/* One end of a VM's device, on the host's side. */
static void build_port(const struct topo *t, unsigned i, struct script *s)
{
	const struct topo_vm *v = &t->vm[i];

	if (t->config.port[i] == TOPO_VETH)
		script_add(s, "link add %s type veth peer name eth0 address %s netns %s\n", v->tap, v->mac, v->netns);
	else
		script_add(s, "tuntap add dev %s mode tap%s\n", v->tap, t->config.queues > 1 ? " multi_queue" : "");
	if (t->config.kind == TOPO_ROUTED)
		script_add(s, "addr add %s/24 dev %s\n", v->gateway, v->tap);
	else
		script_add(s, "link set %s master br0\n", v->tap);
	script_add(s, "link set %s up\n", v->tap);
}

/* A container finds its network as a guest's init makes it. */
static int build_containers(struct topo *t, struct errtext *e)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < t->config.vms; i++) {
		_cleanup_(script_free) struct script s = { 0 };
		const struct topo_vm *v = &t->vm[i];

		if (t->config.port[i] != TOPO_VETH)
			continue;
		script_add(&s, "addr add %s dev eth0\nlink set eth0 up\n", v->address);
		if (v->gateway[0])
			script_add(&s, "route add default via %s\n", v->gateway);
		r = script_run(&s, v->netns, e);
	}
	return r;
}

static int build_host(struct topo *t, struct errtext *e)
{
	const bool routed = t->config.kind == TOPO_ROUTED;
	_cleanup_(script_free) struct script s = { 0 };
	int r;

	if (routed)
		script_add(&s, "addr add 10.77.0.1/16 dev up0\nlink set up0 up\n");
	else
		script_add(&s, "link add br0 " BRIDGE "\nlink set up0 master br0 up\nlink set br0 up\n");
	for (unsigned i = 0; i < t->config.vms; i++)
		if (t->config.port[i] != TOPO_FOREIGN)
			build_port(t, i, &s);
	r = script_run(&s, t->host, e);
	return r == 0 ? build_containers(t, e) : r;
}

static int filter_host(struct topo *t, struct errtext *e)
{
	const char *argv[] = { "nft", "-f", "-", NULL };
	int r;

	switch (t->config.kind) {
	case TOPO_BRIDGE:
		return 0;
	case TOPO_BR_NETFILTER:
		r = proc_write_ns(t->host, "/proc/sys/net/bridge/bridge-nf-call-iptables", "1");
		if (r < 0)
			return errtext_set(e, r, "no br_netfilter in this kernel (modprobe br_netfilter): %s",
					   strerror(-r));
		return proc_runv(t->host, argv,
				 "table ip dvl {\n chain forward {\n"
				 "  type filter hook forward priority 0; policy accept;\n  counter\n }\n}\n",
				 NULL, e);
	case TOPO_ROUTED:
		r = set(t->host, "/proc/sys/net/ipv4/ip_forward", "1", e);
		if (r < 0)
			return r;
		return proc_runv(t->host, argv,
				 "table ip dvl {\n chain post {\n"
				 "  type nat hook postrouting priority 100;\n"
				 "  ip saddr 10.78.0.0/16 oifname \"up0\" masquerade\n }\n}\n",
				 NULL, e);
	}
	return -EINVAL;
}

static const struct topo_keeper *keeper;

void topo_set_keeper(const struct topo_keeper *k)
{
	keeper = k;
}

int topo_up(struct topo *t, const struct topo_config *c, struct errtext *e)
{
	int r;

	if (c->vms < 1 || c->vms > TOPO_VMS_MAX)
		return errtext_set(e, -EINVAL, "a lab has 1 to %d VMs, not %u", TOPO_VMS_MAX, c->vms);
	if (geteuid() != 0)
		return errtext_set(e, -EPERM, "the lab makes network namespaces: run it as root");
	if (!keeper)
		return errtext_set(e, -EINVAL, "nothing would take the network down: topo_set_keeper()");
	plan(t, c);
	r = keeper->start(&t->janitor);
	if (r < 0)
		return errtext_set(e, r, "cannot start the lab's janitor: %s", strerror(-r));
	r = add_namespaces(t, e);
	if (r == 0)
		r = build_wire(t, e);
	if (r == 0)
		r = build_servers(t, e);
	if (r == 0)
		r = build_host(t, e);
	if (r == 0)
		r = filter_host(t, e);
	if (r == 0 && proc_interrupted())
		r = errtext_set(e, -EINTR, "interrupted");
	if (r < 0)
		topo_down(t);
	return r;
}

void topo_down(struct topo *t)
{
	if (t->janitor > 0) {
		keeper->remove(getpid());
		keeper->stop(t->janitor);
	}
	*t = (struct topo){ 0 };
}

/* --- the wire --- */

/*
 * The bucket has to cover the time that the timer and softirq of a busy host may be late, or capacity is
 * lost for ever: 4 ms of the rate, two full frames at least.
 */
static int set_end(const struct topo *t, const char *netns, const char *dev, uint64_t bps, uint64_t *present,
		   struct errtext *e)
{
	uint64_t bytes_ps = bps / 8, burst = bytes_ps / 250, queue = t->config.wire_queue;
	int r = 0;

	if (burst < 3028)
		burst = 3028;
	if (queue == 0)
		queue = bytes_ps / 20 > 131072 ? bytes_ps / 20 : 131072;
	if (bps > 0)
		r = proc_run(netns, NULL, e,
			     "tc qdisc replace dev %s root handle 1: tbf rate %" PRIu64 "bit burst %" PRIu64
			     "b limit %" PRIu64 "b", dev, bps, burst, queue);
	else if (*present > 0)
		r = proc_run(netns, NULL, e, "tc qdisc del dev %s root", dev);
	if (r == 0)
		*present = bps;
	return r;
}

int topo_set_wire(struct topo *t, uint64_t wire_bps, struct errtext *e)
{
	int r = set_end(t, t->wire, t->wire_out, wire_bps, &t->limit[0], e);

	if (r == 0)
		r = set_end(t, t->sw, t->meter_if, t->config.both_ways ? wire_bps : 0, &t->limit[1], e);
	if (r == 0)
		t->config.wire_bps = wire_bps;
	return r;
}

int topo_wire_drops(const struct topo *t, uint64_t *packets)
{
	_cleanup_free_ char *out = NULL;
	const char *p;
	uint64_t n;
	int r;

	if (t->config.wire_bps == 0) {
		*packets = 0;
		return 0;
	}
	r = proc_run(t->wire, &out, NULL, "tc -s qdisc show dev %s root", t->wire_out);
	if (r < 0)
		return r;
	p = strstr(out, "(dropped ");
	if (!p || sscanf(p, "(dropped %" SCNu64, &n) != 1)
		return -EBADMSG;
	*packets = n;
	return 0;
}
