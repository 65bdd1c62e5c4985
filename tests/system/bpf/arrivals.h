/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <linux/types.h>

/* What arrivals.bpf.c and arrivals.c say to each other. */

#define ARRIVALS_PORTS 2
#define ARRIVALS_QUEUES 8
#define ARRIVALS_SEQ (1U << 22) /* sequence numbers of a queue that can be told apart */

struct arrivals_port {
	__u64 again;  /* frames that had come before */
	__u64 beyond; /* of a queue or a sequence number that there is no room for */
};
