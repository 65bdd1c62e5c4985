// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmm_cmdline.h"

#include "vmm_api.h"
#include "vmm_options.h"
#include "vmm_qemu.h"

#include "base/cleanup.h"
#include "base/printable.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

static void name_by(const struct vmm_question *q, const char *option, struct vmm_nic *out)
{
	const char *name = vmm_argument(q->argv, option);

	if (name && !*out->vm)
		printable_name(name, out->vm, sizeof(out->vm));
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

/* lkvm run --name web --network mode=tap,tapif=tap0,guest_mac=... */
static void describe_kvmtool(const struct vmm_question *q, struct vmm_nic *out)
{
	char value[64];

	name_by(q, "name", out);
	for (char *const *a = q->argv; a[0] && a[1]; a++) {
		if (strcmp(a[0], "-n") != 0 && strcmp(a[0], "--network") != 0)
			continue;
		if (vmm_value(a[1], "tapif", value, sizeof(value)) && strcmp(value, q->tap) == 0)
			(void)vmm_value(a[1], "guest_mac", out->mac, sizeof(out->mac));
	}
}

/*
 * Every VMM: its name here and in texts, how its program is called (patterns for the base name of /proc/PID/exe and
 * of argv[0], and for comm, which holds 15 characters), what its command line tells, and whether it waits while the
 * tap says EAGAIN. QEMU (which judges by the NIC's model) and Cloud Hypervisor stop serving the ring;
 * Firecracker drops the frame and counts it in tap_write_fails.
 */
static const struct vmm_kind {
	const char *name, *title;
	const char *programs[6];
	void (*describe)(const struct vmm_question *q, struct vmm_nic *out);
	enum vmm_why reason;
} kinds[] = {
	{ "qemu", "QEMU", { "qemu-system-*", "qemu-*-system-*", "qemu-kvm*", "kvm", ".qemu-*" },
	  vmm_describe_qemu, VMM_WHY_NO_MODEL },
	{ "virtualbox", "VirtualBox", { "VBoxHeadless", "VirtualBoxVM", "VBoxSDL" }, describe_virtualbox,
	  VMM_WHY_UNTRIED },
	{ "firecracker", "Firecracker", { "firecracker*" }, describe_firecracker, VMM_WHY_DROPS },
	{ "cloud-hypervisor", "Cloud Hypervisor", { "cloud-hyperviso*" }, vmm_describe_cloud_hypervisor,
	  VMM_WHY_NONE },
	{ "crosvm", "crosvm", { "crosvm*" }, vmm_describe_crosvm, VMM_WHY_UNTRIED },
	{ "kvmtool", "kvmtool", { "lkvm", "kvmtool" }, describe_kvmtool, VMM_WHY_UNTRIED },
	{ "stratovirt", "StratoVirt", { "stratovirt*" }, describe_by_name, VMM_WHY_UNTRIED },
	{ "alioth", "Alioth", { "alioth" }, describe_by_name, VMM_WHY_UNTRIED },
};

/* Programs that run scripts: a script that is called as a VMM starts one, and is none. */
static const char *const interpreters[] = { "bash", "dash", "sh",      "zsh",   "ksh*",  "mksh",
					    "ash",  "busybox", "python*", "perl*", "ruby*", "node" };

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "";
}

static const struct vmm_kind *kind_called(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		for (const char *const *p = kinds[i].programs; *p; p++)
			if (!fnmatch(*p, name, 0))
				return &kinds[i];
	return NULL;
}

static bool is_interpreter(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(interpreters); i++)
		if (!fnmatch(interpreters[i], name, 0))
			return true;
	return false;
}

/* The file that the process runs; it may have been replaced since, by an upgrade. */
static void program_file(const char *exe, char *name, size_t size)
{
	static const char deleted[] = " (deleted)";
	size_t n;

	vmm_copy(name, size, base_name(exe));
	n = strlen(name);
	if (n > strlen(deleted) && !strcmp(name + n - strlen(deleted), deleted))
		name[n - strlen(deleted)] = '\0';
}

/*
 * By the program's file, which a process cannot choose; else by what it calls itself. argv[0] and comm are whatever its
 * launcher likes: "microvm@web" (microvm.nix), "web" (-name process=).
 */
static const struct vmm_kind *find_kind(const struct vmm_program *p, bool *certain)
{
	const struct vmm_kind *kind;
	char file[256];
	bool loader;

	program_file(p->exe, file, sizeof(file));
	kind = kind_called(file);
	*certain = kind != NULL;
	if (kind || is_interpreter(file))
		return kind;
	loader = !fnmatch("ld-*.so*", file, 0) || !fnmatch("ld.so*", file, 0);
	kind = kind_called(p->comm);
	if (!kind)
		kind = kind_called(base_name(p->argv[0]));
	/* The dynamic loader runs the program that it is given. */
	if (!kind && loader && p->argv[0])
		kind = kind_called(base_name(p->argv[1]));
	return kind;
}

bool vmm_is_known(const struct vmm_program *p)
{
	bool certain;

	return find_kind(p, &certain) != NULL;
}

/* microvm.nix calls each of its VMMs so, and tells some of them no other name. */
static void name_by_launcher(const struct vmm_program *p, struct vmm_nic *out)
{
	static const char prefix[] = "microvm@";
	const char *name = base_name(p->argv[0]);

	if (!*out->vm && !strncmp(name, prefix, strlen(prefix)))
		printable_name(name + strlen(prefix), out->vm, sizeof(out->vm));
}

void vmm_describe(const struct vmm_program *p, const char *tap, const int *fds, size_t n_fds,
		  struct vmm_nic *out)
{
	const struct vmm_question q = { p->argv, tap, fds, n_fds };
	const struct vmm_kind *kind = find_kind(p, &out->certain);
	char model[VMM_MODEL_SIZE];

	out->vm[0] = out->vmid[0] = out->model[0] = out->mac[0] = '\0';
	out->guessed = false;
	out->known = kind != NULL;
	if (!kind) {
		printable_name(p->comm, out->vmm, sizeof(out->vmm));
		vmm_nic_judge(out, VMM_WHY_NO_VMM, out->vmm);
		return;
	}
	vmm_copy(out->vmm, sizeof(out->vmm), kind->name);
	vmm_nic_judge(out, kind->reason, kind->title);
	kind->describe(&q, out);
	name_by_launcher(p, out);
	vmm_mac_normalise(out->mac);
	vmm_copy(model, sizeof(model), out->model);
	printable(model, strlen(model), out->model, sizeof(out->model));
}
