/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who is meant by a request. A web page elsewhere can have its own name point to this host's loopback address, and a
 * browser here then sends that page's requests to the exporter (DNS rebinding); its Host: header tells.
 */

#include <stdbool.h>
#include <stddef.h>

/*
 * host: the Host: header; NULL: there was none. Allowed are localhost, 127.0.0.0/8 and [::1], and the n names, each with
 * any port or none.
 */
bool origin_is_allowed(const char *host, const char *const *names, size_t n);
