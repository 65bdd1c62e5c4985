/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Parts of the kernel that a scheduler may need, and whether they are there (kernel_part.c). */

#include <stdbool.h>
#include <stddef.h>

enum kernel_part {
	PART_NONE, /* ends a list */
	PART_INGRESS,
	PART_HTB,
	PART_TBF,
	PART_FIFO,
	PART_U32,
	PART_BASIC,
	PART_MIRRED,
	PART_POLICE,
	PART_IFB,
	PART_CPU_WEIGHT,
	PART_CPU_QUOTA,
	KERNEL_PARTS,
};

#define KERNEL_PARTS_MAX 8 /* of one scheduler */

/*
 * Whether this kernel has a list's parts, which PART_NONE ends. If not, why gets one line: which are missing.
 * Each is tried once in a run of the program, in a network namespace of its own, for some 50 ms.
 */
bool kernel_has(const enum kernel_part *list, char *why, size_t size);
