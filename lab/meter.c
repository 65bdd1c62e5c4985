/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "meter.h"

#include "core/cleanup.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* bpftool's */
#include "lab/bpf/meter.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Arrivals held back at a poll, since another CPU may still be writing an earlier one. */
#define REORDER_MAX 64

struct meter {
	struct meter_bpf *skel;
	struct bpf_tc_hook hook;
	struct bpf_tc_opts opts;
	int netns_fd; /* own copy, -1: the thread's */
	bool attached;
	uint64_t base_ns;
	const volatile uint64_t *ring; /* the kernel's trace, mapped */
	size_t ring_size;              /* bytes mapped */
	uint32_t max;
	struct sample *s;
	size_t n, room;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Enter a namespace; *back is a descriptor of the one left, -1 if there was nothing to do. */
static int netns_enter(int fd, int *back)
{
	_cleanup_close_ int here = -1;

	*back = -1;
	if (fd < 0)
		return 0;
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0 || setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	*back = TAKE_FD(here);
	return 0;
}

static void netns_leave(int back)
{
	if (back < 0)
		return;
	/* A thread that stays in the wrong namespace would go on to work on the wrong links. */
	if (setns(back, CLONE_NEWNET) < 0)
		abort();
	close(back);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int load(struct meter *m)
{
	int r;

	m->skel = meter_bpf__open();
	if (!m->skel)
		return -errno;
	m->base_ns = now_ns();
	m->skel->rodata->base_ns = m->base_ns;
	m->skel->rodata->trace_max = m->max;
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

int meter_open(int netns_fd, const char *ifname, uint32_t max, struct meter **ret)
{
	struct meter *m;
	int r, back;

	if (max == 0)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->max = max;
	m->netns_fd = -1;
	if (netns_fd >= 0) {
		m->netns_fd = fcntl(netns_fd, F_DUPFD_CLOEXEC, 3);
		if (m->netns_fd < 0) {
			r = -errno;
			goto fail;
		}
	}
	r = load(m);
	if (r < 0)
		goto fail;
	r = netns_enter(m->netns_fd, &back);
	if (r < 0)
		goto fail;
	r = attach(m, ifname);
	netns_leave(back);
	if (r < 0)
		goto fail;
	*ret = m;
	return 0;
fail:
	meter_close(m);
	return r;
}

struct meter *meter_close(struct meter *m)
{
	int back;

	if (!m)
		return NULL;
	if (m->attached && netns_enter(m->netns_fd, &back) == 0) {
		m->opts.flags = 0;
		m->opts.prog_fd = 0;
		m->opts.prog_id = 0;
		bpf_tc_detach(&m->hook, &m->opts);
		netns_leave(back);
	}
	if (m->ring)
		munmap((void *)(uintptr_t)m->ring, m->ring_size);
	meter_bpf__destroy(m->skel);
	if (m->netns_fd >= 0)
		close(m->netns_fd);
	free(m->s);
	free(m);
	return NULL;
}

void meter_totals(const struct meter *m, struct meter_totals *out)
{
	memcpy(out, &m->skel->bss->totals, sizeof(*out));
}

uint64_t meter_bucket_ns(size_t bucket)
{
	if (bucket == 0)
		return 0;
	bucket--;
	return (4 + bucket % 4) << (bucket / 4 + METER_HIST_SHIFT - 2);
}

static int reserve(struct meter *m, size_t n)
{
	size_t room = m->room ? m->room : 4096;
	struct sample *s;

	while (room < n)
		room *= 2;
	if (room == m->room)
		return 0;
	s = realloc(m->s, room * sizeof(*s));
	if (!s)
		return -ENOMEM;
	m->s = s;
	m->room = room;
	return 0;
}

int meter_poll(struct meter *m, uint64_t *lost)
{
	uint64_t seen = __atomic_load_n(&m->skel->bss->trace_n, __ATOMIC_RELAXED);
	size_t n = seen < m->max ? (size_t)seen : m->max;
	size_t sorted = m->n > REORDER_MAX ? m->n - REORDER_MAX : 0;
	int r;

	r = reserve(m, n);
	if (r < 0)
		return r;
	while (m->n < n) {
		uint64_t v = m->ring[m->n];

		if (v == 0) /* reserved by another CPU, not written yet: next time */
			break;
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
