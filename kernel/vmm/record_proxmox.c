// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qm.conf(5), "net[n]"; PVE::QemuServer, parse_vm_config() and parse_net(). A line is "net0: virtio=MAC,bridge=vmbr0".
 * The model's key may also be left out or be "model", with the MAC address as macaddr=. Behind the current
 * settings follow [PENDING], which holds after the next start, and snapshots.
 */
#include "record_proxmox.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

bool record_proxmox_tap(const char *tap, unsigned int *vmid)
{
	unsigned int id, nic;
	int end = 0;

	if (strncmp(tap, "tap", 3) || !isdigit((unsigned char)tap[3]) || strlen(tap) >= IFNAMSIZ)
		return false;
	/* at most 12 characters are left: neither number overflows together with the other's digit */
	if (sscanf(tap, "tap%9ui%3u%n", &id, &nic, &end) != 2 || tap[end])
		return false;
	*vmid = id;
	return true;
}

/* One "key=value" or "value" of a NIC's line. */
static void read_property(char *property, char **mac, char **model)
{
	char *value = strchr(property, '=');
	static const char *const others[] = { "bridge",   "firewall", "link_down", "mtu",    "queues",
					      "rate",     "tag",      "trunks",    "script", "downscript",
					      "host_mtu", "disable" };

	if (!value) {
		*model = *model ? *model : property;
		return;
	}
	*value++ = '\0';
	if (!strcmp(property, "macaddr")) {
		*mac = value;
	} else if (!strcmp(property, "model")) {
		*model = value;
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			if (!strcmp(property, others[i]))
				return;
		if (strlen(value) == 17 && value[2] == ':') {
			*model = property;
			*mac = value;
		}
	}
}

/* Of two lines of one NIC the later one holds. */
static void forget(struct record *out, const char *tap)
{
	for (size_t i = 0; i < out->n; i++)
		if (!strcmp(out->nics[i].tap, tap))
			out->nics[i--] = out->nics[--out->n];
}

static int read_line(unsigned int vmid, char *line, struct record *out)
{
	char tap[IFNAMSIZ], *mac = NULL, *model = NULL, *rest, *p;
	unsigned int nic;
	int end = 0, r;

	if (strncmp(line, "net", 3) || !isdigit((unsigned char)line[3]) || sscanf(line, "net%3u:%n", &nic, &end) != 1 || !end)
		return 0;
	line += end;
	line += strspn(line, " \t");
	line[strcspn(line, " \t\r")] = '\0';
	if ((size_t)snprintf(tap, sizeof(tap), "tap%ui%u", vmid, nic) >= sizeof(tap))
		return 0;
	for (p = strtok_r(line, ",", &rest); p; p = strtok_r(NULL, ",", &rest))
		read_property(p, &mac, &model);
	forget(out, tap);
	r = record_add(out, tap, mac, model);
	return r == -EBADMSG ? 0 : r;
}

int record_proxmox_parse(unsigned int vmid, const char *text, size_t size, struct record *out)
{
	_cleanup_(record_free) struct record r = { 0 };
	_cleanup_free_ char *copy = NULL;
	char *rest, *line;
	int err = 0;

	if (size > RECORD_BYTES_MAX)
		return -E2BIG;
	if (memchr(text, '\0', size))
		return -EBADMSG;
	copy = strndup(text, size);
	if (!copy)
		return -ENOMEM;
	for (line = strtok_r(copy, "\n", &rest); line && *line != '[' && err == 0; line = strtok_r(NULL, "\n", &rest))
		err = read_line(vmid, line, &r);
	if (err < 0)
		return err;
	*out = r;
	r = (struct record){ 0 };
	return 0;
}
