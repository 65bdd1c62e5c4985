// SPDX-License-Identifier: GPL-2.0-or-later
#include "answer.h"

static enum answer_divided of_one(const json_t *o)
{
	const json_t *undivided = json_object_get(o, "undivided");

	if (!json_is_object(undivided))
		return ANSWER_DIVIDED;
	return json_is_false(json_object_get(undivided, "known")) ? ANSWER_NOT_KNOWN : ANSWER_UNDIVIDED;
}

enum answer_divided answer_divided(const json_t *flow)
{
	enum answer_divided worst = of_one(flow);
	const json_t *nic;
	size_t i;

	json_array_foreach(json_object_get(flow, "nics"), i, nic)
		if (of_one(nic) > worst)
			worst = of_one(nic);
	return worst;
}
