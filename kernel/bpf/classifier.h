/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The BPF programs at divided vNICs and at the roots of divvy's IFBs, and their maps. */

#include "abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct classifier;

/*
 * Load the program. Each divvyd loads its own with fresh maps. The filters of an earlier divvyd keep running
 * with the earlier maps until filter_set() replaces them: there is no gap, and no ABI to match. 0; -EPERM; or
 * another negative errno, and then errtext, if it is not NULL, has a line to show.
 */
int classifier_open(struct classifier **ret, char *errtext, size_t size);
/* Filters in place keep working. c may be NULL. Returns NULL. */
struct classifier *classifier_close(struct classifier *c);
void classifier_closep(struct classifier **c);

/* Programs of classify.bpf.c: for what a VM sends, and for what it receives. */
enum classifier_program {
	CLASSIFIER_TX_INGRESS, /* at a vNIC's tc ingress, for filter_set() */
	CLASSIFIER_TX_EGRESS,  /* at its egress, for filter_set_at() */
	CLASSIFIER_TX_ROOT,    /* at an IFB's root, for filter_set_root() */
	CLASSIFIER_RX_INGRESS,
	CLASSIFIER_RX_EGRESS,
	CLASSIFIER_RX_ROOT,
	CLASSIFIER_DIVERT,     /* at a vNIC's tcx ingress, for tcx_set() */
	N_CLASSIFIER_PROGRAMS,
};

/* Descriptor, borrowed; -1: the kernel has no tcx. */
int classifier_fd(const struct classifier *c, enum classifier_program which);
/* The id, by which the kernel names the program in dumps of filters; 0: the kernel has no tcx. */
uint32_t classifier_id(const struct classifier *c, enum classifier_program which);
/* The map of devices, borrowed: for other programs of divvy's. */
int classifier_devices_fd(const struct classifier *c);

/* Below, a vNIC is named by its key (abi.h): its ifindex, with DIVVY_RX for what it receives. */

/* From now on packets of this vNIC go to this class. 0 or negative errno. */
int classifier_set(struct classifier *c, uint32_t key, struct divvy_device device);
/*
 * The same for n vNICs, in one system call where the kernel has batch updates (5.6). 0; -E2BIG: more than
 * DIVVY_DEVICES_MAX; or another negative errno.
 */
int classifier_set_many(struct classifier *c, const uint32_t *key, const struct divvy_device *device,
			size_t n);
/*
 * From now on leave the vNIC's packets alone; its counters begin anew when it is set again. Their memory may be kept
 * until classifier_forget(). 0; -ENOENT: it was unknown; ...
 */
int classifier_clear(struct classifier *c, uint32_t key);
/* The vNIC is gone: give back all that is kept for it. */
void classifier_forget(struct classifier *c, uint32_t key);
/* Forget all vNICs but those that are to be kept. Their number, or negative errno. */
int classifier_keep(struct classifier *c, bool (*keeps)(uint32_t key, const void *arg), const void *arg);
/* Tell, once, when this vNIC has packets again (struct divvy_device, idle). 0; -ENOENT: it is unknown; ... */
int classifier_await(struct classifier *c, uint32_t key);
/*
 * Those that have. The descriptor, borrowed, is to be polled for reading; then woken is called for each. 0 or negative
 * errno.
 */
int classifier_woken_fd(const struct classifier *c);
int classifier_read_woken(struct classifier *c, void (*woken)(uint32_t key, void *arg), void *arg);
/* Sums over CPUs. 0; -ENOENT: the device is unknown; or negative errno. */
int classifier_read(const struct classifier *c, uint32_t key, struct divvy_counters *out);
/*
 * The same for n devices, in their order; zeros for one that is unknown. For many it is one system call where
 * the kernel has batch look-ups (5.6), or a few on a host of many CPUs. 0 or negative errno.
 */
int classifier_read_many(const struct classifier *c, const uint32_t *key, size_t n,
			 struct divvy_counters *out);
