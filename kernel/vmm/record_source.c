// SPDX-License-Identifier: GPL-2.0-or-later
#include "record_source.h"

#include "record_libvirt.h"
#include "record_proxmox.h"

#include <stdlib.h>

static int parse_libvirt(const char *stem, const char *text, size_t size, struct record *out)
{
	(void)stem;
	return record_libvirt_parse(text, size, out);
}

static int parse_proxmox(const char *stem, const char *text, size_t size, struct record *out)
{
	return record_proxmox_parse((unsigned int)strtoul(stem, NULL, 10), text, size, out);
}

/*
 * The most trustworthy first: what one tells is not asked of the next, and the command line comes last. libvirt
 * writes its record anew with each change of a running VM, and passes all its taps itself. Proxmox's record is
 * what the VM has, but for what was set while it runs and its guest could not take ([PENDING]); a NIC that was
 * deleted from it may still be there for a moment.
 */
const struct record_source record_sources[RECORD_SOURCES] = {
	{ "libvirt", "/run/libvirt/qemu", ".xml", RECORD_BY_PID, RECORD_DENIES, parse_libvirt },
	{ "Proxmox", "/etc/pve/qemu-server", ".conf", RECORD_BY_VMID, RECORD_IS_MUTE, parse_proxmox },
};
