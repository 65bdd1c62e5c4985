// SPDX-License-Identifier: GPL-2.0-or-later
#include "answer.h"

bool answer_undivided(const json_t *device)
{
	const json_t *nic;
	size_t i;

	json_array_foreach(json_object_get(device, "nics"), i, nic)
		if (json_is_object(json_object_get(nic, "undivided")))
			return true;
	return json_is_object(json_object_get(device, "undivided"));
}
