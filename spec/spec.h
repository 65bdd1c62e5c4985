/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A specification: YAML text to a model, and a model to text. */

#include "error.h"

#include "core/model.h"

/* Bytes. A control message (1 MiB) has room for an ordinary text of this size after JSON escaping. */
#define SPEC_TEXT_MAX (768 * 1024)

/*
 * Parses and validates a text. The text need not end in NUL, and may hold anything (binary, 10 MB, deep
 * nesting). 0: the caller frees *out with model_free(); -EINVAL: the text is refused (also for its size or
 * depth); -ENOMEM. On failure *err is filled and *out is untouched.
 */
int spec_parse(const char *text, size_t size, struct model *out, struct spec_error *err);

/*
 * The model as a text that parses back to the same model. Two things differ: the nodes' lines, and the order
 * of networks and devices that take turns under one node. The text leaves out what equals a default.
 * malloc()ed; NULL: out of memory.
 */
char *spec_format(const struct model *m);

/*
 * The key ("share", "reserve", "limit", "burst", "capacity") that `divvy set NAME.KEY=VALUE` means by this word: the
 * word itself, or one that is near it. NULL: none.
 */
const char *spec_node_key(const char *word);
/* Whether the word is a key of an uplink, network or device in the file, also one that `divvy set` cannot change. */
bool spec_is_node_key(const char *word);

/* In front of a key of what a node receives: "rx.limit". */
#define SPEC_RX_PREFIX "rx."

/*
 * Changes one key of a node, as `divvy set NAME.KEY=TEXT` does. 0; -EINVAL: *err says why, without the node's name, and
 * *node is untouched. What no single field shows is left to model_validate().
 */
int spec_set_node(struct node *node, const char *key, const char *text, struct spec_error *err);

/* True if a schedule has this key. */
bool spec_is_schedule_key(const char *key);

/*
 * Changes one key of a schedule ("policy", "slot", ...), as `divvy set schedule.KEY=TEXT` does. 0; -EINVAL:
 * *err says why, and *s is untouched.
 */
int spec_set_schedule(struct schedule *s, const char *key, const char *text, struct spec_error *err);
