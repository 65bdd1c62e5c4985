// SPDX-License-Identifier: GPL-2.0-or-later
#include "members.h"

#include "base/cleanup.h"
#include "core/entitle.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int cpumembers_prepare(struct daemon *d, const struct schedule *s, char why[CPU_WHY_SIZE])
{
	struct cpu *other = NULL;
	int err;

	if (s->resource != RESOURCE_CPU)
		return 0;
	err = cpu_check(s, why);
	if (err < 0 || (d->cpu && d->model.schedule.gate == s->gate))
		return err;
	/* Should it fail, the present one goes on. */
	err = cpu_open(&other, s, d->options.runtime, why);
	if (err < 0)
		return err;
	cpu_close(d->cpu);
	d->cpu = other;
	return 0;
}

static int compare_pid(const void *a, const void *b)
{
	const struct cpu_member *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* A VM with several devices takes part once, with the sum of their shares. Returns how many are left. */
static size_t merge(struct cpu_member *m, size_t n)
{
	size_t kept = 0;

	qsort(m, n, sizeof(*m), compare_pid);
	for (size_t i = 0; i < n; i++) {
		if (kept && m[kept - 1].pid == m[i].pid) {
			uint32_t sum = m[kept - 1].part.ppm + m[i].part.ppm;

			m[kept - 1].part.ppm = sum < PART_MAX ? sum : PART_MAX;
		} else {
			m[kept++] = m[i];
		}
	}
	return kept;
}

/* Whoever else holds a tap (a VPN's daemon, libvirt's while it starts a VM) is not paused. */
static bool has_vm(const struct binding *b)
{
	return b->bound && b->pid && vmm_is_known(b->vmm);
}

/* Shares of VMs: what their devices would be entitled to if all were busy, in millionths of the uplink. */
static int collect(const struct daemon *d, struct cpu_member *out, size_t *n)
{
	const struct model *m = &d->model;
	_cleanup_free_ struct rate *demand = calloc(m->n_nodes + 1, sizeof(*demand));
	_cleanup_free_ struct rate *entitled = calloc(m->n_nodes + 1, sizeof(*entitled));
	uint64_t capacity = 0;
	int err;

	if (!demand || !entitled)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind == NODE_DEVICE && has_vm(&d->bindings[i]))
			demand[i] = RATE_UNLIMITED;
	err = entitle(m, demand, entitled);
	if (err < 0)
		return err;
	*n = 0;
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct binding *b = &d->bindings[i];
		uint64_t weight;

		if (m->nodes[i].kind == NODE_UPLINK)
			capacity = m->nodes[i].limit.bytes_ps;
		if (!demand[i].bytes_ps)
			continue;
		weight = (entitled[i].bytes_ps * PART_MAX + capacity / 2) / capacity;
		out[*n] = (struct cpu_member){ .pid = b->pid,
					       .start_time = b->start_time,
					       .part.ppm = weight ? (uint32_t)weight : 1 };
		snprintf(out[(*n)++].name, VMM_NAME_SIZE, "%s", b->vm[0] ? b->vm : m->nodes[i].name);
	}
	*n = merge(out, *n);
	return 0;
}

void cpumembers_apply(struct daemon *d)
{
	_cleanup_free_ struct cpu_member *m = NULL;
	char why[CPU_WHY_SIZE] = "";
	size_t n = 0;

	if (d->model.schedule.resource != RESOURCE_CPU || !d->cpu) {
		d->cpu = cpu_close(d->cpu);
		return;
	}
	if (cpu_configure(d->cpu, &d->model.schedule, why) < 0)
		log_error("CPU schedule: %s", why);
	m = calloc(d->model.n_nodes + 1, sizeof(*m));
	if (!m || collect(d, m, &n) < 0) {
		log_error("CPU schedule: out of memory");
		return;
	}
	if (cpu_update(d->cpu, m, n) < 0)
		log_error("CPU schedule: out of memory");
}
