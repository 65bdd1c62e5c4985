/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Between vmm_cmdline.c, which knows the VMMs, and vmm_qemu.c, which knows QEMU's options. */

#include "vmm.h"

/* How VMM command lines are asked: the tap by name or by the process's descriptors. */
struct vmm_question {
	char *const *argv;
	const char *tap;
	const int *fds;
	size_t n_fds;
};

/* Copies what fits, always NUL-terminated. */
void vmm_copy(char *dst, size_t size, const char *src);
/* Whether "33", "33:34" or "[33,34]" names one of the question's descriptors. */
bool vmm_names_fd(const struct vmm_question *q, const char *list);
/* The value of -name V, --name V, --name=V; NULL if it is not there. Borrowed from argv. */
const char *vmm_argument(char *const *argv, const char *name);

/* Fills vm, model, mac, waits and why of a QEMU process. */
void vmm_describe_qemu(const struct vmm_question *q, struct vmm_nic *out);
