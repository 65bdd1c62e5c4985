/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "classifier.h"

#include "base/byifindex.h"
#include "base/cleanup.h"
#include "counters.h"
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
#include <sys/stat.h>
#include <time.h>

/*
 * Per-CPU memory without preallocation comes from a cache that the kernel refills beside us: many new
 * entries at once can find it empty for a moment (-ENOMEM; kernel/bpf/memalloc.c). Behind that cache a worker of the kernel
 * makes more (mm/percpu.c, pcpu_balance_workfn()), which gets a CPU when others leave it one: pauses grow, to about two
 * seconds together.
 */
#define NOMEM_TRIES 100
#define NOMEM_PAUSE_NS 100000L
#define NOMEM_PAUSE_MAX_NS 25000000L

/*
 * The kernel takes 9 us to give back one vNIC's memory for each CPU, and 17 us to make it (Linux 6.18, two CPUs; many at
 * once); to set it to zero, one. So counters of vNICs that are not divided any more are kept, up to so many bytes.
 */
#define SPARE_BYTES (1024U * 1024)

struct classifier {
	struct classify_bpf *skel;
	int devices, counters;          /* descriptors, the skeleton's */
	int prog[N_CLASSIFIER_PROGRAMS]; /* likewise; -1: not loaded */
	uint32_t id[N_CLASSIFIER_PROGRAMS];
	int n_cpus;
	uint32_t *spare; /* keys that have counters, and are not set; sorted; owned */
	size_t n_spare;
	struct ring_buffer *ring; /* owned */
	void (*woken)(uint32_t key, void *arg); /* while the ring is read */
	void *woken_arg;
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

/* 0 or negative errno; *skel is untouched on failure. */
static int open_and_load(struct classify_bpf **skel, bool divert)
{
	struct classify_bpf *s = classify_bpf__open();
	struct stat netns;
	int err = -errno;

	if (!s)
		return err < 0 ? err : -ENOMEM;
	if (stat("/proc/self/ns/net", &netns) == 0)
		s->rodata->own_netns = (uint32_t)netns.st_ino;
	bpf_program__set_autoload(s->progs.divvy_divert, divert);
	err = classify_bpf__load(s);
	if (err != 0) {
		classify_bpf__destroy(s);
		return err < 0 ? err : -EINVAL;
	}
	*skel = s;
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
	err = open_and_load(skel, true);
	/* A kernel that has no tcx, or another one than the program reads of, refuses it: the rest goes without. */
	if (err < 0 && err != -EPERM) {
		if (log_size)
			errtext[0] = '\0';
		err = open_and_load(skel, false);
	}
	(void)libbpf_set_print(before);
	log_text = NULL;
	return err;
}

static int id_of(int prog, uint32_t *id)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int err = bpf_obj_get_info_by_fd(prog, &info, &size);

	if (err < 0)
		return err;
	*id = info.id;
	return 0;
}

/* Descriptors and ids of the programs. 0 or negative errno. */
static int find_programs(struct classifier *c)
{
	const struct bpf_program *const progs[N_CLASSIFIER_PROGRAMS] = {
		[CLASSIFIER_TX_INGRESS] = c->skel->progs.count_and_match,
		[CLASSIFIER_TX_EGRESS] = c->skel->progs.tx_at_egress,
		[CLASSIFIER_TX_ROOT] = c->skel->progs.find_class,
		[CLASSIFIER_RX_INGRESS] = c->skel->progs.rx_at_ingress,
		[CLASSIFIER_RX_EGRESS] = c->skel->progs.rx_at_egress,
		[CLASSIFIER_RX_ROOT] = c->skel->progs.find_rx_class,
		[CLASSIFIER_DIVERT] = c->skel->progs.divvy_divert,
	};
	int err = 0;

	for (size_t i = 0; i < N_CLASSIFIER_PROGRAMS && err >= 0; i++) {
		c->prog[i] = bpf_program__autoload(progs[i]) ? bpf_program__fd(progs[i]) : -1;
		err = c->prog[i] < 0 ? 0 : id_of(c->prog[i], &c->id[i]);
	}
	return err;
}

static int take_woken(void *arg, void *data, size_t size)
{
	const struct classifier *c = arg;
	uint32_t key;

	if (size < sizeof(key))
		return 0;
	memcpy(&key, data, sizeof(key));
	c->woken(key, c->woken_arg);
	return 0;
}

int classifier_woken_fd(const struct classifier *c)
{
	return ring_buffer__epoll_fd(c->ring);
}

int classifier_read_woken(struct classifier *c, void (*woken)(uint32_t key, void *arg), void *arg)
{
	int n;

	c->woken = woken;
	c->woken_arg = arg;
	n = ring_buffer__consume(c->ring);
	return n < 0 ? n : 0;
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
	c->devices = bpf_map__fd(c->skel->maps.devices);
	c->counters = bpf_map__fd(c->skel->maps.counters);
	err = find_programs(c);
	if (err >= 0) {
		c->ring = ring_buffer__new(bpf_map__fd(c->skel->maps.woken), take_woken, c, NULL);
		err = c->ring ? 0 : -errno;
	}
	if (err < 0) {
		if (errtext && size)
			snprintf(errtext, size, "asking for the ids of BPF programs, or mapping their ring: %s",
				 strerror(-err));
		return err;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

struct classifier *classifier_close(struct classifier *c)
{
	if (c) {
		ring_buffer__free(c->ring);
		classify_bpf__destroy(c->skel);
		free(c->spare);
	}
	free(c);
	return NULL;
}

void classifier_closep(struct classifier **c)
{
	*c = classifier_close(*c);
}

int classifier_fd(const struct classifier *c, enum classifier_program which)
{
	return c->prog[which];
}

uint32_t classifier_id(const struct classifier *c, enum classifier_program which)
{
	return c->id[which];
}

int classifier_devices_fd(const struct classifier *c)
{
	return c->devices;
}

/* --- maps -------------------------------------------------------------------------------------- */

static int update(int map, const void *key, const void *value, uint64_t flags)
{
	struct timespec pause = { .tv_nsec = NOMEM_PAUSE_NS };
	int err = 0;

	for (int i = 0; i < NOMEM_TRIES; i++) {
		err = bpf_map_update_elem(map, key, value, flags) < 0 ? -errno : 0;
		if (err != -ENOMEM)
			break;
		(void)nanosleep(&pause, NULL);
		pause.tv_nsec = pause.tv_nsec < NOMEM_PAUSE_MAX_NS / 2 ? 2 * pause.tv_nsec : NOMEM_PAUSE_MAX_NS;
	}
	return err;
}

static uint32_t *find_spare(const struct classifier *c, uint32_t key)
{
	return byifindex_find(c->spare, c->n_spare, sizeof(*c->spare), key);
}

/* Counters at zero for those that have none. zero: one record for each CPU. */
static int make_counters(struct classifier *c, const uint32_t *key, size_t n, const void *zero)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t *spare = find_spare(c, key[i]);
		int err = update(c->counters, &key[i], zero, spare ? BPF_EXIST : BPF_NOEXIST);

		if (err < 0 && err != -EEXIST)
			return err;
		if (spare)
			byifindex_remove(c->spare, &c->n_spare, sizeof(*spare), spare);
	}
	return 0;
}

/* Whether the counters are kept for the next classifier_set() of this key. */
static bool keep_counters(struct classifier *c, uint32_t key)
{
	size_t each = (size_t)c->n_cpus * sizeof(struct divvy_counters);

	return (c->n_spare + 1) * each <= SPARE_BYTES &&
	       byifindex_insert(&c->spare, &c->n_spare, sizeof(key), &key) == 0;
}

static int set_devices(struct classifier *c, const uint32_t *key, const struct divvy_device *device,
		       size_t n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t done = (uint32_t)n;

	if (n > 1 && bpf_map_update_batch(c->devices, key, device, &done, &opts) == 0)
		return 0;
	/* One by one where there are no batches, and for a clear error where one failed. */
	for (size_t i = 0; i < n; i++) {
		int err = update(c->devices, &key[i], &device[i], BPF_ANY);

		if (err < 0)
			return err;
	}
	return 0;
}

int classifier_set_many(struct classifier *c, const uint32_t *key, const struct divvy_device *device,
			size_t n)
{
	_cleanup_free_ struct divvy_counters *zero = calloc((size_t)c->n_cpus, sizeof(*zero));
	int err;

	if (!zero)
		return -ENOMEM;
	if (n > DIVVY_DEVICES_MAX)
		return -E2BIG;
	/* Counters first: from the first packet in a class on, it is counted. */
	err = make_counters(c, key, n, zero);
	return err < 0 ? err : set_devices(c, key, device, n);
}

int classifier_set(struct classifier *c, uint32_t key, struct divvy_device device)
{
	return classifier_set_many(c, &key, &device, 1);
}

int classifier_clear(struct classifier *c, uint32_t key)
{
	int err = bpf_map_delete_elem(c->devices, &key) < 0 ? -errno : 0;

	if (find_spare(c, key) || (err == 0 && keep_counters(c, key)))
		return err;
	/* Also where the device was not there: an interrupted classifier_set() leaves counters alone. */
	if (bpf_map_delete_elem(c->counters, &key) < 0 && errno != ENOENT && err == 0)
		err = -errno;
	return err;
}

void classifier_forget(struct classifier *c, uint32_t key)
{
	uint32_t *spare = find_spare(c, key);

	if (spare)
		byifindex_remove(c->spare, &c->n_spare, sizeof(*spare), spare);
	(void)bpf_map_delete_elem(c->devices, &key);
	(void)bpf_map_delete_elem(c->counters, &key);
}

int classifier_keep(struct classifier *c, bool (*keeps)(uint32_t key, const void *arg), const void *arg)
{
	uint32_t key, next = 0;
	int err = bpf_map_get_next_key(c->counters, NULL, &key) < 0 ? -errno : 0, cleared = 0;

	while (err >= 0) {
		/* Before the key goes: behind one that is gone the kernel begins again. */
		err = bpf_map_get_next_key(c->counters, &key, &next) < 0 ? -errno : 0;
		if (!keeps(key, arg)) {
			classifier_forget(c, key);
			cleared++;
		}
		key = next;
	}
	return err == -ENOENT ? cleared : err;
}

int classifier_await(struct classifier *c, uint32_t key)
{
	struct divvy_device d;

	if (bpf_map_lookup_elem(c->devices, &key, &d) < 0)
		return -errno;
	d.idle = DIVVY_IDLE_BYTES;
	return update(c->devices, &key, &d, BPF_EXIST);
}

int classifier_read(const struct classifier *c, uint32_t key, struct divvy_counters *out)
{
	return find_spare(c, key) ? -ENOENT : counters_read(c->counters, c->n_cpus, key, out);
}

int classifier_read_many(const struct classifier *c, const uint32_t *key, size_t n,
			 struct divvy_counters *out)
{
	int err = counters_read_many(c->counters, c->n_cpus, key, n, out);

	for (size_t i = 0; i < n && err == 0 && c->n_spare; i++)
		if (find_spare(c, key[i]))
			out[i] = (struct divvy_counters){ 0 };
	return err;
}
