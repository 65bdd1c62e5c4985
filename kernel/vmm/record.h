/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a manager's own record of one VM tells: the same for all managers. */

#include "vmm_nic.h"

#include <stddef.h>

/* No VM has more NICs; a record that names more is refused. */
#define RECORD_NICS_MAX 512
/* A record that is larger is refused. */
#define RECORD_BYTES_MAX (1024UL * 1024)

struct record_nic {
	char tap[IFNAMSIZ];         /* never "" */
	char mac[18];               /* lower case; "": the record does not tell */
	char model[VMM_MODEL_SIZE]; /* as the manager calls it: "virtio", "e1000"; "": it does not tell */
};

struct record {
	pid_t pid; /* the VM's process; 0: the record does not tell */
	struct record_nic *nics;
	size_t n;
};

void record_free(struct record *r);

/*
 * Add a NIC. model, mac: NULL or "" if the record does not tell; what is no model's name or no MAC address counts
 * as not told. 0; -EBADMSG: tap is no interface's name; -E2BIG: one NIC too many; -ENOMEM.
 */
int record_add(struct record *r, const char *tap, const char *mac, const char *model);
/* Whether each field holds what record_add() lets in, also where the bytes come from a parser gone wrong. */
bool record_nic_is_sane(const struct record_nic *nic);
