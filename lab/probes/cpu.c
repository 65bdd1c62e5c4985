/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cpu.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static uint64_t count(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void read_device(const json_t *device, const char *const *names, size_t n_vms, struct cpu_reading *out)
{
	const char *name = json_string_value(json_object_get(device, "name"));
	const json_t *cpu = json_object_get(device, "cpu");

	for (size_t i = 0; i < n_vms; i++) {
		if (!name || strcmp(name, names[i]) != 0 || !json_is_object(cpu))
			continue;
		out->vm[i].member = true;
		out->vm[i].used_ns = count(cpu, "used_ns");
		out->vm[i].entitled_ns = count(cpu, "entitled_ns");
		out->vm[i].pauses = count(cpu, "pauses");
	}
}

int cpu_reading_parse(const char *json, const char *const *names, size_t n_vms, struct cpu_reading *out)
{
	json_t *all = json_loads(json, 0, NULL);
	const json_t *schedule = json_object_get(all, "schedule"), *uplinks = json_object_get(all, "uplinks");
	const json_t *uplink, *device;
	struct cpu_reading c = { .there = true };
	size_t k, d;
	int r = !json_is_array(uplinks) ? -EBADMSG : json_is_object(schedule) ? 0 : -ENODATA;

	if (r == 0) {
		json_array_foreach(uplinks, k, uplink)
			json_array_foreach(json_object_get(uplink, "devices"), d, device)
				read_device(device, names, n_vms, &c);
		c.scheduler_ns = count(schedule, "scheduler_cpu_ns");
		c.decisions = count(schedule, "decisions");
		c.late_slots = count(schedule, "late_slots");
		c.skipped_slots = count(schedule, "skipped_slots");
		c.late_max_ms = json_number_value(json_object_get(schedule, "late_max_ms"));
		c.realtime = json_is_true(json_object_get(schedule, "realtime"));
		*out = c;
	}
	json_decref(all);
	return r;
}
