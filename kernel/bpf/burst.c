// SPDX-License-Identifier: GPL-2.0-or-later
#include "burst.h"

#include "classifier.h"

#include "base/cleanup.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* the generated code's */
#include "kernel/bpf/burst.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/utsname.h>

struct burst {
	struct burst_bpf *skel;
	int map; /* a descriptor, the skeleton's */
};

/* The limit's file is there in the first network namespace only; older kernels may have it, too, by a backport. */
static bool is_needed(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (access("/proc/sys/net/core/qdisc_max_burst", F_OK) == 0)
		return true;
	return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 19));
}

static int quiet(enum libbpf_print_level level, const char *format, va_list ap)
{
	(void)level, (void)format, (void)ap;
	return 0;
}

static int load(struct burst *b, const struct classifier *c)
{
	int err;

	b->skel = burst_bpf__open();
	if (!b->skel)
		return -errno;
	err = bpf_map__reuse_fd(b->skel->maps.devices, classifier_devices_fd(c));
	if (err >= 0)
		err = burst_bpf__load(b->skel);
	if (err >= 0)
		err = burst_bpf__attach(b->skel);
	if (err >= 0)
		b->map = bpf_map__fd(b->skel->maps.dropped);
	return err;
}

int burst_open(struct burst **ret, const struct classifier *c)
{
	libbpf_print_fn_t before;
	struct burst *b;
	int err;

	if (!is_needed())
		return -EOPNOTSUPP;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	before = libbpf_set_print(quiet); /* the caller says what is wrong */
	err = load(b, c);
	(void)libbpf_set_print(before);
	if (err < 0) {
		burst_close(b);
		return err;
	}
	*ret = b;
	return 0;
}

struct burst *burst_close(struct burst *b)
{
	if (b)
		burst_bpf__destroy(b->skel);
	free(b);
	return NULL;
}

uint64_t burst_dropped(const struct burst *b, uint32_t key)
{
	uint64_t n = 0;

	return b && bpf_map_lookup_elem(b->map, &key, &n) == 0 ? n : 0;
}

void burst_forget(struct burst *b, uint32_t key)
{
	if (b)
		(void)bpf_map_delete_elem(b->map, &key);
}
