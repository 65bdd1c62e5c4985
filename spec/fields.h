/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Values of keys: a row of a schema's table, and the parsers of single values that rows name. Inside spec/
 * only.
 */

#include "units.h"

#include <stddef.h>
#include <stdint.h>

struct object;
struct field;

/*
 * Parses text into the member at f->offset of object. 0; -EINVAL: err says what is wrong, as in units.h, and
 * the member is untouched.
 */
typedef int field_parser(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE]);

enum field_flags {
	FIELD_REQUIRED = 1 << 0,
	FIELD_SELECTOR = 1 << 1, /* a device has exactly one of these */
	FIELD_LIST = 1 << 2,     /* the value is a list of objects, each of them a node of the model */
	FIELD_NODE = 1 << 3,     /* the value is an object, and a node of the model */
	FIELD_CONTENT = 1 << 4,  /* an object has one of these at least */
	FIELD_SET = 1 << 5,      /* of a node: `divvy set` changes it while it runs */
	FIELD_TERMS = 1 << 6,    /* the value is a word, or an object: a node's terms in the other direction */
};

struct field {
	const char *key;
	const char *expected;        /* completes "expected ..." */
	field_parser *parse;         /* NULL: the value is an object or a list of objects */
	size_t offset;               /* of the member, bytes */
	uint64_t min, max;           /* of numbers; of times, nanoseconds */
	const char *const *words;    /* NULL-terminated, in the order of the enum */
	const struct object *object; /* of the value, or of each item of the list */
	const char *also;            /* other programs' names of the key, with a blank around each */
	unsigned int flags;          /* enum field_flags */
};

/* The only value of the key "version". */
#define SPEC_VERSION 1

/*
 * The member: char[MODEL_NAME_SIZE] (name); struct node itself, its selector (nic, vm, mac, container), its capacity (a
 * rate, or a part of a link's speed) and what it receives (rx, rx_capacity); struct share; struct rate (limit and
 * reserve: a rate or "none"); uint64_t (burst: bytes or "none"); uint16_t (overhead); an enum (word: f->words);
 * char[POLICY_NAME_SIZE] (policy); bool; uint64_t (time, nanoseconds; version); uint32_t (count).
 */
field_parser field_name, field_nic, field_vm, field_mac, field_container, field_share, field_capacity, field_limit,
	field_reserve, field_burst, field_rx, field_rx_capacity, field_overhead, field_word, field_policy, field_bool,
	field_time, field_count, field_version;
