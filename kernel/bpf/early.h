/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * BPF programs of others at an interface that see its packets before tc's filters do: XDP, and tcx (Linux
 * 6.6).
 */

#include <stddef.h>
#include <stdint.h>

#define EARLY_TEXT_SIZE 48
#define EARLY_MAX 8

struct early_program {
	const char *kind; /* "XDP" or "tcx" */
	uint32_t id;
};

/* In the order in which packets meet them. */
struct early {
	struct early_program list[EARLY_MAX];
	size_t n; /* those that there is room for */
};

/*
 * Fill *out for the interface of this network namespace. xdp: the number of its XDP program, 0: none, as the
 * link tells. A kernel without tcx has none. One system call.
 */
void early_read(uint32_t ifindex, uint32_t xdp, struct early *out);
/* The same of what it sends: tcx alone. */
void early_read_egress(uint32_t ifindex, struct early *out);
/*
 * "tcx program allow_all"; "tcx program 17" where the program has no name, or the caller has no
 * CAP_SYS_ADMIN to ask for it. Returns buf.
 */
const char *early_text(const struct early_program *p, char buf[EARLY_TEXT_SIZE]);
