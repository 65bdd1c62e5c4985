/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The control groups that a libvirtd without systemd makes for its domains, and that stay when libvirtd is
 * killed with them. (systemd removes those that it has made for libvirt.)
 */

#include <sys/types.h>

/* Before a process is killed: remember the domain's group that it is in, if any. */
void libvirt_left_note(pid_t pid);
/* Afterwards: remove those groups. */
void libvirt_left_remove(void);
