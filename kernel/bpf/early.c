/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "early.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

/* BPF_TCX_INGRESS and BPF_TCX_EGRESS, which headers before 6.6 lack */
#define TCX_INGRESS ((enum bpf_attach_type)46)
#define TCX_EGRESS ((enum bpf_attach_type)47)

static void add_tcx(uint32_t ifindex, enum bpf_attach_type where, struct early *out)
{
	uint32_t ids[EARLY_MAX] = { 0 }, n = EARLY_MAX, flags = 0;

	if (bpf_prog_query((int)ifindex, where, 0, &flags, ids, &n) < 0 && errno != ENOSPC)
		return;
	for (uint32_t i = 0; i < EARLY_MAX && ids[i] && out->n < EARLY_MAX; i++)
		out->list[out->n++] = (struct early_program){ "tcx", ids[i] };
}

void early_read(uint32_t ifindex, uint32_t xdp, struct early *out)
{
	*out = (struct early){ 0 };
	if (xdp)
		out->list[out->n++] = (struct early_program){ "XDP", xdp };
	add_tcx(ifindex, TCX_INGRESS, out);
}

void early_read_egress(uint32_t ifindex, struct early *out)
{
	*out = (struct early){ 0 };
	add_tcx(ifindex, TCX_EGRESS, out);
}

const char *early_text(const struct early_program *p, char buf[EARLY_TEXT_SIZE])
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(p->id);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.name[0])
		snprintf(buf, EARLY_TEXT_SIZE, "%s program %s", p->kind, info.name);
	else
		snprintf(buf, EARLY_TEXT_SIZE, "%s program %u", p->kind, p->id);
	return buf;
}
