// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmm_api.h"

#include "base/cleanup.h"
#include "base/printable.h"

#include <limits.h>
#include <string.h>

/* Takes the last part off a path, and returns it. */
static char *last_part(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return path;
	*slash = '\0';
	return slash + 1;
}

static bool is_generic(const char *name)
{
	static const char *const names[] = { "api", "clh-api", "ch", "ch-api", "cloud-hypervisor", "crosvm",
					     "crosvm_control", "control" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/*
 * Its socket is all that tells one such VM from another: /run/ch/web.sock, libvirt's /run/libvirt/ch/web-socket or,
 * where the file's name says nothing, /run/vc/vm/web/clh-api.sock.
 */
static void name_by_socket(const char *option, struct vmm_nic *out)
{
	static const char suffix[] = "-socket";
	char path[PATH_MAX], *name, *dot;
	size_t n;

	if (!vmm_value(option, "path", path, sizeof(path)))
		vmm_copy(path, sizeof(path), option);
	if (!strncmp(path, "fd=", 3))
		return;
	name = last_part(path);
	dot = strrchr(name, '.');
	if (dot && dot != name)
		*dot = '\0';
	n = strlen(name);
	if (n > strlen(suffix) && !strcmp(name + n - strlen(suffix), suffix))
		name[n - strlen(suffix)] = '\0';
	if (is_generic(name) && name != path && *path)
		name = last_part(path);
	printable_name(name, out->vm, sizeof(out->vm));
}

/* The value of --net, and of each further argument behind it up to the next option; NULL: a is none. */
static const char *net_value(const char *a, bool *net)
{
	if (*a != '-')
		return *net ? a : NULL;
	*net = !strncmp(a, "--net", 5) && (a[5] == '\0' || a[5] == '=');
	return *net && a[5] ? a + 6 : NULL;
}

/* The NIC's MAC address, by the key that names its tap. descriptors: the key of inherited ones, or NULL. */
static void mac_by_net(const struct vmm_question *q, const char *tap, const char *descriptors, bool makes_taps,
		       struct vmm_nic *out)
{
	const char *only = NULL, *found = NULL;
	char value[2048];
	size_t unnamed = 0;
	bool net = false;

	for (char *const *a = q->argv; *a && !found; a++) {
		const char *v = net_value(*a, &net);

		if (!v)
			continue;
		if (vmm_value(v, tap, value, sizeof(value))) {
			found = strcmp(value, q->tap) ? NULL : v;
		} else if (vmm_value(v, descriptors, value, sizeof(value))) {
			found = vmm_names_fd(q, value) ? v : NULL;
		} else {
			only = v;
			unnamed++;
		}
	}
	out->guessed = !found && unnamed == 1 && makes_taps;
	if (out->guessed)
		found = only;
	if (found && vmm_value(found, "mac", value, sizeof(value)))
		vmm_copy(out->mac, sizeof(out->mac), value);
}

void vmm_describe_cloud_hypervisor(const struct vmm_question *q, struct vmm_nic *out)
{
	const char *socket = vmm_argument(q->argv, "api-socket");

	if (socket)
		name_by_socket(socket, out);
	vmm_copy(out->model, sizeof(out->model), "virtio-net");
	/* A tap that is not named it makes itself, and calls it vmtapN. */
	mac_by_net(q, "tap", "fd", true, out);
}

void vmm_describe_crosvm(const struct vmm_question *q, struct vmm_nic *out)
{
	const char *name = vmm_argument(q->argv, "name");
	const char *socket = vmm_argument(q->argv, "socket");

	if (!socket)
		socket = vmm_argument(q->argv, "s");
	if (name)
		printable_name(name, out->vm, sizeof(out->vm));
	else if (socket)
		name_by_socket(socket, out);
	mac_by_net(q, "tap-name", "tap-fd", false, out);
}
