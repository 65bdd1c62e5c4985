/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a flooding VM writes into each frame behind its headers, and arrivals.bpf.c reads. In the host's byte order. */

#include <linux/types.h>

#define TAG_MAGIC 0x64697676U

struct tag {
	__u32 magic;
	__u32 flood; /* number of the flood: frames of an earlier one are told apart */
	__u32 queue;
	__u32 seq;   /* from 0, in each queue by itself */
};

_Static_assert(sizeof(struct tag) == 16, "ABI");
