/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A cgroup that holds one VM and nothing else: the VM's own where it has one, else one that divvy makes. */

#include "cgroup.h"

#include "kernel/proc/process.h"

/* Room for a reason and the way out, to show. */
#define PLACE_WHY_SIZE 300
/* A cgroup that divvy makes is called "divvy-<name>". */
#define PLACE_PREFIX "divvy-"
/* Marks a cgroup that divvy made, so that a later divvyd finds it. Its value: where the VM came from. */
#define PLACE_XATTR_HOME "trusted.divvy.home"

struct place {
	struct process vm; /* of place_list(): pid 0 */
	enum cgroup_tree tree;
	char dir[CGROUP_PATH_SIZE];  /* the cgroup that holds this VM and no other process */
	char home[CGROUP_PATH_SIZE]; /* if divvy makes dir: where the VM came from; "": dir is the VM's own */
	bool made;                   /* divvy has made dir, and the VM is in it */
};

/*
 * Find the place; nothing is changed. It is the first of these that there is:
 * 1. the cgroup that divvy made for the VM earlier;
 * 2. the VM's own: only the VM and its children are in it, or systemd-machined, libvirt or Proxmox keep
 *    it for one VM;
 * 3. a new one (made is false) below the present one; or beside it, where cgroup v2 forbids "below" for
 *    a controller's sake.
 * name: the VM's. controller: what the cgroup must have ("cpu"), or NULL.
 * 0; -ESRCH: the VM is gone, whether or not another process has its
 * pid; -ENOENT: there is no such hierarchy; -EDEADLK: to pause the VM would pause
 * divvy; -EBUSY, -EOPNOTSUPP: the present cgroup can neither be used nor left. why is filled on failure,
 * except for -ESRCH.
 */
int place_find(const struct cgroup_host *h, enum cgroup_tree tree, const struct process *vm, const char *name,
	       const char *controller, struct place *out, char why[PLACE_WHY_SIZE]);

/*
 * Enable the controller. If the cgroup is divvy's, make it, and move the VM with all its threads and
 * children. Where another VM has taken p->dir since place_find(), p->dir gets another name: no two VMs share one.
 * 0; or negative errno with why filled, and nothing is left behind.
 */
int place_enter(const struct cgroup_host *h, struct place *p, const char *controller,
		char why[PLACE_WHY_SIZE]);

/*
 * If the cgroup is divvy's, move all processes back and remove it. Call it while the VM runs. 0, also
 * where the VM or the cgroup is gone already; -EBUSY: processes are still inside, call it again; ...
 */
int place_leave(struct place *p);

/*
 * Cgroups that this process, or a divvyd that is gone, made and did not remove; their pid is 0. *list is the
 * caller's to free. 0 or negative errno.
 */
int place_list(const struct cgroup_host *h, struct place **list, size_t *n);
