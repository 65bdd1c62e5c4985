/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Taking the lab's network down, whoever is left to do it: topo_down(), the janitor, `divvy-lab clean`. */

#include <sys/types.h>

/* Remove all namespaces of this run, killing what is in them. Returns their number or negative errno. */
int topo_remove(pid_t run);

/*
 * The janitor: a process that outlives the lab, waits for the other end of *fd to close, and then does
 * topo_remove() for the lab's pid. *fd is for topo_janitor_stop(), which ends it, and waits for that.
 */
int topo_janitor_start(int *fd);
void topo_janitor_stop(int fd);
