/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which number an HTB class of a node has, for as long as the node exists, also over restarts of divvyd: a
 * class must not change its owner while packets wait in it. A node is known by a key that has all names from
 * the uplink down: "uplink/network/device" (a network's ends in "/"; an instance's has "//" and what it is an
 * instance by behind the device). HTB cannot give a class another parent: a device that moves to another
 * network, or with its network, gets a new class.
 */

#include "core/model.h"

/* Numbers that divvy keeps in each uplink's tree; a node's are CLASSID_FIRST..CLASSID_LAST. */
#define CLASSID_ROOT 1
#define CLASSID_FIRST 2
#define CLASSID_LAST 0xfffd
#define CLASSID_DEFAULT 0xfffe /* the leaf for packets whose class is no longer there */

/* HTB's 8 levels of names with a slash each, an instance, and the final NUL. */
#define CLASSID_KEY_SIZE (8 * MODEL_NAME_SIZE + MODEL_SELECTOR_SIZE + 3)

struct classid {
	char *key; /* owned */
	uint16_t minor;
};

struct classids {
	struct classid *list; /* sorted by key; owned. Zeroed: none */
	size_t n;
};

void classids_free(struct classids *c);
/* Add what was saved, in any order, before the first use; key is copied. 0 or -ENOMEM. */
int classids_add(struct classids *c, const char *key, uint16_t minor);
/* Sort after the last classids_add(). Where a key was added twice, one of the two is kept. */
void classids_seal(struct classids *c);

/* Which minors of an uplink's tree are taken by classes that are there although no node has them. */
struct minor_set {
	uint64_t bits[(UINT16_MAX + 1) / 64];
};

static inline bool minor_set_has(const struct minor_set *s, uint16_t minor)
{
	return s->bits[minor / 64] >> (minor % 64) & 1;
}

static inline void minor_set_add(struct minor_set *s, uint16_t minor)
{
	s->bits[minor / 64] |= 1ULL << (minor % 64);
}

/*
 * The number that is known of a node; 0: none is. instance: "", or one of the device's. O(log n).
 */
uint16_t classids_minor(const struct classids *known, const struct model *m, uint32_t node, const char *instance);

/*
 * A number for each network and device under the uplink at m->nodes[first] .. m->nodes[next - 1]: the known
 * one, or else the lowest that is free and not busy. minors[i] is node i's; the uplink's is CLASSID_ROOT. The
 * pairs are appended to *fresh, which the caller seals. Names that the model no longer has are among them as
 * long as their numbers are busy: what comes back while its class drains gets that class.
 * 0; -ENOMEM; -ENOSPC: no number is left.
 */
int classids_assign(const struct classids *known, const struct model *m, size_t first, size_t next,
		    const struct minor_set *busy, struct classids *fresh, uint16_t *minors);
