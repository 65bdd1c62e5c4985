/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a BPF map of counters holds: by key (abi.h) a struct divvy_counters for each CPU. Here they are sums. map: its
 * descriptor; n_cpus: how many records an entry has (libbpf_num_possible_cpus()).
 */

#include "abi.h"

#include <stddef.h>
#include <stdint.h>

/* 0; -ENOENT: the key is unknown; or negative errno. */
int counters_read(int map, int n_cpus, uint32_t key, struct divvy_counters *out);
/*
 * The same for n keys, in their order; zeros for one that is unknown. For many it is one system call where the
 * kernel has batch look-ups (5.6), or a few on a host of many CPUs. 0 or negative errno: *out is untouched.
 */
int counters_read_many(int map, int n_cpus, const uint32_t *key, size_t n, struct divvy_counters *out);
