/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What divvyd and divvy-guard share: a table in a memfd. divvyd hands it over on a Unix socket
 * (SOCK_SEQPACKET). The end of file on that socket tells the guard that divvyd is gone.
 *
 *	divvyd -> guard: one struct guard_hello with the memfd (SCM_RIGHTS; sealed against shrinking)
 *	guard -> divvyd: one struct guard_hello with the guard's version: from now on the table is guarded
 *	divvyd -> guard: a byte when stall_ms has changed
 *
 * divvyd writes the table and the guard reads it; no other process has it. The states of a record:
 *
 *	FREE   -> READY		path and value have been written
 *	READY  -> PAUSED	divvyd is about to pause the VM
 *	PAUSED -> READY		divvyd has let the VM run again
 *	READY  -> FREE		the VM leaves
 *
 * So a record may say PAUSED of a VM that runs, but never READY of a VM that is paused.
 */

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define GUARD_MAGIC 0x64767944U /* "Dyvd" */
#define GUARD_VERSION 1
#define GUARD_RECORDS 4096
#define GUARD_SOCKET "/run/divvy/guard.sock"

struct guard_hello {
	uint32_t magic;
	uint32_t version;
};

enum guard_record_state {
	GUARD_FREE,
	GUARD_READY,
	GUARD_PAUSED,
};

struct guard_record {
	_Atomic uint32_t state; /* enum guard_record_state */
	uint32_t reserved;
	char path[544]; /* of a control file; NUL-terminated */
	char value[88]; /* what lets the VM run; NUL-terminated */
};

struct guard_table {
	uint32_t magic;
	uint32_t version;
	uint32_t record_size;
	uint32_t n_records;
	_Atomic uint32_t used;     /* records from this one on have never been in use */
	_Atomic uint32_t stall_ms; /* PAUSED VMs are let run if beat_ns is older than this; 0: never */
	_Atomic uint64_t beat_ns;  /* the slot thread's last sign of life, CLOCK_MONOTONIC; 0: none yet */
	uint64_t reserved[4];
	struct guard_record record[GUARD_RECORDS];
};

static_assert(sizeof(struct guard_hello) == 8, "ABI");
static_assert(sizeof(struct guard_record) == 640, "ABI");
static_assert(sizeof(struct guard_table) == 64 + 640 * GUARD_RECORDS, "ABI");
static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
	      "atomics are shared between processes");
