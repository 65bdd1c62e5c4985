/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A file's POSIX access control list, acl(5): what a file of two groups needs. */

#include <sys/types.h>

/*
 * Gives the file to its owner, its group and the group gid, each to read and write, and to no other user. 0;
 * -EOPNOTSUPP: its file system keeps no such lists; negative errno of setxattr(2).
 */
int acl_share_with(const char *path, gid_t gid);
