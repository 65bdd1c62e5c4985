/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The model of a specification: a forest of uplinks, networks and devices, and how they are scheduled. Pure
 * data: no file, no socket, no clock.
 */

#include "types.h"

#include <stddef.h>

/* Including the final NUL. */
#define MODEL_NAME_SIZE 64
/* A VM's name is the longest: KubeVirt's NAMESPACE_NAME has up to 127 bytes. Including the final NUL. */
#define MODEL_SELECTOR_SIZE 128
/* Networks in networks, below an uplink: HTB has 8 levels, and the uplink and the device take one each. */
#define MODEL_NETWORKS_DEEP 5
/* "network/network/device/instance", including the final NUL. */
#define MODEL_FULL_NAME_SIZE ((MODEL_NETWORKS_DEEP + 1) * MODEL_NAME_SIZE + MODEL_SELECTOR_SIZE)
/* A node is an HTB class, and a class's number has 16 bits: 1..0xfffe, some of which divvy keeps. */
#define MODEL_NODES_MAX 60000U
/*
 * Devices and networks of one uplink: each device's queue has a handle of its own, and an interface has 32,768 of those
 * that the kernel chooses (qdisc_alloc_handle(), net/sched/sch_api.c). A round number below that.
 */
#define MODEL_UPLINK_NODES_MAX 32000U
#define NODE_NONE UINT32_MAX

/*
 * Bytes that a port spends on each frame beside the frame: preamble and start delimiter (8), FCS (4),
 * interframe gap (12). IEEE 802.3, clauses 3 and 4.
 */
#define MODEL_OVERHEAD_DEFAULT 24

enum node_kind {
	NODE_UPLINK,
	NODE_NETWORK,
	NODE_DEVICE,
};

/* How a device is recognised on the host. */
enum selector_kind {
	SELECT_NIC, /* interface name */
	SELECT_VM,  /* name of the VM behind it */
	SELECT_MAC, /* the guest's MAC address, "52:54:00:aa:bb:cc", lower case */
	SELECT_CONTAINER, /* a pid, a cgroup, or the name of a network namespace (kernel/vmm/container.h) */
};
#define N_SELECTORS (SELECT_CONTAINER + 1)

/* What a device is whose selector is a pattern. */
enum device_as {
	AS_EACH, /* each match is an instance with the device's share, limit and other settings */
	AS_ONE,  /* all matches together are the device */
};

enum backpressure_mode {
	BACKPRESSURE_AUTO, /* on if the VMM is known to wait when the tap's send buffer is full */
	BACKPRESSURE_ON,
	BACKPRESSURE_OFF,
};

/* Where divvy's filter stands among those of others at the vNIC. */
enum hook_place {
	PLACE_LAST,  /* packets meet others' first */
	PLACE_FIRST, /* packets that divvy divides pass others' by */
	PLACE_TCX,   /* as last; where others have nothing, at tcx and without a qdisc */
};

/* What a node has in the other direction (core/direction.h). The node's own members are about what is sent. */
struct terms {
	struct share share;
	struct rate limit, reserve;
	uint64_t burst;
};

enum rx_mode {
	RX_NONE, /* what it receives is left alone; an uplink: its capacity is the same in both directions */
	RX_SAME, /* as what it sends */
	RX_OWN,  /* struct terms says it */
};

/*
 * A node that has sent less than it may saves up so many bytes at most, and sends them at once at its uplink's
 * capacity: a device beside its guarantee and its limit, a network beside its limit.
 */
struct node {
	enum node_kind kind;
	uint32_t parent; /* index in model.nodes, lower than the node's own; NODE_NONE: it is an uplink */
	uint32_t line;   /* of the file that says it; 0: no file does */
	char name[MODEL_NAME_SIZE];
	struct share share; /* among siblings; an uplink has none */
	struct rate limit;  /* an uplink's capacity; another node's ceiling, or RATE_UNLIMITED */
	struct rate reserve; /* guaranteed where the node's demand reaches it; RATE_ZERO: none. Not an uplink's */
	uint64_t burst;      /* bytes that it may save up, as above; 0: as core/sizing.h has it */
	enum rx_mode rx_mode;
	struct terms rx; /* RX_OWN: what it receives; of an uplink the limit alone counts */

	/* NODE_NETWORK */
	bool others; /* of every vNIC that no device names; plan/expand.h puts them there */

	/* NODE_UPLINK */
	uint16_t overhead; /* bytes added to each frame, as HTB's overhead */
	/* Its capacity is this part of its port's speed; 0: it is a rate. limit is then RATE_UNLIMITED until it is known. */
	struct part of_link;

	/* NODE_DEVICE */
	enum selector_kind select;
	char selector[MODEL_SELECTOR_SIZE]; /* of an instance: what it is: a VM's name, a NIC, a MAC address */
	enum device_as as;
	bool instance; /* one match of a device as AS_EACH; no specification has it, plan/expand.h makes it */
	enum backpressure_mode backpressure;
	enum hook_place hook;
	bool force; /* bind even if packets then bypass hooks of others on the vNIC */
};

enum resource {
	RESOURCE_DEVICE, /* the virtual network device: packets wait for their share */
	RESOURCE_CPU,    /* the VM: it runs in slots, and is paused otherwise */
};

enum gate_kind {
	GATE_FREEZE,
	GATE_QUOTA,
};

/* What the specification calls each gate, by enum gate_kind; NULL ends the table. */
extern const char *const gate_names[];

/* The shortest slot that a gate can hold to; kernel/cgroup/gate_*.c say why. Nanoseconds. */
#define GATE_FREEZE_SLOT_MIN_NS (2 * NSEC_PER_MSEC)
#define GATE_QUOTA_SLOT_MIN_NS (20 * NSEC_PER_MSEC)

/* Names of policies are those of core/slots/policy.h's table. */
#define POLICY_NAME_SIZE 16

struct schedule {
	enum resource resource;
	/* RESOURCE_CPU only */
	char policy[POLICY_NAME_SIZE];
	enum gate_kind gate;
	uint64_t slot_ns;  /* length of a slot, nanoseconds */
	uint32_t slots;    /* slots in a round: #TimeSlots of the paper's equation (1) */
	uint32_t lanes;    /* VMs that may run at once */
	uint64_t burst_ns; /* credit a VM can save up, nanoseconds of CPU time; 0: one round's entitlement */
	bool strict;       /* a slot that its VM cannot use stays empty */
	bool spread;       /* fill the lanes, even if a share is worth more than one lane */
	uint32_t line;
};

extern const struct schedule schedule_default;

/* Whether both say the same. Their lines in their files do not count. */
bool schedule_same(const struct schedule *a, const struct schedule *b);

/* Preorder: a node stands behind its parent and before its parent's next sibling. */
struct model {
	struct node *nodes; /* owned */
	size_t n_nodes;
	struct schedule schedule;
};

/* Make an empty model: no nodes, the default schedule. */
void model_init(struct model *m);
/* Free what the model owns. It is an empty model then. */
void model_free(struct model *m);
/* Make a copy that owns its nodes. 0; -ENOMEM: *dst is untouched. */
int model_copy(struct model *dst, const struct model *src);
/*
 * Append a copy of *node. Returns its index; -E2BIG: there are MODEL_NODES_MAX nodes; -EINVAL: with this
 * parent the nodes would not be in preorder; -ENOMEM.
 */
int64_t model_add(struct model *m, const struct node *node);

/* The first node behind node i that does not stand under it; n_nodes: all behind it do. O(nodes under it). */
size_t model_end(const struct model *m, size_t i);
/* The first node behind the uplink at first that does not stand under it; n_nodes: none does. */
size_t model_uplink_end(const struct model *m, size_t first);
/* Whether the device's selector is a pattern. */
bool model_is_pattern(const struct node *device);
/* Whether the device is not one, but as many as there are matches. */
bool model_is_each(const struct node *device);

/* Whether vNICs have to be told apart by the uplink that they lead to. */
bool model_has_several_uplinks(const struct model *m);
/* The uplink that node i stands under; i itself if it is an uplink. */
uint32_t model_uplink_of(const struct model *m, uint32_t i);
/*
 * Write the full name into buf: the networks that the node stands in, from the uplink down, and its own name, with a
 * "/" between: "network/network/device"; an instance has "/" and its selector behind that. Returns buf.
 */
const char *model_full_name(const struct model *m, uint32_t i, char buf[MODEL_FULL_NAME_SIZE]);

/*
 * Find a device or network by name. In this order a name means: the node whose full name it is; the node of which it
 * is the uplink's name, "/" and the full name; the node whose full name ends in "/" and the name. Instances are not
 * found. Returns its index; -ENOENT: no node has this name; -ENOTUNIQ: in the first form that fits, several do.
 */
int64_t model_find(const struct model *m, const char *name);

/* Where in a node the fault is. */
enum model_part {
	PART_NODE,
	PART_NAME,
	PART_SELECTOR,
	PART_LIMIT, /* an uplink's capacity */
	PART_RESERVE,
	PART_SHARE,
	PART_AS,
	PART_RX,
	N_PARTS,
};

/* What is wrong with a model, in one line for a person. */
struct model_error {
	uint32_t line; /* 0: unknown */
	uint32_t node; /* the node with the fault; NODE_NONE: no single node has it */
	enum model_part part;
	char text[MODEL_FULL_NAME_SIZE + 256];
};

/*
 * Check what no single field shows: that siblings' and uplinks' names are unique; that no two devices claim
 * one vNIC; that limits are from RATE_MIN_BYTES_PS to the uplink's capacity; that reserves fit (admission.h); that
 * shares give every class RATE_MIN_BYTES_PS at least; that every uplink has devices, and
 * MODEL_UPLINK_NODES_MAX nodes at most; that networks stand
 * MODEL_NETWORKS_DEEP deep at most. An empty model is valid. O(n log n).
 * Returns 0; -EINVAL or -ENOMEM: *err says why.
 */
int model_validate(const struct model *m, struct model_error *err);
