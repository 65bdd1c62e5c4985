/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Changes of nft's ruleset. When a hook appears at a device that packets would pass by, or goes from there, the
 * host is reconciled, within 50 ms where the ruleset is small. Rules and sets move no hook, and cost nothing.
 */

#include "daemon.h"

/* 0 or negative errno. A kernel that tells of no changes is no failure; it logs that. */
int nftwatch_open(struct nftwatch **ret, struct daemon *d);
/* NULL is fine. */
void nftwatch_close(struct nftwatch *w);

/* To be called every second: if nft could not be asked for the running plan, ask again. */
void nftwatch_retry(struct daemon *d);
