/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The lab's network. Everything lives in network namespaces named dvl<pid>-*; the machine's own links,
 * addresses, rules and sysctls are not touched.
 *
 *   dvl<pid>-host                    dvl<pid>-wire              dvl<pid>-switch             dvl<pid>-srv<i>
 *   tap0 --+                                                                     +-- p0 --- eth0 10.77.2.1
 *   tap1 --+- br0 -- up0 ----------- w0 - brw - w1 ----------- s0 ---- brs ------+-- p1 --- eth0 10.77.2.2
 *   (bridge, or routed + NAT)               TBF on w1 = capacity                 +-- p2 ...
 *
 *   A container's device is a veth in the tap's place; its other end is eth0 in dvl<pid>-vm<i>.
 *   up0   the host's uplink: what divvy is told to divide. It offloads segmentation, as a NIC does.
 *   w1    the wire's capacity towards the servers: a plain TBF that divvy knows nothing of. All segmentation
 *         offloads of w1 are off, so behind it every packet is a frame of at most the MTU.
 *   s0    the servers' side of the wire, where the lab's meter sits (tc ingress): real frames, in order.
 *   Towards the VMs the same holds of s0, which has a limit where the config says so.
 *
 * VM i (from 0) talks to server i only, so the server tells VMs apart even behind NAT.
 */

#include "lab/proc/proc.h"

#include <net/if.h>

#define TOPO_VMS_MAX 32
#define TOPO_NETNS_SIZE 32

enum topo_kind {
	TOPO_BRIDGE,       /* taps on a bridge, up0 its port */
	TOPO_BR_NETFILTER, /* the same with net.bridge.bridge-nf-call-iptables=1 and an nft forward chain */
	TOPO_ROUTED,       /* each tap a subnet of its own; the host routes and masquerades (nft) */
};
/* "bridge", "br_netfilter", "routed"; -EINVAL */
int topo_kind_from_name(const char *name, enum topo_kind *ret);
const char *topo_kind_name(enum topo_kind kind);

/* What a VM's device is to be. */
enum topo_port {
	TOPO_TAP,  /* a tap that the lab makes, for a VMM to open */
	/* a container's: a veth into a namespace of its own, where its address and route are set */
	TOPO_VETH,
	TOPO_FOREIGN, /* a tap that another program makes, under the planned name, and connects */
};

struct topo_config {
	enum topo_kind kind;
	enum topo_port port[TOPO_VMS_MAX];
	unsigned vms;        /* 1..TOPO_VMS_MAX */
	unsigned queues;     /* queues a tap can have; 0 or 1: one */
	uint64_t wire_bps;   /* capacity in bit/s of L2 frames, 0: no limit */
	uint64_t wire_queue; /* bytes the wire holds before it drops; 0: 50 ms of wire_bps, >= 128 KiB */
	bool both_ways;      /* the wire has the capacity towards the VMs, too */
};

struct topo_vm {
	char tap[IFNAMSIZ];          /* "dvl<pid>t<i>", in the host namespace, up; also if it is a veth */
	char netns[TOPO_NETNS_SIZE]; /* where the VM runs: host; a container: its own */
	char mac[18];                /* of the guest's NIC */
	char address[20];            /* with prefix length: for vm_config */
	char gateway[16];            /* "" on a bridge */
	char server[16];             /* its server's address, to send to */
	char server_netns[TOPO_NETNS_SIZE];
	char server_mac[18];         /* "02:..", destination of its frames at the meter in every topology */
};

struct topo {
	struct topo_config config;
	char host[TOPO_NETNS_SIZE];  /* namespace of VMs, taps, divvyd */
	char wire[TOPO_NETNS_SIZE];
	char sw[TOPO_NETNS_SIZE];
	char uplink[IFNAMSIZ];       /* "up0" in host */
	char bridge[IFNAMSIZ];       /* "br0" in host; "" if it routes */
	char wire_out[IFNAMSIZ];     /* "w1" in wire: the TBF's interface */
	char meter_if[IFNAMSIZ];     /* "s0" in sw: attach the meter at its tc ingress */
	struct topo_vm vm[TOPO_VMS_MAX];
	uint64_t limit[2]; /* topo.c's: of the wire towards servers, towards VMs, in force, bit/s; 0: none */
	int janitor; /* topo.c's: the pipe that tells the janitor of the lab's end; 0: none */
};

/* Who takes the network down: a room above, which knows what else a run leaves. */
struct topo_keeper {
	/* A janitor, which removes it should the lab die. stop(fd) tells it that all is done. 0 or negative errno. */
	int (*start)(int *fd);
	void (*stop)(int fd);
	/* Remove all namespaces of this run, killing what is in them. */
	int (*remove)(pid_t run);
};
/* Once, before the first topo_up(). */
void topo_set_keeper(const struct topo_keeper *k);

/*
 * Build it. From here until topo_down() a janitor process waits on a pipe: if the lab dies without
 * topo_down(), even by SIGKILL, it removes the namespaces. 0, or negative errno with a text, and nothing
 * left behind.
 */
int topo_up(struct topo *t, const struct topo_config *c, struct errtext *e);
/* Kill what still runs in it, and remove it. Safe on a zeroed *t, and twice. */
void topo_down(struct topo *t);

/* Change the wire while it carries traffic; 0: no limit. Queued packets are kept between limits. */
int topo_set_wire(struct topo *t, uint64_t wire_bps, struct errtext *e);
/* Drops of the wire's queue towards the servers since it was made, packets; 0 without limit. */
int topo_wire_drops(const struct topo *t, uint64_t *packets);
