/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

/*
 * What the evaluation's programs call themselves, {"QEMU": "QEMU emulator version ...", ...}; those that are
 * not installed are left out. A new reference, NULL: out of memory.
 */
json_t *versions_object(void);
