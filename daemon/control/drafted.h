/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `divvy discover --spec`: a specification of what is there, as a text that can be applied as it is. */

#include "daemon/state/daemon.h"
#include "spec/error.h"

/* malloc()ed, the caller's; NULL: *err says why. */
char *drafted_text(const struct daemon *d, struct spec_error *err);
