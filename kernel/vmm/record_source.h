/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The table of sources: which manager keeps its records where, and what they are worth. */

#include "record.h"

/* What a record that names the VM, and not the NIC, means. */
enum record_silence {
	RECORD_DENIES,  /* the record is complete: what else speaks of that NIC is out of date */
	RECORD_IS_MUTE, /* it tells nothing of that NIC: the command line holds */
};

/* How a VM's record is found. */
enum record_key {
	RECORD_BY_PID,  /* it names the process; all files of the directory are read */
	RECORD_BY_VMID, /* its file, and its taps, are named by Proxmox's number of the VM */
};

struct record_source {
	const char *title;  /* for a line to a person: "libvirt" */
	const char *dir;    /* absolute */
	const char *suffix; /* of its files' names */
	enum record_key key;
	enum record_silence silence;
	/* stem: the file's name without the suffix. Errors as those of record_libvirt_parse(). Pure. */
	int (*parse)(const char *stem, const char *text, size_t size, struct record *out);
};

#define RECORD_SOURCES 2
extern const struct record_source record_sources[RECORD_SOURCES];
