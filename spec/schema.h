/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The keys of a specification, and what each may hold: tables that the parser walks. Inside spec/ only.
 */

#include "fields.h"

#include "core/model.h"

#define FIELDS_MAX 14

struct object {
	const char *what;    /* "a device" */
	enum node_kind kind; /* of the nodes that a list of such objects makes */
	size_t n_fields;     /* at most FIELDS_MAX */
	struct field fields[FIELDS_MAX];
};

/* The keys at the top of the file that are no part of the model. */
struct preamble {
	uint64_t version;
};

extern const struct object schema_root, schema_uplink, schema_network, schema_others, schema_device, schema_rx,
	schema_schedule;
/* Of the network that has no name in the file, and is called so. */
#define SPEC_OTHERS_NAME "others"
/* Words of enum resource, enum backpressure_mode, enum hook_place and enum device_as, NULL-terminated. */
extern const char *const schema_resources[], *const schema_backpressures[], *const schema_hooks[], *const schema_as[];

#define SPEC_OVERHEAD_MAX 256
/* Of a burst, bytes: a full frame; 256 MiB, more than any port's buffers. */
#define SPEC_BURST_MIN 1514
#define SPEC_BURST_MAX (1ULL << 28)

/* The keys that a node of the model may have in the file. */
const struct object *schema_of_node(const struct node *node);

/* The field with that key; NULL: there is none. */
const struct field *schema_find(const struct object *o, const char *key);
/* The key that the author of an unknown key probably meant; NULL: none is near. */
const char *schema_suggest(const struct object *o, const char *key);
/* "name, nic, vm or mac": all its keys. Returns buf. */
const char *schema_keys(const struct object *o, char *buf, size_t size);
