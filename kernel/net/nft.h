/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * nftables at the hooks of network devices. A packet that divvy re-injects does not pass an ingress hook a
 * second time, and with tc redirecting first it does not pass it at all; its first transmission does not pass
 * an egress hook either.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

enum nft_hook_kind {
	NFT_HOOK_INGRESS, /* chains of family netdev and inet, and flowtables */
	NFT_HOOK_EGRESS,  /* chains of family netdev */
};

/* A base chain or flowtable at one device's hook. */
struct nft_hook {
	char ifname[IFNAMSIZ]; /* the device's name; it need not exist; "": the chain names no device */
	bool prefix;           /* ifname is what the names of all its devices begin with (nft: "eth*") */
	enum nft_hook_kind kind;
	char name[128];        /* "table/chain" or "table/flowtable", to show; cut if it is longer */
};

/*
 * All hooks of this network namespace: an element for each pair of chain and device, those with a prefix
 * first, then sorted by ifname. A chain without devices has one element, with ifname "" and prefix false. The
 * chains of a dormant table are listed, too. *list is the caller's to free. 0: this is all that there is (*n
 * is 0 also where the kernel has no nf_tables); -EAGAIN: the ruleset changed whenever it was read; -EPERM,
 * -ENOBUFS, -ENOMEM, ...: it could not be read. On failure nothing is known, and outputs are untouched.
 */
int nft_hooks(struct nft_hook **list, size_t *n);

/* The first hook of a kind on a device, in a list from nft_hooks(). Borrowed; NULL: there is none. */
const struct nft_hook *nft_hook_on(const struct nft_hook *list, size_t n, const char *ifname,
				   enum nft_hook_kind kind);

/*
 * Name ("table/chain") of what is at the ingress hook of a device; "": nothing. 0, or negative errno of
 * nft_hooks() with name untouched. For many devices nft_hooks() is cheaper.
 */
int nft_ingress_chain(const char *ifname, char *name, size_t size);

/*
 * A socket that hears of changes to this network namespace's ruleset; *fd is the caller's to close, and to be
 * polled for reading. 0; -EPROTONOSUPPORT: the kernel has no netfilter, nothing can change; -EPERM; ...
 */
int nft_events_open(int *fd);
/*
 * *changed: whether a table, chain or flowtable came, went or was changed since the last call, or events were
 * lost. Rules and elements of sets do not count: they move no hook. Never blocks. Reads a bounded number: the
 * socket may still be readable. 0 or negative errno.
 */
int nft_events_read(int fd, bool *changed);
