/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcx.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#define TCX_INGRESS ((enum bpf_attach_type)46) /* BPF_TCX_INGRESS, which headers before 6.6 lack */

static bool has_our_name(uint32_t id)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && strcmp(info.name, TCX_NAME) == 0;
}

void tcx_read(uint32_t ifindex, uint32_t own, struct tcx *out)
{
	uint32_t ids[TCX_MAX] = { 0 }, n = TCX_MAX, flags = 0;

	*out = (struct tcx){ 0 };
	if (bpf_prog_query((int)ifindex, TCX_INGRESS, 0, &flags, ids, &n) < 0)
		return;
	for (uint32_t i = 0; i < n && i < TCX_MAX; i++) {
		if (ids[i] == own || (!out->ours && has_our_name(ids[i])))
			out->ours = ids[i];
		else
			out->others++;
	}
}

int tcx_set(uint32_t ifindex, int prog_fd, uint32_t own)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts);
	_cleanup_close_ int before = -1;
	struct tcx t;

	tcx_read(ifindex, own, &t);
	if (t.ours == own)
		return 0;
	if (t.ours) {
		before = bpf_prog_get_fd_by_id(t.ours);
		if (before < 0)
			return -errno;
		opts.flags = BPF_F_REPLACE;
		opts.replace_prog_fd = before;
	}
	return bpf_prog_attach_opts(prog_fd, (int)ifindex, TCX_INGRESS, &opts) < 0 ? -errno : 0;
}

int tcx_clear(uint32_t ifindex, uint32_t own)
{
	_cleanup_close_ int fd = -1;
	struct tcx t;

	tcx_read(ifindex, own, &t);
	if (!t.ours)
		return 0;
	fd = bpf_prog_get_fd_by_id(t.ours);
	if (fd < 0)
		return -errno;
	return bpf_prog_detach2(fd, (int)ifindex, TCX_INGRESS) < 0 && errno != ENOENT && errno != ENODEV ? -errno : 0;
}
