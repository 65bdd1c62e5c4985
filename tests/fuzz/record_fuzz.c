/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer target: any bytes as a record of libvirt's, as one of Proxmox's, and as what a child that reads records
 * answers. Whatever comes out of a record is what the parent lets in.
 */
#include "kernel/vmm/record_libvirt.h"
#include "kernel/vmm/record_proxmox.h"
#include "kernel/vmm/records_set.h"

#include "base/cleanup.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct record *r)
{
	struct records_file file = { .name = "x.xml", .pid = r->pid, .n = (uint32_t)r->n };
	struct records_set set = { .files = &file, .n_files = 1, .nics = r->nics, .n_nics = r->n }, back = { 0 };
	size_t size;
	_cleanup_free_ void *bytes = records_encode(&set, &size);

	if (r->pid < 0 || records_decode(bytes, size, &back) < 0 || back.n_nics != r->n ||
	    (r->n && memcmp(back.nics, r->nics, r->n * sizeof(*r->nics)) != 0))
		abort();
	records_set_free(&back);
	record_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records_set set = { 0 };
	struct record r = { 0 };

	if (record_libvirt_parse((const char *)data, size, &r) == 0)
		check(&r);
	if (record_proxmox_parse(100, (const char *)data, size, &r) == 0)
		check(&r);
	if (records_decode(data, size, &set) == 0)
		records_set_free(&set);
	return 0;
}
