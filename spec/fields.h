/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Parsers of single values, for schema.c's tables: text to a member of struct node, schedule or preamble. */

#include "schema.h"

typedef int field_parser(const struct field *f, const char *text, void *object, char err[UNITS_ERR_SIZE]);

field_parser field_name, field_nic, field_vm, field_mac, field_share, field_rate, field_overhead, field_word,
	field_policy, field_bool, field_time, field_count, field_version;
