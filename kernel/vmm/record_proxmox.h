/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Proxmox VE's record of a VM: /etc/pve/qemu-server/VMID.conf. */

#include "record.h"

/* "tap100i2" is the tap of net2 of VM 100. False: the name is no such tap's. */
bool record_proxmox_tap(const char *tap, unsigned int *vmid);

/*
 * Read the record of the VM of that number: what runs, as told by its part before the first [section]. Pure. out
 * is the caller's to free. 0; -EBADMSG: this is no text; -E2BIG: too long, or with too many NICs; -ENOMEM; *out
 * is untouched on failure.
 */
int record_proxmox_parse(unsigned int vmid, const char *text, size_t size, struct record *out);
