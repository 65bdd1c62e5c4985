/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the child does that reads managers' records: which files it opens, and which it believes. */

#include "records_set.h"

#include "kernel/proc/jail.h"

/* How long to wait for the child. */
#define RECORDS_PATIENCE_NS 1000000000ULL

struct records_request {
	const char *root;                 /* "", or a test's tree */
	const unsigned int *vmids;        /* Proxmox's numbers of VMs with a tap; sorted, each once */
	size_t n_vmids;
	const struct records_set *known;  /* files that have not changed are taken from here */
	uint64_t budget_ns;               /* after so long no further file is parsed (error -EAGAIN) */
};

/*
 * Read all records in a child. *left: as for jail_run(). 0, and *out is the caller's to free with
 * records_set_free(); or an error of jail_run() or records_decode(), with *out untouched.
 */
int records_read(const struct records_request *q, pid_t *left, struct records_set *out);
