/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A tap that a process has open: what /proc and the process's command line tell of it. */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VMM_NAME_SIZE 128 /* as MODEL_SELECTOR_SIZE */
#define VMM_KIND_SIZE 64  /* a comm of 15 bytes, each escaped */
#define VMM_ID_SIZE 16
#define VMM_MODEL_SIZE 40 /* "virtio-net-pci-non-transitional" */
#define VMM_WHY_SIZE 96

enum vmm_waits {
	VMM_WAITS_YES,     /* stops serving the ring while the tap says EAGAIN */
	VMM_WAITS_NO,      /* drops, or queues without bound */
	VMM_WAITS_UNKNOWN,
};

/* Whether the kernel's vhost-net serves the NIC's rings, and not the VMM itself. */
enum vmm_vhost {
	VMM_VHOST_UNKNOWN,
	VMM_VHOST_NO,
	VMM_VHOST_YES,
};

/* The reason for the answer that vmm_waits gives. vmm_nic.c has the answer and the text of each. */
enum vmm_why {
	VMM_WHY_NONE,     /* the VMM waits: there is nothing to explain */
	VMM_WHY_NO_VMM,   /* the process is not in divvy's table of VMMs */
	VMM_WHY_UNTRIED,  /* the VMM is in the table, but was never tried */
	VMM_WHY_DROPS,    /* the VMM drops what its tap does not take at once */
	VMM_WHY_NO_MODEL, /* neither command line nor record tells the NIC's model, which decides */
	VMM_WHY_MODEL,    /* QEMU's model of the NIC does not wait */
};

struct vmm_nic {
	char tap[IFNAMSIZ]; /* fdinfo's iff: */
	pid_t pid;
	uint64_t start_time;        /* /proc/PID/stat field 22, clock ticks since boot */
	bool known;                 /* the process is a VMM of divvy's table */
	bool certain;               /* ... by its program's file, and not only by what it calls itself */
	/* Names are as printable_name() (base/printable.h) takes them in. */
	char vmm[VMM_KIND_SIZE];    /* known: "qemu", "firecracker", ...; else the process's comm */
	char vm[VMM_NAME_SIZE];     /* the VM's name; "": it has none */
	char vmid[VMM_ID_SIZE];     /* the number that its manager (Proxmox) gives the VM; "": none */
	char model[VMM_MODEL_SIZE]; /* "virtio-net-pci", "e1000", ...; "": unknown */
	char mac[18];               /* the guest's MAC address, lower case; "": unknown */
	uint32_t queues;            /* descriptors of this tap that the process has open */
	/*
	 * The command line has one NIC whose tap it does not name, and this tap is taken for it. Of several taps of one
	 * process that are, none is.
	 */
	bool guessed;
	enum vmm_vhost vhost;
	enum vmm_waits waits;
	enum vmm_why reason;
	char why[VMM_WHY_SIZE];     /* the reason's text, for status; "": VMM_WHY_NONE */
};

/*
 * Set waits, reason and why. subject: what the text is about: the VMM or comm; the model for VMM_WHY_MODEL.
 * VMM_WHY_NONE has no text.
 */
void vmm_nic_judge(struct vmm_nic *nic, enum vmm_why reason, const char *subject);

/* A MAC address as an operator may write it in lower case, or "" where it is none. */
void vmm_mac_normalise(char mac[18]);
