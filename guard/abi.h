/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Between divvyd and divvy-guard: a table in a memfd, handed over on a Unix socket (SOCK_SEQPACKET), whose
 * end of file tells the guard that divvyd is gone.
 *
 *	divvyd -> guard: one struct guard_hello with the memfd (SCM_RIGHTS; sealed against shrinking)
 *	guard -> divvyd: one struct guard_hello with its own version: from now on the table is guarded
 *	divvyd -> guard: a byte when stall_ms has changed
 *
 * divvyd alone writes the table, the guard alone reads it. A record goes FREE -> READY (path and value are
 * written before) -> PAUSED <-> READY -> FREE. PAUSED is set before the VM is paused, and cleared after it
 * runs: a record may say PAUSED of a VM that runs, never the reverse.
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
	_Atomic uint32_t used;    /* no record from here on has ever been in use */
	_Atomic uint32_t stall_ms; /* PAUSED VMs are let run if beat_ns is older; 0: never */
	_Atomic uint64_t beat_ns; /* the slot thread's last sign of life, CLOCK_MONOTONIC */
	uint64_t reserved[4];
	struct guard_record record[GUARD_RECORDS];
};

static_assert(sizeof(struct guard_hello) == 8, "ABI");
static_assert(sizeof(struct guard_record) == 640, "ABI");
static_assert(sizeof(struct guard_table) == 64 + 640 * GUARD_RECORDS, "ABI");
static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
	      "atomics are shared between processes");
