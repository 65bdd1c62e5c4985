/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvy's program at tcx ingress of vNICs (Linux 6.6). It is attached without a bpf_link, so that it stays when
 * divvyd dies, and goes with its interface. It is known by its name, which is in no other program of a host. Names
 * are asked for with CAP_SYS_ADMIN: a caller that lacks it takes the program of an earlier divvyd for another's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCX_NAME "divvy_divert"
#define TCX_MAX 64 /* programs at one interface (include/linux/bpf_mprog.h) */

struct tcx {
	uint32_t ours; /* id of divvy's program, of whichever divvyd; 0: there is none */
	size_t others; /* programs of others */
};

/*
 * What is at tcx ingress of ifindex. own: id of this divvyd's program, which needs no name. Nothing where the
 * interface is gone, or the kernel has no tcx. One system call, and two more for each program but own.
 */
void tcx_read(uint32_t ifindex, uint32_t own, struct tcx *out);
/*
 * Have this program there: nothing is done where it is, that of an earlier divvyd is replaced at one stroke, else it
 * is attached behind those of others. 0; -ENODEV: the interface is gone; or another negative errno.
 */
int tcx_set(uint32_t ifindex, int prog_fd, uint32_t own);
/* Take divvy's away, of whichever divvyd. 0, also if there is none; or negative errno. */
int tcx_clear(uint32_t ifindex, uint32_t own);
