/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A cgroup for a VM in which nobody else is: its own where it has one, else one that divvy makes. */

#include "cgroup.h"

/* A reason and the way out, for a person. */
#define PLACE_WHY_SIZE 300
/* Basename of what divvy makes: "divvy-<name>". */
#define PLACE_PREFIX "divvy-"
/* Marks what divvy made, with the directory that the VM came from, so that a later start finds it. */
#define PLACE_XATTR_HOME "trusted.divvy.home"

struct place {
	pid_t pid;
	enum cgroup_tree tree;
	char dir[CGROUP_PATH_SIZE];  /* of the cgroup that holds this VM and nobody else */
	char home[CGROUP_PATH_SIZE]; /* divvy's own cgroup: where the VM came from; "": it is the VM's own */
	bool made;                   /* of divvy's own: it exists and the VM is in it */
};

/*
 * Find the place; changes nothing. In this order: the cgroup that divvy made for it earlier; the VM's own, if
 * nobody but it and its children is inside, or if it is one that systemd-machined, libvirt or Proxmox keep
 * for one VM; else a new one (made is false) below the present one, or, where cgroup v2 forbids that for a
 * controller's sake, beside it. name: the VM's. controller: what the cgroup must have ("cpu"), or NULL.
 * -ESRCH; -ENOENT if there is no such hierarchy; -EDEADLK if pausing it would pause divvy; -EBUSY or
 * -EOPNOTSUPP where the present cgroup can neither be used nor left. *why is filled on
 * failure, but for -ESRCH.
 */
int place_find(const struct cgroup_host *h, enum cgroup_tree tree, pid_t pid, const char *name,
	       const char *controller, struct place *out, char why[PLACE_WHY_SIZE]);

/*
 * Make the cgroup, if it is divvy's own, and move the VM with all its threads and children; enable the
 * controller. Fails like place_find(), and then nothing is left behind.
 */
int place_enter(const struct cgroup_host *h, struct place *p, const char *controller,
		char why[PLACE_WHY_SIZE]);

/*
 * Move everybody back and remove the cgroup; nothing to do on a VM's own. Call it with the VM running. 0 also
 * where VM or cgroup are gone already; -EBUSY if somebody is still inside: call it again.
 */
int place_leave(struct place *p);

/*
 * Cgroups that a divvyd which is gone, or this process, made and did not remove; pid is 0. *list is the
 * caller's to free. 0 or negative errno.
 */
int place_list(const struct cgroup_host *h, struct place **list, size_t *n);
