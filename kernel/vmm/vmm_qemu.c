/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's command line.
 *
 * Theory of Operation
 * A NIC is said in two halves: the host's (-netdev, or -net) and the guest's (-device, or -net nic), which
 * name the former by its id; -nic says both. The host's half names the tap (ifname=), or a descriptor
 * that was inherited (fd=, fds=: libvirt), or nothing (QEMU or its bridge helper makes the tap). Each
 * may be "key=value,..." with ",," for a comma, or, since QEMU 6.0 and as libvirt writes it, a JSON object.
 * QEMU man page, "Network options"; net/net.c; util/qemu-option.c.
 */
#include "vmm_qemu.h"

#include "base/cleanup.h"
#include "base/printable.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define VALUE_SIZE 256
/* fds= of a NIC with 256 queues */
#define FDS_SIZE 2048

struct field {
	const char *key;
	char *value; /* "" if the option does not say */
	size_t size;
};

static void parse_json(const char *text, struct field *f, size_t n)
{
	_cleanup_(json_decrefp) json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(object, f[i].key);

		if (json_is_string(v))
			vmm_copy(f[i].value, f[i].size, json_string_value(v));
		else if (json_is_integer(v))
			snprintf(f[i].value, f[i].size, "%lld", (long long)json_integer_value(v));
		else if (json_is_boolean(v))
			vmm_copy(f[i].value, f[i].size, json_is_true(v) ? "on" : "off");
	}
}

static struct field *find_field(struct field *f, size_t n, const char *key, size_t size)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(f[i].key) == size && !memcmp(f[i].key, key, size))
			return &f[i];
	return NULL;
}

/* Up to the next single comma, ",," standing for one; returns what follows. */
static const char *parse_value(const char *p, struct field *f)
{
	size_t k = 0;

	for (; *p; p++) {
		if (*p == ',' && *++p != ',')
			break;
		if (f && k + 1 < f->size)
			f->value[k++] = *p;
	}
	if (f)
		f->value[k] = '\0';
	return p;
}

/* Fill the fields that the option has; the first field's key may be left out at its beginning. */
static void parse_option(const char *text, struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		f[i].value[0] = '\0';
	if (text[0] == '{') {
		parse_json(text, f, n);
		return;
	}
	for (const char *p = text; *p;) {
		size_t k = strcspn(p, "=,");

		if (p[k] == '=')
			p = parse_value(p + k + 1, find_field(f, n, p, k));
		else
			p = parse_value(p, p == text ? &f[0] : NULL);
	}
}

static bool is_option(const char *arg, const char *name)
{
	if (*arg != '-')
		return false;
	arg += arg[1] == '-' ? 2 : 1;
	return !strcmp(arg, name);
}

/* The half, or the whole, of a NIC that -netdev, -nic or -net says. */
struct backend {
	bool guest_too; /* -nic */
	bool hub;       /* -net: joined to -net nic by QEMU's hub 0 */
	char type[32], id[VALUE_SIZE], ifname[VALUE_SIZE], fd[VALUE_SIZE], fds[FDS_SIZE], model[VALUE_SIZE];
	char mac[VALUE_SIZE], vhost[8], vhostfd[VALUE_SIZE], vhostfds[FDS_SIZE];
};

static bool parse_backend(const char *option, const char *text, struct backend *b)
{
	struct field f[] = {
		{ "type", b->type, sizeof(b->type) },       { "id", b->id, sizeof(b->id) },
		{ "ifname", b->ifname, sizeof(b->ifname) }, { "fd", b->fd, sizeof(b->fd) },
		{ "fds", b->fds, sizeof(b->fds) },          { "model", b->model, sizeof(b->model) },
		{ "mac", b->mac, sizeof(b->mac) },          { "vhost", b->vhost, sizeof(b->vhost) },
		{ "vhostfd", b->vhostfd, sizeof(b->vhostfd) },
		{ "vhostfds", b->vhostfds, sizeof(b->vhostfds) },
	};

	b->guest_too = is_option(option, "nic");
	b->hub = is_option(option, "net");
	if (!b->guest_too && !b->hub && !is_option(option, "netdev"))
		return false;
	parse_option(text, f, ARRAY_SIZE(f));
	return !strcmp(b->type, "tap") || !strcmp(b->type, "bridge");
}

/* The backend of the tap: by name or descriptor, else the only one that names neither. */
static bool find_backend(const struct vmm_question *q, struct backend *found, bool *guessed)
{
	size_t unnamed = 0;

	for (char *const *a = q->argv; a[0] && a[1]; a++) {
		struct backend b;

		if (!parse_backend(a[0], a[1], &b))
			continue;
		if (!strcmp(b.ifname, q->tap) || vmm_names_fd(q, b.fd) || vmm_names_fd(q, b.fds)) {
			*found = b;
			return true;
		}
		if (!*b.ifname && !*b.fd && !*b.fds) {
			*found = b;
			unnamed++;
		}
	}
	*guessed = unnamed == 1;
	return *guessed;
}

/* The guest's half: -device or -net nic with netdev=id; for a tap on the hub, the only -net nic there. */
static void find_frontend(const struct vmm_question *q, struct backend *b)
{
	size_t on_hub = 0;

	for (char *const *a = q->argv; a[0] && a[1]; a++) {
		char driver[VALUE_SIZE], netdev[VALUE_SIZE], mac[VALUE_SIZE], model[VALUE_SIZE];
		bool device = is_option(a[0], "device");
		struct field f[] = {
			{ device ? "driver" : "type", driver, sizeof(driver) },
			{ "netdev", netdev, sizeof(netdev) },
			{ device ? "mac" : "macaddr", mac, sizeof(mac) },
			{ "model", model, sizeof(model) },
		};

		/* most -device options are no NIC's, and parsing those of a thousand VMs takes time */
		if (!(device && strstr(a[1], "netdev")) && !is_option(a[0], "net"))
			continue;
		parse_option(a[1], f, ARRAY_SIZE(f));
		if (!device && strcmp(driver, "nic"))
			continue;
		if (!b->hub && (!*b->id || strcmp(netdev, b->id)))
			continue;
		if (b->hub && (device || *netdev))
			continue;
		on_hub += b->hub;
		vmm_copy(b->model, sizeof(b->model), device ? driver : model);
		vmm_copy(b->mac, sizeof(b->mac), mac);
	}
	if (on_hub > 1)
		b->model[0] = b->mac[0] = '\0';
}

/* net/tap.c, net_init_tap_one(): descriptors of vhost-net mean vhost, too, unless it is off. */
static enum vmm_vhost asks_for_vhost(const struct backend *b)
{
	if (*b->vhost)
		return !strcmp(b->vhost, "on") || !strcmp(b->vhost, "yes") || !strcmp(b->vhost, "true") ?
			       VMM_VHOST_YES :
			       VMM_VHOST_NO;
	return *b->vhostfd || *b->vhostfds ? VMM_VHOST_YES : VMM_VHOST_NO;
}

void vmm_qemu_judge(const char *model, struct vmm_nic *out)
{
	if (!*model)
		vmm_nic_judge(out, VMM_WHY_NO_MODEL, "QEMU");
	else if (!strncmp(model, "virtio", 6))
		/* hw/net/virtio-net.c: virtio_net_flush_tx() stops until the tap is writable */
		vmm_nic_judge(out, VMM_WHY_NONE, "QEMU");
	else
		/* net/queue.c: a packet without sent_cb is queued, up to nq_maxlen 10,000, then dropped */
		vmm_nic_judge(out, VMM_WHY_MODEL, model);
}

/* -name guest=web,debug-threads=on. All of the name counts, however long it is. */
static void take_name(const char *option, struct vmm_nic *out)
{
	size_t size = strlen(option) + 1;
	_cleanup_free_ char *guest = malloc(size);
	struct field name = { "guest", guest, size };

	if (!guest)
		return;
	parse_option(option, &name, 1);
	if (*guest)
		printable_name(guest, out->vm, sizeof(out->vm));
}

void vmm_describe_qemu(const struct vmm_question *q, struct vmm_nic *out)
{
	const char *id = vmm_argument(q->argv, "id");
	struct backend b = { 0 };

	for (char *const *a = q->argv; a[0] && a[1]; a++)
		if (is_option(a[0], "name"))
			take_name(a[1], out);
	/* Proxmox numbers its VMs; QEMU itself knows no -id */
	if (id && strlen(id) < sizeof(out->vmid) && id[strspn(id, "0123456789")] == '\0')
		vmm_copy(out->vmid, sizeof(out->vmid), id);
	if (id && !*out->vm)
		printable_name(id, out->vm, sizeof(out->vm));
	if (find_backend(q, &b, &out->guessed)) {
		if (!b.guest_too)
			find_frontend(q, &b);
		out->vhost = asks_for_vhost(&b);
		vmm_copy(out->model, sizeof(out->model), b.model);
		vmm_copy(out->mac, sizeof(out->mac), b.mac);
	}
	vmm_qemu_judge(b.model, out);
}
