/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm_cmdline.h"

#include "vmm_options.h"
#include "vmm_qemu.h"

#include "base/cleanup.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static void name_by(const struct vmm_question *q, const char *option, struct vmm_nic *out)
{
	const char *name = vmm_argument(q->argv, option);

	if (name && !*out->vm)
		vmm_copy(out->vm, sizeof(out->vm), name);
}

static void describe_virtualbox(const struct vmm_question *q, struct vmm_nic *out)
{
	name_by(q, "comment", out);
	name_by(q, "startvm", out); /* a name or a UUID */
	name_by(q, "s", out);
}

static void describe_firecracker(const struct vmm_question *q, struct vmm_nic *out)
{
	name_by(q, "id", out);
	vmm_copy(out->model, sizeof(out->model), "virtio-net");
}

static void describe_by_name(const struct vmm_question *q, struct vmm_nic *out)
{
	name_by(q, "name", out);
}

/* key=value of a Cloud Hypervisor option; commas inside [] do not end a value. */
static bool ch_value(const char *text, const char *key, char *value, size_t size)
{
	size_t klen = strlen(key);

	while (*text) {
		size_t k = 0;

		for (int depth = 0; text[k] && (text[k] != ',' || depth); k++)
			depth += (text[k] == '[') - (text[k] == ']');
		if (k > klen && !strncmp(text, key, klen) && text[klen] == '=') {
			snprintf(value, size, "%.*s", (int)(k - klen - 1), text + klen + 1);
			return true;
		}
		text += k + (text[k] == ',');
	}
	return false;
}

/*
 * Its API socket is all that tells one Cloud Hypervisor from another: /run/ch/web.sock or, where the file's
 * name says nothing, /run/vc/vm/web/clh-api.sock.
 */
static void name_by_socket(const char *option, struct vmm_nic *out)
{
	static const char *const generic[] = { "api", "clh-api", "ch", "ch-api", "cloud-hypervisor" };
	char path[256], *base, *dot;

	if (!ch_value(option, "path", path, sizeof(path)))
		vmm_copy(path, sizeof(path), option);
	if (!strncmp(path, "fd=", 3))
		return;
	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	if (dot && dot != base)
		*dot = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(generic); i++) {
		if (strcmp(base, generic[i]) || base == path)
			continue;
		base[-1] = '\0';
		base = strrchr(path, '/');
		base = base ? base + 1 : path;
		break;
	}
	vmm_copy(out->vm, sizeof(out->vm), base);
}

static void describe_cloud_hypervisor(const struct vmm_question *q, struct vmm_nic *out)
{
	const char *option = vmm_argument(q->argv, "api-socket");
	const char *only = NULL, *found = NULL;
	char value[2048];
	size_t unnamed = 0;
	bool net = false;

	if (option)
		name_by_socket(option, out);
	vmm_copy(out->model, sizeof(out->model), "virtio-net");
	/* --net takes several values */
	for (char *const *a = q->argv; *a && !found; a++) {
		const char *v = *a;
		if (*v == '-') {
			net = !strncmp(v, "--net", 5) && (v[5] == '\0' || v[5] == '=');
			if (!net || v[5] == '\0')
				continue;
			v += 6;
		}
		if (!net)
			continue;
		if (ch_value(v, "tap", value, sizeof(value))) {
			found = strcmp(value, q->tap) ? NULL : v;
		} else if (ch_value(v, "fd", value, sizeof(value))) {
			found = vmm_names_fd(q, value) ? v : NULL;
		} else {
			only = v;
			unnamed++;
		}
	}
	out->guessed = !found && unnamed == 1; /* it makes the tap itself and names it vmtapN */
	if (out->guessed)
		found = only;
	if (found && ch_value(found, "mac", value, sizeof(value)))
		vmm_copy(out->mac, sizeof(out->mac), value);
}

/*
 * Every VMM: its name here and in texts, how its process is called (patterns for comm, which holds 15
 * characters, and for the base name of argv[0]), what its command line tells, and whether it waits while the
 * tap says EAGAIN. QEMU (which judges by the NIC's model) and Cloud Hypervisor stop serving the ring;
 * Firecracker drops the frame and counts it in tap_write_fails.
 */
static const struct vmm_kind {
	const char *name, *title;
	const char *programs[6];
	void (*describe)(const struct vmm_question *q, struct vmm_nic *out);
	enum vmm_why reason;
} kinds[] = {
	{ "qemu", "QEMU", { "qemu-system-*", "qemu-kvm*", "kvm", ".qemu-*" }, vmm_describe_qemu,
	  VMM_WHY_NO_MODEL },
	{ "virtualbox", "VirtualBox", { "VBoxHeadless", "VirtualBoxVM", "VBoxSDL" }, describe_virtualbox,
	  VMM_WHY_UNTRIED },
	{ "firecracker", "Firecracker", { "firecracker*" }, describe_firecracker, VMM_WHY_DROPS },
	{ "cloud-hypervisor", "Cloud Hypervisor", { "cloud-hyperviso*" }, describe_cloud_hypervisor,
	  VMM_WHY_NONE },
	{ "crosvm", "crosvm", { "crosvm*" }, describe_by_name, VMM_WHY_UNTRIED },
	{ "kvmtool", "kvmtool", { "lkvm", "kvmtool" }, describe_by_name, VMM_WHY_UNTRIED },
};

static const struct vmm_kind *find_kind(const char *comm, const char *program)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (const char *const *p = kinds[i].programs; *p; p++)
			if (!fnmatch(*p, comm, 0) || !fnmatch(*p, program, 0))
				return &kinds[i];
	return NULL;
}

void vmm_describe(const char *comm, char *const *argv, const char *tap, const int *fds, size_t n_fds,
		  struct vmm_nic *out)
{
	const struct vmm_question q = { argv, tap, fds, n_fds };
	const char *program = argv[0] ? argv[0] : "";
	const char *slash = strrchr(program, '/');
	const struct vmm_kind *kind = find_kind(comm, slash ? slash + 1 : program);

	out->vm[0] = out->model[0] = out->mac[0] = '\0';
	out->guessed = false;
	out->known = kind != NULL;
	if (!kind) {
		vmm_copy(out->vmm, sizeof(out->vmm), comm);
		vmm_nic_judge(out, VMM_WHY_NO_VMM, out->vmm);
		return;
	}
	vmm_copy(out->vmm, sizeof(out->vmm), kind->name);
	vmm_nic_judge(out, kind->reason, kind->title);
	kind->describe(&q, out);
	vmm_mac_normalise(out->mac);
}
