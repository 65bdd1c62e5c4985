/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the exporter listens: a loopback address, or a Unix socket. */

#include <stdbool.h>
#include <stddef.h>

/*
 * where: "127.0.0.1:PORT", "[::1]:PORT", "localhost:PORT", or a path that begins with a slash, whose stale socket is
 * replaced; all may connect to it who may enter its directory. Returns a descriptor that listens, which does not block;
 * or negative errno, with a line for a person in errtext.
 */
int listen_open(const char *where, char *errtext, size_t size);
