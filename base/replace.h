/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A file that survives: replaced as a whole, on the disk when the call returns, and never thrown away. */

#include <stddef.h>

/*
 * Replace dir/name by these bytes, mode 0600. The new file is written beside it, flushed, and renamed; then the
 * directory is flushed: after a crash or a power failure there is the former file or the new one, whole. 0; or
 * negative errno, and the former file is there as it was, except where the last step failed: then it is the
 * former or the new one.
 */
int replace_file(const char *dir, const char *name, const void *data, size_t size);

/*
 * Rename dir/name, which may be anything, to dir/name.bad-N with the lowest N that is free. kept gets the new
 * path. 0; -EEXIST: 1,000 such names are taken; or another negative errno of rename(2).
 */
int replace_set_aside(const char *dir, const char *name, char *kept, size_t size);
