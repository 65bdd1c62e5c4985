/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Taking away what a run has made, whoever is left to do it: topo_down(), the janitor, `divvy-lab clean`. On
 * top of all rooms, since it knows what each leaves: namespaces, processes, control groups, libvirt's domains.
 */

#include "lab/net/topo.h"

/*
 * For topo_set_keeper(). Its janitor is a process that outlives the lab, and removes what the lab has made if
 * the lab dies.
 */
extern const struct topo_keeper leftovers_keeper;

/*
 * Remove what runs whose process is dead have left: namespaces dvl<pid>-*, and processes in them. Returns
 * how many namespaces were removed, or negative errno with a text.
 */
int leftovers_clean(struct errtext *e);
