/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fault.h"

#include "base/cleanup.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const kind_text[] = {
	[NODE_UPLINK] = "uplink",
	[NODE_NETWORK] = "network",
	[NODE_DEVICE] = "device",
};

static_assert(sizeof(((struct model_error *)0)->text) > MODEL_FULL_NAME_SIZE + sizeof("network \"\": "),
	      "the node's name leaves no room for what is wrong with it");

int fault_at(struct model_error *err, const struct model *m, uint32_t node, enum model_part part, const char *fmt, ...)
{
	char name[MODEL_FULL_NAME_SIZE];
	va_list ap;
	int n;

	err->line = m->nodes[node].line;
	err->node = node;
	err->part = part;
	n = snprintf(err->text, sizeof(err->text), "%s \"%s\": ", kind_text[m->nodes[node].kind],
		     model_full_name(m, node, name));
	va_start(ap, fmt);
	vsnprintf(err->text + n, sizeof(err->text) - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

const char *fault_rate(uint64_t bytes_ps, char buf[FAULT_RATE_SIZE])
{
	static const struct {
		uint64_t bits;
		const char *unit;
	} units[] = { { 1000000000, "gbit" }, { 1000000, "mbit" }, { 1000, "kbit" } };
	uint64_t bits = rate_bits((struct rate){ bytes_ps });

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (bits >= units[i].bits && !(bits % units[i].bits)) {
			snprintf(buf, FAULT_RATE_SIZE, "%" PRIu64 "%s", bits / units[i].bits, units[i].unit);
			return buf;
		}
	}
	snprintf(buf, FAULT_RATE_SIZE, "%" PRIu64 "bit", bits);
	return buf;
}
