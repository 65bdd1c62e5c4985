/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Why divvyd does not answer, as far as its client can tell: from the socket, /proc and doing.h. */

#include <stdbool.h>
#include <stddef.h>

/*
 * fd: a socket that is connected to divvyd, or that would be if divvyd had taken the connection; path: the
 * socket's. waited_s: how long the client has waited, seconds. text: room for one line for a person, without a
 * final newline.
 */
void waiting_explain(int fd, const char *path, unsigned int waited_s, char *text, size_t size);
