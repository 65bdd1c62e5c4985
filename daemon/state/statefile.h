/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The file that the state is kept in: which file is believed, and what has to stand in it. What is not believed
 * is kept aside, for a person to look at.
 */

#include <jansson.h>
#include <stddef.h>

#define STATEFILE_NAME "state.json"
#define STATEFILE_VERSION 1
#define STATEFILE_BOOT_SIZE 40 /* of a boot's id, including the final NUL */

/*
 * Read dir's file. 0: *root is the caller's, and has every part in its shape; -ENOENT: there is none; another
 * negative errno: it cannot be used, and why says so, as "is empty". Outputs are untouched otherwise.
 */
int statefile_read(const char *dir, json_t **root, char *why, size_t size);
/* Which boot of the host this is; "" where the kernel does not tell. */
void statefile_boot_id(char id[STATEFILE_BOOT_SIZE]);
