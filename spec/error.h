/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Filling struct spec_error. Inside spec/ only. */

#include "spec.h"

/* Fill *err with a place and one line; returns -EINVAL. */
__attribute__((format(printf, 4, 5))) int spec_refuse(struct spec_error *err, uint32_t line, uint32_t column,
						      const char *fmt, ...);
/* The same for a want of memory; returns -ENOMEM. */
int spec_no_memory(struct spec_error *err);
