/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What keys a specification has, and what each may hold: tables that the parser walks. Inside spec/ only. */

#include "units.h"

#include "core/model.h"

struct object;

enum field_flags {
	FIELD_REQUIRED = 1 << 0,
	FIELD_SELECTOR = 1 << 1, /* exactly one of these in a device */
	FIELD_LIST = 1 << 2,     /* a list of objects, each a node of the model */
};

struct field {
	const char *key;
	const char *expected; /* completes "expected ..." */
	/*
	 * A scalar's parser: text to the member at offset of object. 0, or -EINVAL with err filled as
	 * in units.h. NULL: the value is an object or a list of them.
	 */
	int (*parse)(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE]);
	size_t offset;
	uint64_t min, max;           /* numbers and times */
	const char *const *words;    /* NULL-terminated, in the order of the enum */
	const struct object *object; /* of the value, or of each item of the list */
	const char *also;            /* what others call it: words between blanks, with one at each end */
	const char *not_yet; /* set: the key is designed but cannot be used in this version, and why */
	unsigned int flags;
};

#define FIELDS_MAX 12

struct object {
	const char *what;    /* "a device" */
	enum node_kind kind; /* of a list's item */
	size_t n_fields;     /* at most FIELDS_MAX */
	struct field fields[FIELDS_MAX];
};

/* What stands at the top of the file and is no part of the model. */
struct preamble {
	uint64_t version;
};

extern const struct object schema_root, schema_uplink, schema_network, schema_device, schema_schedule;
extern const char *const schema_resources[], *const schema_backpressures[];

#define SPEC_VERSION 1
/*
 * Preamble and start delimiter (8), FCS (4), interframe gap (12) of an Ethernet frame: IEEE 802.3, 3 and 4.
 */
#define SPEC_OVERHEAD_DEFAULT 24
#define SPEC_OVERHEAD_MAX 256

/* The field of that key, or NULL. */
const struct field *schema_find(const struct object *o, const char *key);
/* The key that somebody who wrote key probably meant, or NULL. */
const char *schema_suggest(const struct object *o, const char *key);
/* "name, nic, vm or mac": the keys that can be used. Returns buf. */
const char *schema_keys(const struct object *o, char *buf, size_t size);
/* "paper, smooth or credit". Returns buf. */
const char *schema_words(const char *const *words, char *buf, size_t size);
/* The nearest of words, or NULL if none is near. */
const char *schema_nearest(const char *const *words, const char *text);
