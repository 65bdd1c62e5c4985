// SPDX-License-Identifier: GPL-2.0-or-later
#include "record.h"

#include "base/array.h"
#include "vmm_options.h"

#include <ctype.h>
#include <string.h>

void record_free(struct record *r)
{
	free(r->nics);
	*r = (struct record){ 0 };
}

/* A name that the kernel would give (dev_valid_name()), of characters that a terminal shows as they are. */
static bool is_tap(const char *name, size_t room)
{
	size_t n = strnlen(name, room);

	if (n == 0 || n == room || n >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)name[i]) || name[i] == '/' || name[i] == ':')
			return false;
	return true;
}

/* "virtio", "virtio-net-pci", "e1000-82540em", "ne2k_pci". */
static bool is_model(const char *text, size_t room)
{
	size_t n = strnlen(text, room);

	if (n == 0 || n == room || n >= VMM_MODEL_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
			return false;
	return true;
}

int record_add(struct record *r, const char *tap, const char *mac, const char *model)
{
	struct record_nic nic = { 0 };
	int err;

	if (!tap || !is_tap(tap, IFNAMSIZ))
		return -EBADMSG;
	if (r->n >= RECORD_NICS_MAX)
		return -E2BIG;
	vmm_copy(nic.tap, sizeof(nic.tap), tap);
	if (mac && strnlen(mac, sizeof(nic.mac)) == sizeof(nic.mac) - 1) {
		vmm_copy(nic.mac, sizeof(nic.mac), mac);
		vmm_mac_normalise(nic.mac);
	}
	if (model && is_model(model, VMM_MODEL_SIZE))
		vmm_copy(nic.model, sizeof(nic.model), model);
	err = array_reserve(&r->nics, r->n, sizeof(nic));
	if (err < 0)
		return err;
	r->nics[r->n++] = nic;
	return 0;
}

bool record_nic_is_sane(const struct record_nic *nic)
{
	char mac[18];

	if (!is_tap(nic->tap, sizeof(nic->tap)))
		return false;
	if (nic->model[0] && !is_model(nic->model, sizeof(nic->model)))
		return false;
	if (!nic->mac[0])
		return true;
	memcpy(mac, nic->mac, sizeof(mac));
	if (mac[17])
		return false;
	vmm_mac_normalise(mac);
	return memcmp(mac, nic->mac, sizeof(mac)) == 0;
}
