/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a text must be before a YAML parser sees it: UTF-8 without control characters, and not empty. */

#include "error.h"

#include <stddef.h>

/* 0; -EINVAL: the text is refused, *err says why and where. Reads the text once at most. */
int textcheck(const char *text, size_t size, struct spec_error *err);
