/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "versions.h"

#include "base/cleanup.h"
#include "proc.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *const argv[4];
} programs[] = {
	{ "QEMU", { "qemu-system-x86_64", "--version" } },
	{ "iperf3", { "iperf3", "--version" } },
	{ "iperf", { "iperf", "-v" } },
	{ "ping", { "ping", "-V" } },
	{ "iproute2", { "tc", "-V" } },
	{ "ffmpeg", { "ffmpeg", "-version" } },
	{ "libvirt", { "libvirtd", "--version" } },
	{ "gnuplot", { "gnuplot", "--version" } },
};

/* os-release(5): PRETTY_NAME="...". */
static void add_system(json_t *o)
{
	_cleanup_free_ char *text = NULL;
	static const char key[] = "PRETTY_NAME=\"";
	const char *from;

	if (proc_read_ns(NULL, "/etc/os-release", &text) < 0 || !(from = strstr(text, key)))
		return;
	from += strlen(key);
	json_object_set_new(o, "system", json_stringn(from, strcspn(from, "\"\n")));
}

json_t *versions_object(void)
{
	json_t *o = json_object();

	if (!o)
		return NULL;
	json_object_set_new(o, "divvy", json_string(DIVVY_VERSION));
	add_system(o);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		_cleanup_free_ char *output = NULL;

		if (proc_runv(NULL, programs[i].argv, NULL, &output, NULL) < 0 || !output || !*output)
			continue;
		/* the first line */
		json_object_set_new(o, programs[i].name, json_stringn(output, strcspn(output, "\n")));
	}
	return o;
}
