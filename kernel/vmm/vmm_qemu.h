/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* QEMU's options. */

#include "vmm_nic.h"
#include "vmm_options.h"

/* Fills vm, model and mac, and judges, of a QEMU process. Pure. */
void vmm_describe_qemu(const struct vmm_question *q, struct vmm_nic *out);

/* Whether QEMU waits, by its model of the NIC, or libvirt's or Proxmox's name of that; "": unknown. Pure. */
void vmm_qemu_judge(const char *model, struct vmm_nic *out);
