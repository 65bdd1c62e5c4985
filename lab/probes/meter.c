/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "meter.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "lab/proc/proc.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* bpftool's */
#include "lab/bpf/meter.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <string.h>
#include <sys/mman.h>

/* Arrivals held back at a poll, since another CPU may still be writing an earlier one. */
#define REORDER_MAX 64

struct meter {
	struct meter_bpf *skel;
	struct bpf_tc_hook hook;
	struct bpf_tc_opts opts;
	char netns[64]; /* "": the thread's */
	bool attached;
	uint64_t base_ns;
	const volatile uint64_t *ring; /* the kernel's trace, mapped */
	size_t ring_size;              /* bytes mapped */
	uint32_t max;
	struct sample *s;
	size_t n;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int load(struct meter *m, const struct ether_addr *destination)
{
	int r;

	m->skel = meter_bpf__open();
	if (!m->skel)
		return -errno;
	m->base_ns = clock_now_ns();
	m->skel->rodata->base_ns = m->base_ns;
	m->skel->rodata->trace_max = m->max;
	if (destination)
		memcpy(m->skel->rodata->destination, destination->ether_addr_octet, ETH_ALEN);
	r = bpf_map__set_max_entries(m->skel->maps.trace, m->max);
	if (r < 0)
		return r;
	r = meter_bpf__load(m->skel);
	if (r < 0)
		return r;

	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	m->ring_size = ((size_t)m->max * sizeof(uint64_t) + page - 1) / page * page;
	void *p = mmap(NULL, m->ring_size, PROT_READ, MAP_SHARED, bpf_map__fd(m->skel->maps.trace), 0);
	if (p == MAP_FAILED)
		return -errno;
	m->ring = p;
	return 0;
}

static int attach(struct meter *m, const char *ifname)
{
	libbpf_print_fn_t print = libbpf_set_print(quiet); /* "exists" is no news */
	int r;

	m->hook = (struct bpf_tc_hook){
		.sz = sizeof(m->hook),
		.ifindex = (int)if_nametoindex(ifname),
		.attach_point = BPF_TC_INGRESS,
	};
	m->opts = (struct bpf_tc_opts){
		.sz = sizeof(m->opts),
		.prog_fd = bpf_program__fd(m->skel->progs.meter),
	};
	r = m->hook.ifindex ? bpf_tc_hook_create(&m->hook) : -ENODEV;
	if (r == 0 || r == -EEXIST)
		r = bpf_tc_attach(&m->hook, &m->opts);
	libbpf_set_print(print);
	m->attached = r == 0;
	return r;
}

int meter_open(const char *netns, const char *ifname, const char *destination, uint32_t max,
	       struct meter **ret)
{
	struct ether_addr mac;
	struct meter *m;
	int r, back;

	if (max == 0 || (netns && strlen(netns) >= sizeof(m->netns)))
		return -EINVAL;
	if (destination && !ether_aton_r(destination, &mac))
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->max = max;
	if (netns)
		strcpy(m->netns, netns);
	r = load(m, destination ? &mac : NULL);
	if (r == 0)
		r = netns_enter(netns, &back);
	if (r == 0) {
		r = attach(m, ifname);
		netns_leave(back);
	}
	if (r < 0) {
		meter_close(m);
		return r;
	}
	*ret = m;
	return 0;
}

struct meter *meter_close(struct meter *m)
{
	int back;

	if (!m)
		return NULL;
	if (m->attached && netns_enter(m->netns[0] ? m->netns : NULL, &back) == 0) {
		m->opts.flags = 0;
		m->opts.prog_fd = 0;
		m->opts.prog_id = 0;
		bpf_tc_detach(&m->hook, &m->opts);
		netns_leave(back);
	}
	if (m->ring)
		munmap((void *)(uintptr_t)m->ring, m->ring_size);
	meter_bpf__destroy(m->skel);
	free(m->s);
	free(m);
	return NULL;
}

int meter_poll(struct meter *m, uint64_t *lost)
{
	uint64_t seen = __atomic_load_n(&m->skel->bss->trace_n, __ATOMIC_RELAXED);
	size_t n = seen < m->max ? (size_t)seen : m->max;
	size_t sorted = m->n > REORDER_MAX ? m->n - REORDER_MAX : 0;

	while (m->n < n) {
		uint64_t v = m->ring[m->n];

		if (v == 0) /* reserved by another CPU, not written yet: next time */
			break;
		if (array_reserve(&m->s, m->n, sizeof(*m->s)) < 0)
			return -ENOMEM;
		m->s[m->n++] = (struct sample){ m->base_ns + (v >> METER_LEN_BITS),
						(uint32_t)(v & METER_LEN_MASK) };
	}
	measure_sort(m->s + sorted, m->n - sorted);
	if (lost)
		*lost = seen > m->max ? seen - m->max : 0;
	return seen > m->max ? -ENOBUFS : 0;
}

struct trace meter_trace(const struct meter *m)
{
	return (struct trace){ m->s, m->n };
}
