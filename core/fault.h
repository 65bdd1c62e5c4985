/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is wrong with a node of a model, in one line. Inside core/ only: model_validate() is the way in. */

#include "model.h"

#define FAULT_RATE_SIZE 32

/* Fills *err: 'device "a/web": ' and the text, cut where it does not fit. Returns -EINVAL. */
__attribute__((format(printf, 5, 6))) int fault_at(struct model_error *err, const struct model *m, uint32_t node,
						   enum model_part part, const char *fmt, ...);
/* A rate in the largest of a specification's units that it is a whole number of. Returns buf. */
const char *fault_rate(uint64_t bytes_ps, char buf[FAULT_RATE_SIZE]);
