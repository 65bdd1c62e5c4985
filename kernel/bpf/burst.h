/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Counts the packets that the kernel drops on their way from a vNIC into divvy's scheduler, since Linux 6.19: see
 * burst.bpf.c. On a kernel that does not, nothing is loaded.
 */

#include <stdint.h>

struct burst;
struct classifier;

/* Packets that may wait for a busy qdisc, as the kernel is made; net.core.qdisc_max_burst changes it. */
#define BURST_LIMIT_DEFAULT 1000

/*
 * c is borrowed. 0; -EOPNOTSUPP: this kernel drops none; -EPERM: not root, or the kernel is locked down; or another
 * negative errno of bpf(2).
 */
int burst_open(struct burst **ret, const struct classifier *c);
/* NULL is fine; returns NULL. */
struct burst *burst_close(struct burst *b);
/* So many of this vNIC's, by its key (abi.h), since it was first divided. b may be NULL: 0. */
uint64_t burst_dropped(const struct burst *b, uint32_t key);
/* The vNIC is gone. b may be NULL. */
void burst_forget(struct burst *b, uint32_t key);
