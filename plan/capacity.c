/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capacity.h"

#include <string.h>

const struct uplink_speed *capacity_speed(const struct uplink_speed *list, size_t n, const char *uplink)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].uplink, uplink) == 0)
			return &list[i];
	return NULL;
}

static struct rate part_of(uint64_t bits_ps, struct part part)
{
	unsigned __int128 bytes = (unsigned __int128)bits_ps * part.ppm / PART_MAX / 8;

	if (bytes > RATE_MAX_BYTES_PS)
		bytes = RATE_MAX_BYTES_PS;
	return (struct rate){ bytes < RATE_MIN_BYTES_PS ? RATE_MIN_BYTES_PS : (uint64_t)bytes };
}

void capacity_resolve(struct model *m, const struct uplink_speed *list, size_t n)
{
	for (size_t i = 0; i < m->n_nodes; i = model_end(m, i)) {
		struct node *node = &m->nodes[i];
		const struct uplink_speed *s = node->of_link.ppm ? capacity_speed(list, n, node->name) : NULL;

		if (node->of_link.ppm)
			node->limit = s ? part_of(s->bits_ps, node->of_link) : (struct rate){ RATE_MAX_BYTES_PS };
	}
}
