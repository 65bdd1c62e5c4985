// SPDX-License-Identifier: GPL-2.0-or-later
#include "privilege.h"

#include "core/cleanup.h"

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

static void cap_freep(cap_t *c)
{
	cap_free(*c);
}

int privilege_drop(char *errtext, size_t size)
{
	_cleanup_(cap_freep) cap_t caps = cap_init();
	_cleanup_(cap_freep) cap_t now = cap_get_proc();
	cap_value_t have[ARRAY_SIZE(kept)];
	int n = 0;

	if (!caps || !now)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (cap_get_flag(now, kept[i], CAP_PERMITTED, &set) == 0 && set == CAP_SET)
			have[n++] = kept[i];
	}
	if (cap_set_flag(caps, CAP_PERMITTED, n, have, CAP_SET) < 0 ||
	    cap_set_flag(caps, CAP_EFFECTIVE, n, have, CAP_SET) < 0 || cap_set_proc(caps) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		int err = errno;

		snprintf(errtext, size, "cannot drop rights: %s", strerror(err));
		return -err;
	}
	return 0;
}
