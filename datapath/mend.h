/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * When to look (look.h), and to put right what other programs changed: soon after an event that names a link of
 * divvy's, and less often where such events do not end.
 */

#include "look.h"

#include <linux/netlink.h>
#include <systemd/sd-event.h>

struct mend;

/*
 * what is borrowed until mend_close(). differs: called when a look has found that something differs from what
 * runs; it applies what runs (reconcile.h). 0 or negative errno.
 */
int mend_open(struct mend **ret, sd_event *event, const struct look *what, void (*differs)(void *arg),
	      void *arg);
struct mend *mend_close(struct mend *m); /* NULL is fine; returns NULL */

/* A tc event of another program named this link. */
void mend_tc(struct mend *m, uint32_t ifindex);
/* RTM_NEWACTION or RTM_DELACTION of another program: any filter may use the action. */
void mend_action(struct mend *m, const struct nlmsghdr *nlh);
/* A message of the link group: is it of an IFB of divvy's that is no longer as divvy made it? */
void mend_link(struct mend *m, const struct nlmsghdr *nlh);
