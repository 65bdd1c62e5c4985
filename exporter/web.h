/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one user of libmicrohttpd: requests in, answers out, all in the caller's thread. */

#include "feed.h"

#include <stdint.h>

/*
 * Connections at a time: a further client takes the place of the one whose latest request is the oldest. One that says
 * nothing for WEB_PATIENCE_S is closed.
 */
#define WEB_CONNECTIONS 64
#define WEB_PATIENCE_S 15
/* Clients that read slowly have so much of answers before them at most, bytes, and one answer more; then the same leaves. */
#define WEB_UNSENT_MAX (size_t)(32 * 1024 * 1024)

struct web;

struct web_config {
	struct feed *feed;         /* borrowed */
	const char *const *names;  /* that Host: may have, besides loopback's; borrowed */
	size_t n_names;
};

/* fd: listens; taken, also on failure. NULL: the server cannot be started. */
struct web *web_open(int fd, const struct web_config *config);
void web_close(struct web *w);

/* To be polled for POLLIN; then, and after web_wait_ms(), web_run(). */
int web_fd(const struct web *w);
/* Milliseconds until the server has something to do by itself; -1: nothing. */
int web_wait_ms(const struct web *w);
void web_run(struct web *w);
