/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which nft hooks there are at the devices of this host, asked from the kernel. */

#include "plan/hurdle.h"

/*
 * Fill *out, the caller's to free. out->error says whether nft answered. 0 or -ENOMEM; *out is untouched on
 * failure.
 */
int hurdles_read(const struct host *h, struct hurdle_list *out);
