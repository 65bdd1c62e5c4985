/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * fields: set fields of packets as a host's own filters do, and tell what they are where packets leave.
 *
 *	fields set DEVICE PRIORITY MARK TC_INDEX VLAN	at tc ingress, before divvy's filter
 *	fields see DEVICE				at tc egress
 *
 * Says "ready". Each line of standard input makes `see` print what it has seen since the last one, a line for each
 * combination of fields, sorted, and then "."; the programs go with the process.
 */

#include "bpf/fields.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* the generated code's */
#include "tests/system/bpf/fields.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 1024

static int die(const char *what)
{
	fprintf(stderr, "fields: %s\n", what);
	return EXIT_FAILURE;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fields));
}

static void tell(int map)
{
	struct fields list[SEEN_MAX], *at = NULL, next;
	size_t n = 0;

	while (n < SEEN_MAX && bpf_map_get_next_key(map, at, &next) == 0) {
		list[n] = next;
		at = &list[n++];
	}
	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++) {
		printf("sender=%u priority=%x mark=%x tc_index=%x vlan=%x hash=%x\n", list[i].sender,
		       list[i].priority, list[i].mark, list[i].tc_index, list[i].vlan, list[i].hash);
		bpf_map_delete_elem(map, &list[i]);
	}
	puts(".");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	bool set = argc == 7 && strcmp(argv[1], "set") == 0;
	struct fields_bpf *skel = fields_bpf__open_and_load();
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = set ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	char line[16];

	if (!set && (argc != 3 || strcmp(argv[1], "see") != 0))
		return die("usage: fields set DEVICE PRIORITY MARK TC_INDEX VLAN | see DEVICE");
	if (!skel)
		return die("cannot load");
	hook.ifindex = (int)if_nametoindex(argv[2]);
	if (set) {
		skel->bss->wish.priority = (uint32_t)strtoul(argv[3], NULL, 0);
		skel->bss->wish.mark = (uint32_t)strtoul(argv[4], NULL, 0);
		skel->bss->wish.tc_index = (uint32_t)strtoul(argv[5], NULL, 0);
		skel->bss->wish.vlan = (uint32_t)strtoul(argv[6], NULL, 0);
	}
	(void)bpf_tc_hook_create(&hook); /* clsact; -EEXIST: it is there */
	opts.prog_fd = bpf_program__fd(set ? skel->progs.set_fields : skel->progs.see_fields);
	if (bpf_tc_attach(&hook, &opts) < 0)
		return die("cannot attach");
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (!set)
			tell(bpf_map__fd(skel->maps.seen));
	opts.flags = opts.prog_fd = (int)(opts.prog_id = 0);
	bpf_tc_detach(&hook, &opts);
	fields_bpf__destroy(skel);
	return EXIT_SUCCESS;
}
