/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "vm_config.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *device;
	bool generic;
} nics[] = {
	[VM_NIC_VIRTIO] = { "virtio", "virtio-net-pci", false },
	[VM_NIC_E1000] = { "e1000", "e1000", true },
};

int vm_nic_from_name(const char *name, enum vm_nic *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(nics); i++)
		if (strcmp(nics[i].name, name) == 0) {
			*ret = (enum vm_nic)i;
			return 0;
		}
	return -EINVAL;
}

const char *vm_nic_name(enum vm_nic nic)
{
	return nics[nic].name;
}

bool vm_nic_needs_generic(enum vm_nic nic)
{
	return nics[nic].generic;
}

const char *vm_nic_device(enum vm_nic nic)
{
	return nics[nic].device;
}

static const char *const qdiscs[] = {
	[VM_QDISC_PFIFO_FAST] = "pfifo_fast",
	[VM_QDISC_FQ_CODEL] = "fq_codel",
};

int vm_qdisc_from_name(const char *name, enum vm_qdisc *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(qdiscs); i++)
		if (strcmp(qdiscs[i], name) == 0) {
			*ret = (enum vm_qdisc)i;
			return 0;
		}
	return -EINVAL;
}

const char *vm_qdisc_name(enum vm_qdisc qdisc)
{
	return qdiscs[qdisc];
}

unsigned vm_cpus(const struct vm_config *c)
{
	return c->cpus ? c->cpus : 1;
}

/*
 * TCG: room for one more. QEMU before 8.1 leaves memory barriers out where there can be one CPU only
 * (tcg_gen_mb(); mended by QEMU's c914d46d0a64), though devices run in a thread of their own: a
 * notification of virtio's can get lost, and the guest's queue stands still for good.
 */
unsigned vm_cpus_max(const struct vm_config *c)
{
	return c->accel == ACCEL_TCG ? vm_cpus(c) + 1 : vm_cpus(c);
}

const char *vm_kernel_line(const struct vm_config *c, char line[VM_KERNEL_LINE_SIZE])
{
	snprintf(line, VM_KERNEL_LINE_SIZE,
		 "console=ttyS0 quiet loglevel=3 panic=-1 ipv6.disable=1 mitigations=off dvl.qdisc=%s%s%s%s%s",
		 vm_qdisc_name(c->qdisc), c->address ? " dvl.addr=" : "", c->address ? c->address : "",
		 c->gateway ? " dvl.gw=" : "", c->gateway ? c->gateway : "");
	return line;
}
