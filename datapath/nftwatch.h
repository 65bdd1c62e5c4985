/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Changes of nft's ruleset. When a hook appears at a device that packets would pass by, or goes from there, the
 * watcher is told, within 50 ms where the ruleset is small. Rules and sets move no hook, and cost nothing.
 */

#include "plan/hurdle.h"

#include <systemd/sd-event.h>

struct nftwatch;

/*
 * host and known, the hooks that the present plan was made with, are borrowed until nftwatch_close(). changed:
 * called when the hooks differ from them, or could not be read. 0, with *ret NULL on a kernel that tells of no
 * changes (that is logged); or negative errno.
 */
int nftwatch_open(struct nftwatch **ret, sd_event *event, const struct host *host,
		  const struct hurdle_list *known, void (*changed)(void *arg), void *arg);
/* NULL is fine. */
void nftwatch_close(struct nftwatch *w);

/* Whether nft answers now, although it could not be asked for the present plan. */
bool nftwatch_answers_again(const struct host *host, const struct hurdle_list *known);
