/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One connection to divvyd. */

#include "proto.h"

struct client {
	int fd;
	int64_t id;
	char *buf; /* what came behind the latest answer; owned */
	size_t len, size;
};

/* Connect to $DIVVY_SOCKET or /run/divvy/divvy.sock. Complains and returns negative errno. */
int client_open(struct client *c);
void client_closep(struct client *c);

/*
 * Ask and wait. args is stolen. 0 with *result a new reference; -EREMOTEIO with *err what divvyd said;
 * negative errno with *err filled where the connection failed.
 */
int client_ask(struct client *c, const char *verb, json_t *args, json_t **result, struct spec_error *err);

/* Open, ask, close; complains. 0 or negative errno. */
int client_once(const char *verb, json_t *args, json_t **result);
