// SPDX-License-Identifier: GPL-2.0-or-later
#include "privilege.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

/* Each with the reason why it is kept; `doc/architecture.md` lists the same. */
static const cap_value_t kept[] = {
	CAP_NET_ADMIN,       /* links, qdiscs, classes, filters */
	CAP_BPF,             /* maps and programs */
	CAP_PERFMON,         /* a program of class sched_cls on kernels that ask for it */
	CAP_SYS_PTRACE,      /* pidfd_getfd() from VMMs of other users */
	CAP_DAC_READ_SEARCH, /* /proc/PID/fd of other users */
	CAP_SYS_NICE,        /* SCHED_FIFO for the slot thread */
	CAP_SYS_RESOURCE,    /* netlink buffers beyond rmem_max */
};

/* Permitted, but in force only while a VM is moved to or from a cgroup, or BPF programs are asked for. */
static const cap_value_t reserved[] = {
	CAP_SYS_ADMIN,    /* trusted.* extended attributes: the marks on cgroups; BPF programs of others */
	CAP_DAC_OVERRIDE, /* cgroups that are delegated to other users */
};

static void cap_freep(cap_t *c)
{
	cap_free(*c);
}

/* Set those of list that the process is permitted to have. */
static int set_flag(cap_t caps, cap_flag_t flag, cap_t permitted, const cap_value_t *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (cap_get_flag(permitted, list[i], CAP_PERMITTED, &set) < 0 || set == CAP_CLEAR)
			continue;
		if (cap_set_flag(caps, flag, 1, &list[i], CAP_SET) < 0)
			return -1;
	}
	return 0;
}

int privilege_drop(char *errtext, size_t size)
{
	_cleanup_(cap_freep) cap_t caps = cap_init();
	_cleanup_(cap_freep) cap_t now = cap_get_proc();

	if (!caps || !now)
		return -ENOMEM;
	if (set_flag(caps, CAP_PERMITTED, now, kept, ARRAY_SIZE(kept)) < 0 ||
	    set_flag(caps, CAP_EFFECTIVE, now, kept, ARRAY_SIZE(kept)) < 0 ||
	    set_flag(caps, CAP_PERMITTED, now, reserved, ARRAY_SIZE(reserved)) < 0 ||
	    cap_set_proc(caps) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		int err = errno;

		snprintf(errtext, size, "cannot drop rights: %s", strerror(err));
		return -err;
	}
	return 0;
}

bool privilege_holds_ptrace(void)
{
	_cleanup_(cap_freep) cap_t now = cap_get_proc();
	cap_flag_value_t set = CAP_CLEAR;

	return now && cap_get_flag(now, CAP_SYS_PTRACE, CAP_EFFECTIVE, &set) == 0 && set == CAP_SET;
}

bool privilege_reserve(bool on)
{
	_cleanup_(cap_freep) cap_t now = cap_get_proc();
	cap_flag_value_t before = CAP_CLEAR;

	if (!now)
		return false;
	cap_get_flag(now, reserved[0], CAP_EFFECTIVE, &before);
	if ((before == CAP_SET) == on)
		return on;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (cap_get_flag(now, reserved[i], CAP_PERMITTED, &set) == 0 && set == CAP_SET)
			cap_set_flag(now, CAP_EFFECTIVE, 1, &reserved[i], on ? CAP_SET : CAP_CLEAR);
	}
	cap_set_proc(now);
	return before == CAP_SET;
}
