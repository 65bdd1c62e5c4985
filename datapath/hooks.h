/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Hooks at tc ingress of the vNICs that divvy is on: whether divvy made the qdisc, and so may remove it. It
 * makes an `ingress`, as managers do: their "tc qdisc del dev TAP ingress" works then, and so does their
 * "add". Earlier versions made a clsact. Persistent (state.h).
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hook {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	bool ours;   /* divvy made the qdisc */
	bool clsact; /* an earlier version did, of this kind */
};

struct hooks {
	struct hook *list; /* sorted by ifindex; owned */
	size_t n;
};

void hooks_free(struct hooks *h);
/* What is known already stays as it is. 0 or -ENOMEM. */
int hooks_add(struct hooks *h, uint32_t ifindex, const char *name, bool ours, bool clsact);
void hooks_drop(struct hooks *h, uint32_t ifindex);
/* The qdisc turned out to belong to another program. */
void hooks_not_ours(struct hooks *h, uint32_t ifindex);
/* Borrowed; NULL if divvy is not on that vNIC. */
const struct hook *hooks_find(const struct hooks *h, uint32_t ifindex);
