/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The table of what can divide the wire during a phase: a kind, its name in a scenario, and whose
 * scheduler_OBJECT (scheduler.h) carries it out. A new one is a line here and a file beside the others.
 */
#define SCHEDULER_TABLE(X) \
	X(ADMINISTRATOR, "administrator", administrator) /* HTB at the uplink, as set up by hand */ \
	X(DIVVY, "divvy", divvy)                         /* the virtual network device is scheduled */ \
	X(CPU, "cpu", divvy)                             /* divvy's time slots: the same program */ \
	X(HTB_TUNED, "htb-tuned", htb_tuned)             /* from here on peers: doc/peers.md */ \
	X(CNI, "cni", cni) \
	X(PROXMOX, "proxmox", proxmox) \
	X(LIBVIRT, "libvirt", libvirt) \
	X(CPU_WEIGHT, "cpu-weight", cpu_weight) \
	X(CPU_QUOTA, "cpu-quota", cpu_quota) \
	/* a new one goes above */

enum scheduler_kind {
	SCHEDULER_NONE,
#define SCHEDULER_KIND(kind, name, object) SCHEDULER_##kind,
	SCHEDULER_TABLE(SCHEDULER_KIND)
#undef SCHEDULER_KIND
	SCHEDULER_KINDS,
};
