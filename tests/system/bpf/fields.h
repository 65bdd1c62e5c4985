/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Between fields.bpf.c and fields.c. */

#include <linux/types.h>

/* What set_fields() writes into packets; vlan 0: no tag. */
struct fields_wish {
	__u32 priority, mark, tc_index, vlan;
};

/* What see_fields() has seen: a key of the map, whose value is the number of packets. */
struct fields {
	__u32 sender; /* last byte of the source's MAC address */
	__u32 priority, mark, tc_index, vlan, hash;
};
