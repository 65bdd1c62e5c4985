/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a text must be before a YAML parser is let near it: small, UTF-8, without controls. */

#include "spec.h"

/* 0, or -EINVAL with *err filled. One pass at most, none if the size alone decides. */
int guard_text(const char *text, size_t size, struct spec_error *err);
