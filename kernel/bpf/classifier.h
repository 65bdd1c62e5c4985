/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The BPF programs at divided vNICs and at the roots of divvy's IFBs, and their maps. */

#include "abi.h"

#include <stddef.h>
#include <stdint.h>

struct classifier;

/*
 * Load the program. Each daemon loads its own with fresh maps: filters of an earlier one keep running
 * with theirs until filter_set() replaces them, so there is no gap and no ABI to match.
 * 0 or negative errno; errtext, if given, gets a line for a person on failure.
 */
int classifier_open(struct classifier **ret, char *errtext, size_t size);
struct classifier *classifier_close(struct classifier *c); /* NULL is fine; filters in place keep working */
void classifier_closep(struct classifier **c);

/* Descriptors of the programs, borrowed: at a vNIC, for filter_set(); at an IFB's root, for filter_set_root(). */
int classifier_prog_fd(const struct classifier *c);
int classifier_root_fd(const struct classifier *c);

/* Packets of this vNIC go to this class from now on. One map update. 0 or negative errno. */
int classifier_set(struct classifier *c, uint32_t ifindex, struct divvy_device device);
/* The same for many, in one system call where the kernel has batch updates (5.6). */
int classifier_set_many(struct classifier *c, const uint32_t *ifindex, const struct divvy_device *device,
			size_t n);
/* Leave its packets alone from now on, and forget its counters. -ENOENT if it was not there. */
int classifier_clear(struct classifier *c, uint32_t ifindex);
/* Sums over CPUs. 0; -ENOENT: the device is unknown; or negative errno. */
int classifier_read(const struct classifier *c, uint32_t ifindex, struct divvy_counters *out);
/*
 * The same for n devices, in their order; zeros for one that is unknown. For many it is one system call where
 * the kernel has batch look-ups (5.6), or a few on a host of many CPUs. 0 or negative errno.
 */
int classifier_read_many(const struct classifier *c, const uint32_t *ifindex, size_t n,
			 struct divvy_counters *out);
