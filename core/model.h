/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The model of a specification: a forest of uplinks, networks and devices, and
 * how they are scheduled. Pure data: no file, no socket, no clock.
 */

#include "types.h"

#include <stddef.h>

/* Including the final NUL. */
#define MODEL_NAME_SIZE 64
/* "network/device", including the final NUL. */
#define MODEL_FULL_NAME_SIZE (2 * MODEL_NAME_SIZE)
/* One HTB class each, and a class has 16 bits: 1..0xfffe, some of which divvy keeps. */
#define MODEL_NODES_MAX 60000U
#define NODE_NONE UINT32_MAX

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
};

enum backpressure_mode {
	BACKPRESSURE_AUTO, /* on where the VMM is known to wait for it */
	BACKPRESSURE_ON,
	BACKPRESSURE_OFF,
};

struct node {
	enum node_kind kind;
	uint32_t parent; /* index in model.nodes, always lower than the node's own; NODE_NONE: an uplink */
	uint32_t line;   /* where the file says it; 0: nowhere */
	char name[MODEL_NAME_SIZE];
	struct share share; /* among siblings; of no meaning for an uplink */
	struct rate limit;  /* uplink: its capacity; else RATE_UNLIMITED or the ceiling */

	/* NODE_UPLINK */
	uint16_t overhead; /* bytes added to each frame, as HTB's overhead */

	/* NODE_DEVICE */
	enum selector_kind select;
	char selector[MODEL_NAME_SIZE];
	enum backpressure_mode backpressure;
	bool force; /* bind although others' hooks on the vNIC would be passed by */
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
	bool strict;       /* a slot that its VM cannot use is left empty, not given away */
	bool spread;       /* lanes > 1: fill them, even if the largest share is worth more than one */
	uint32_t line;
};

extern const struct schedule schedule_default;

/* Whether both ask for the same, wherever they stand in their files. */
bool schedule_same(const struct schedule *a, const struct schedule *b);

/* Preorder: a node stands behind its parent and before its parent's next sibling. */
struct model {
	struct node *nodes; /* owned */
	size_t n_nodes;
	struct schedule schedule;
};

/* Zeroed, no nodes, the default schedule. */
void model_init(struct model *m);
/* Frees what it owns and leaves an empty model. */
void model_free(struct model *m);
/* A copy that owns its nodes. 0 or -ENOMEM; *dst is untouched on failure. */
int model_copy(struct model *dst, const struct model *src);
/*
 * Append a node; *node is copied. Returns its index, or -ENOMEM, -E2BIG beyond
 * MODEL_NODES_MAX, -EINVAL if node->parent does not keep preorder.
 */
int64_t model_add(struct model *m, const struct node *node);

/* The uplink that node i stands under (itself for an uplink). */
uint32_t model_uplink_of(const struct model *m, uint32_t i);
/* "network/device", or "device" directly under an uplink. Returns buf. */
const char *model_full_name(const struct model *m, uint32_t i, char buf[MODEL_FULL_NAME_SIZE]);

/*
 * A device or network by full name, by "uplink/..." full name, or by last part
 * where only one has it. Returns its index, -ENOENT, or -ENOTUNIQ where several do.
 */
int64_t model_find(const struct model *m, const char *name);

/* The part of a node that a fault lies in. */
enum model_part {
	PART_NODE,
	PART_NAME,
	PART_SELECTOR,
	PART_LIMIT, /* an uplink's capacity */
	PART_SHARE,
	N_PARTS,
};

/* What is wrong with a model, in one line for a person. */
struct model_error {
	uint32_t line; /* 0: unknown */
	uint32_t node; /* whose fault it is; NODE_NONE: nobody's alone */
	enum model_part part;
	char text[200];
};

/*
 * What no single field shows: duplicate names among siblings, two devices that
 * claim one vNIC, two uplinks of one name, limits below RATE_MIN_BYTES_PS or above their
 * uplink's capacity, shares that would give a class less than RATE_MIN_BYTES_PS,
 * an uplink without devices; deeper than HTB's 8 levels. An empty model is valid.
 * 0, or -EINVAL or -ENOMEM with *err filled. O(n log n).
 */
int model_validate(const struct model *m, struct model_error *err);
