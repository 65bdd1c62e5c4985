/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Options of the VMMs that have a socket for commands, and whose socket's name is the VM's: Cloud Hypervisor, crosvm. */

#include "vmm_nic.h"
#include "vmm_options.h"

/* Each fills vm, model and mac as far as the command line tells. Pure. */
void vmm_describe_cloud_hypervisor(const struct vmm_question *q, struct vmm_nic *out);
void vmm_describe_crosvm(const struct vmm_question *q, struct vmm_nic *out);
