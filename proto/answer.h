/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What an answer of status says that takes more than one of its keys, for all programs that show it. */

#include <jansson.h>
#include <stdbool.h>

/* device: one of the answer's. Whether packets of one of its vNICs, or of the only one, pass divvy by. */
bool answer_undivided(const json_t *device);
