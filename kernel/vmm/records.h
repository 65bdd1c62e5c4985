/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the managers of VMs have written down themselves, beside what a command line tells.
 *
 * Theory of Operation
 * A command line is what a VMM was started with. NICs that were plugged in later are not in it. libvirt keeps a
 * record of each running VM, and Proxmox one of each VM; records.c has the table of these sources with the trust
 * that each deserves. All are read by one child process (kernel/proc/jail.h), when /proc was read and a QEMU has a
 * tap open, and never at rest. What is known of a file is kept with its stamp: a file that has not changed is not
 * read again. Only regular files of root's that no other user may write are read, in a directory of root's.
 *
 * Where a child does not answer, what is known stays in use, and the next attempt waits for RECORDS_REST_NS.
 */

#include "vmm_nic.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDS_REST_NS 10000000000ULL

struct records;

/* root: "", or a test's tree that looks like "/". The caller's to close. 0 or -ENOMEM. */
int records_open(struct records **ret, const char *root);
/* NULL; r may be NULL. */
struct records *records_close(struct records *r);

/*
 * Put right what the n vNICs, from vmm_scan(), say: mac, model, and whether the VMM waits. The records are read for that
 * if they are to be fresh, or if a QEMU has a tap that it did not have at the latest reading. now_ns: CLOCK_MONOTONIC. It
 * blocks for a second at most. 0; or the negative errno of a child that did not answer: then what was known before is put
 * in.
 */
int records_apply(struct records *r, struct vmm_nic *nics, size_t n, bool fresh, uint64_t now_ns);

/*
 * Whether a record that names all NICs of its VM does not name one that the VM has, as of the latest call: a NIC is being
 * plugged in, and libvirt writes the record when QEMU has it. No event tells then.
 */
bool records_behind(const struct records *r);

/* What hinders, a line for the log, once for each time that it begins; borrowed until the next call. NULL: none. */
const char *records_news(struct records *r);
