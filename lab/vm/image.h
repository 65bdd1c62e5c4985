/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The guest: Debian's cloud kernel (unpacked, never installed) and an initramfs with busybox, iperf3,
 * iperf, ping, the drivers' modules and the lab's agent. Made by lab/vm/image.sh, kept in the cache directory
 * (build/lab/), made again when an input changed.
 */

#include "lab/proc/proc.h"

#define IMAGE_DIR_MAX 400

struct image {
	char dir[IMAGE_DIR_MAX];         /* cache directory */
	char kernel[IMAGE_DIR_MAX + 32]; /* for qemu -kernel */
	char initrd[IMAGE_DIR_MAX + 32]; /* for qemu -initrd */
	char release[64];                /* the guest kernel's release, e.g. "6.1.0-30-cloud-amd64" */
};

/*
 * Make the image if it is missing or older than its inputs, and say where it is. The project's tree is
 * found from the running program upwards (or DIVVY_LAB_SOURCE); the cache is build/lab in it (or
 * DIVVY_LAB_CACHE). progress, if given, is called with a line for a person before anything that takes more
 * than a second. 0; -EREMOTEIO with the script's last line as text; -EINTR; another negative errno.
 */
int image_ensure(struct image *img, void (*progress)(const char *line), struct errtext *e);
/* The same with Debian's generic kernel, which has a driver for VM_NIC_E1000: 70 MB more to download. */
int image_ensure_generic(struct image *img, void (*progress)(const char *line), struct errtext *e);

/* The project's tree, as above. 0 or negative errno with a text. */
int image_tree(char root[IMAGE_DIR_MAX], struct errtext *e);
/* The cache directory; it need not be there yet. 0 or negative errno with a text. */
int image_cache(char dir[IMAGE_DIR_MAX], struct errtext *e);

enum accel {
	ACCEL_TCG,
	ACCEL_KVM,
	ACCEL_NONE, /* there is no VM, only containers */
};
const char *accel_name(enum accel a); /* "tcg", "kvm", "none" */

/*
 * Which accelerator runs guests here. /dev/kvm may open and still not run a guest, so a probe guest has to
 * report within 5 s. Kept in the cache directory until the machine, its kernel or QEMU changes (key: boot
 * id, QEMU's version). DIVVY_LAB_ACCEL=tcg|kvm overrides. why (if given) gets a few words: "probe guest
 * ready in 0.8 s",
 * "no /dev/kvm", "/dev/kvm opens, but a probe guest did not start within 5 s".
 */
int accel_probe(const struct image *img, enum accel *ret, char why[128], void (*progress)(const char *line),
		struct errtext *e);
