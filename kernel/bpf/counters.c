// SPDX-License-Identifier: GPL-2.0-or-later
#include "counters.h"

#include "base/byifindex.h"
#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * One look-up takes 0.32 us. A batch walks all buckets of the map, of which there are DIVVY_DEVICES_MAX:
 * 35 us, or 150 where they are in no cache, and 0.17 us for each device (Linux 6.18, two CPUs). For few
 * devices, one by one is cheaper.
 */
#define BATCH_MIN 128
#define BATCH_BYTES (1024U * 1024) /* of answers at once, at most */
#define BATCH_ENTRIES_MIN 64U      /* more than share a bucket of the map */

/* cpu: one record for each CPU. */
static struct divvy_counters sum_over_cpus(const struct divvy_counters *cpu, int n_cpus)
{
	struct divvy_counters sum = { 0 };

	for (int i = 0; i < n_cpus; i++) {
		sum.bytes += cpu[i].bytes;
		sum.packets += cpu[i].packets;
		sum.skbs += cpu[i].skbs;
		sum.skb_bytes += cpu[i].skb_bytes;
		if (cpu[i].last_ns > sum.last_ns)
			sum.last_ns = cpu[i].last_ns;
		if (cpu[i].largest > sum.largest)
			sum.largest = cpu[i].largest;
	}
	return sum;
}

int counters_read(int map, int n_cpus, uint32_t key, struct divvy_counters *out)
{
	_cleanup_free_ struct divvy_counters *cpu = calloc((size_t)n_cpus, sizeof(*cpu));

	if (!cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(map, &key, cpu) < 0)
		return -errno;
	*out = sum_over_cpus(cpu, n_cpus);
	return 0;
}

static int read_each(int map, int n_cpus, const uint32_t *key, size_t n, struct divvy_counters *out)
{
	_cleanup_free_ struct divvy_counters *cpu = calloc((size_t)n_cpus, sizeof(*cpu));

	if (!cpu)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (bpf_map_lookup_elem(map, &key[i], cpu) == 0)
			out[i] = sum_over_cpus(cpu, n_cpus);
		else if (errno == ENOENT)
			out[i] = (struct divvy_counters){ 0 };
		else
			return -errno;
	}
	return 0;
}

/* A device that the caller asks for, and where its counters go. */
struct wanted {
	uint32_t key;
	uint32_t place;
};

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Sorted by key; the caller's to free. */
static struct wanted *sort_wanted(const uint32_t *key, size_t n)
{
	struct wanted *w = calloc(n, sizeof(*w));
	bool sorted = true;

	for (size_t i = 0; w && i < n; i++) {
		w[i] = (struct wanted){ .key = key[i], .place = (uint32_t)i };
		sorted = sorted && (i == 0 || key[i - 1] <= key[i]);
	}
	if (w && !sorted)
		qsort(w, n, sizeof(*w), compare_wanted);
	return w;
}

/* The whole map, in as few calls as its entries need. out is zeroed. */
static int read_batches(int map, int n_cpus, const struct wanted *w, size_t n, struct divvy_counters *out)
{
	size_t cpus = (size_t)n_cpus, most = BATCH_BYTES / (cpus * sizeof(*out));
	size_t room = BATCH_ENTRIES_MIN + (n < most ? n : most);
	_cleanup_free_ uint32_t *key = NULL;
	_cleanup_free_ struct divvy_counters *cpu = NULL;
	uint32_t at;
	int err = 0;

	key = malloc(room * sizeof(*key));
	cpu = malloc(room * cpus * sizeof(*cpu));
	if (!key || !cpu)
		return -ENOMEM;
	for (void *from = NULL; err == 0; from = &at) {
		uint32_t got = (uint32_t)room;

		if (bpf_map_lookup_batch(map, from, &at, key, cpu, &got, NULL) < 0)
			err = -errno;
		if (err < 0 && err != -ENOENT) /* that is the end */
			return err;
		for (uint32_t i = 0; i < got; i++) {
			size_t k = byifindex_lower_bound(w, n, sizeof(*w), key[i]);

			for (; k < n && w[k].key == key[i]; k++)
				out[w[k].place] = sum_over_cpus(cpu + i * cpus, n_cpus);
		}
	}
	return 0;
}

int counters_read_many(int map, int n_cpus, const uint32_t *key, size_t n, struct divvy_counters *out)
{
	_cleanup_free_ struct divvy_counters *found = calloc(n ? n : 1, sizeof(*found));
	_cleanup_free_ struct wanted *w = NULL;
	int err = -EOPNOTSUPP;

	if (!found)
		return -ENOMEM;
	if (n >= BATCH_MIN) {
		w = sort_wanted(key, n);
		err = w ? read_batches(map, n_cpus, w, n, found) : -ENOMEM;
	}
	/* also before 5.6, which has no batches for this type of map */
	if (err < 0)
		err = read_each(map, n_cpus, key, n, found);
	if (err == 0)
		memcpy(out, found, n * sizeof(*out));
	return err;
}
