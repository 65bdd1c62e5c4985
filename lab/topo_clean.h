/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Taking the lab's network down, whoever is left to do it: topo_down(), the janitor, `divvy-lab clean`. */

#include <stdbool.h>
#include <sys/types.h>

/* Whether "dvl<pid>-something" is this run's, or (run 0) that of one whose process is dead. */
bool topo_is_left(const char *name, pid_t run);
/*
 * Remove all namespaces of this run, killing what is in them, and its control groups. Returns the number of
 * namespaces or negative errno.
 */
int topo_remove(pid_t run);

/*
 * The janitor: a process that outlives the lab, waits for the other end of *fd to close, and then does
 * topo_remove() for the lab's pid. *fd is for topo_janitor_stop(), which ends it, and waits for that.
 */
int topo_janitor_start(int *fd);
void topo_janitor_stop(int fd);
