/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "classifier.h"

#include "base/cleanup.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* the generated code's */
#include "kernel/bpf/classify.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Per-CPU memory without preallocation comes from a cache that the kernel refills beside us: many new
 * entries at once can find it empty for a moment (-ENOMEM; kernel/bpf/memalloc.c).
 */
#define NOMEM_TRIES 100
#define NOMEM_PAUSE_NS 100000

struct classifier {
	struct classify_bpf *skel;
	int prog, devices, counters; /* descriptors, the skeleton's */
	int n_cpus;
};

/* --- loading ----------------------------------------------------------------------------------- */

/* libbpf says what is wrong through a global callback only; the first warning of this thread is kept. */
static _Thread_local char *log_text;
static _Thread_local size_t log_size;

static int log_keep(enum libbpf_print_level level, const char *format, va_list ap)
{
	if (level != LIBBPF_WARN || !log_text || log_size == 0 || log_text[0])
		return 0;
	vsnprintf(log_text, log_size, format, ap);
	log_text[strcspn(log_text, "\n")] = '\0';
	return 0;
}

static int load(struct classify_bpf **skel, char *errtext, size_t size)
{
	libbpf_print_fn_t before;
	int err;

	log_text = errtext;
	log_size = errtext ? size : 0;
	if (log_size)
		errtext[0] = '\0';
	before = libbpf_set_print(log_keep);
	*skel = classify_bpf__open_and_load();
	err = *skel ? 0 : -errno;
	(void)libbpf_set_print(before);
	log_text = NULL;
	return err;
}

int classifier_open(struct classifier **ret, char *errtext, size_t size)
{
	_cleanup_(classifier_closep) struct classifier *c = calloc(1, sizeof(*c));
	char text[256];
	int err;

	if (!c)
		return -ENOMEM;
	c->n_cpus = libbpf_num_possible_cpus();
	if (c->n_cpus < 0)
		return c->n_cpus;
	err = load(&c->skel, text, sizeof(text));
	if (err < 0) {
		/* libbpf's first complaint is then of RLIMIT_MEMLOCK, which is beside the point. */
		if (err == -EPERM)
			snprintf(text, sizeof(text), "loading BPF programs needs root");
		if (errtext && size)
			snprintf(errtext, size, "%s", text[0] ? text : strerror(-err));
		return err;
	}
	c->prog = bpf_program__fd(c->skel->progs.classify);
	c->devices = bpf_map__fd(c->skel->maps.devices);
	c->counters = bpf_map__fd(c->skel->maps.counters);
	*ret = TAKE_PTR(c);
	return 0;
}

struct classifier *classifier_close(struct classifier *c)
{
	if (c)
		classify_bpf__destroy(c->skel);
	free(c);
	return NULL;
}

void classifier_closep(struct classifier **c)
{
	*c = classifier_close(*c);
}

int classifier_prog_fd(const struct classifier *c)
{
	return c->prog;
}

/* --- maps -------------------------------------------------------------------------------------- */

static int update(int map, const void *key, const void *value, uint64_t flags)
{
	static const struct timespec pause = { .tv_nsec = NOMEM_PAUSE_NS };
	int err = 0;

	for (int i = 0; i < NOMEM_TRIES; i++) {
		err = bpf_map_update_elem(map, key, value, flags) < 0 ? -errno : 0;
		if (err != -ENOMEM)
			break;
		(void)nanosleep(&pause, NULL);
	}
	return err;
}

/* Counters at zero for those that have none. zero: one record for each CPU. */
static int make_counters(struct classifier *c, const uint32_t *ifindex, size_t n, const void *zero)
{
	for (size_t i = 0; i < n; i++) {
		int err = update(c->counters, &ifindex[i], zero, BPF_NOEXIST);

		if (err < 0 && err != -EEXIST)
			return err;
	}
	return 0;
}

static int set_devices(struct classifier *c, const uint32_t *ifindex, const struct divvy_device *device,
		       size_t n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t done = (uint32_t)n;

	if (n > 1 && bpf_map_update_batch(c->devices, ifindex, device, &done, &opts) == 0)
		return 0;
	/* One by one where there are no batches, and for a clear error where one failed. */
	for (size_t i = 0; i < n; i++) {
		int err = update(c->devices, &ifindex[i], &device[i], BPF_ANY);

		if (err < 0)
			return err;
	}
	return 0;
}

int classifier_set_many(struct classifier *c, const uint32_t *ifindex, const uint32_t *classid, size_t n)
{
	_cleanup_free_ struct divvy_device *device = calloc(n ? n : 1, sizeof(*device));
	_cleanup_free_ struct divvy_counters *zero = calloc((size_t)c->n_cpus, sizeof(*zero));
	int err;

	if (!device || !zero)
		return -ENOMEM;
	if (n > DIVVY_DEVICES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		device[i].classid = classid[i];
	/* Counters first: from the first packet in a class on, it is counted. */
	err = make_counters(c, ifindex, n, zero);
	return err < 0 ? err : set_devices(c, ifindex, device, n);
}

int classifier_set(struct classifier *c, uint32_t ifindex, uint32_t classid)
{
	return classifier_set_many(c, &ifindex, &classid, 1);
}

int classifier_clear(struct classifier *c, uint32_t ifindex)
{
	int err = bpf_map_delete_elem(c->devices, &ifindex) < 0 ? -errno : 0;

	/* Also where the device was not there: an interrupted classifier_set() leaves counters alone. */
	if (bpf_map_delete_elem(c->counters, &ifindex) < 0 && errno != ENOENT && err == 0)
		err = -errno;
	return err;
}

int classifier_read(const struct classifier *c, uint32_t ifindex, struct divvy_counters *out)
{
	_cleanup_free_ struct divvy_counters *cpu = calloc((size_t)c->n_cpus, sizeof(*cpu));
	struct divvy_counters sum = { 0 };

	if (!cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(c->counters, &ifindex, cpu) < 0)
		return -errno;
	for (int i = 0; i < c->n_cpus; i++) {
		sum.bytes += cpu[i].bytes;
		sum.packets += cpu[i].packets;
		if (cpu[i].last_ns > sum.last_ns)
			sum.last_ns = cpu[i].last_ns;
		if (cpu[i].largest > sum.largest)
			sum.largest = cpu[i].largest;
	}
	*out = sum;
	return 0;
}
