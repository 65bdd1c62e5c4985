/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The tree that senders.c is given, for the reference, and as a specification. */

#include "bpf/wire.h"
#include "tests/reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES WIRE_PORTS
#define MBIT 1e6

static struct ref_node node[REF_NODES];
static char name[REF_NODES][64];
static int n_nodes, n_devices;
static int node_of[DEVICES];

static int die(const char *what)
{
	fprintf(stderr, "senders: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static int find(const char *what)
{
	for (int i = 1; i < n_nodes; i++)
		if (strcmp(name[i], what) == 0)
			return i;
	return 0;
}

static void read_tree(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256], kind[16], parent[64];
	double share, reserve, limit;

	if (!f)
		die(path);
	while (fgets(line, sizeof(line), f) && n_nodes < REF_NODES) {
		struct ref_node *n = &node[n_nodes];

		if (sscanf(line, "uplink %lf", &limit) == 1) {
			*n = (struct ref_node){ .parent = REF_NONE, .limit = limit * MBIT };
		} else if (sscanf(line, "%15s %63s %63s %lf %lf %lf", kind, name[n_nodes], parent, &share, &reserve,
				  &limit) == 6) {
			*n = (struct ref_node){ .parent = find(parent),
						.device = kind[0] == 'd',
						.share = share,
						.reserve = reserve * MBIT,
						.limit = limit > 0 ? limit * MBIT : INFINITY };
			if (n->device)
				node_of[n_devices++] = n_nodes;
		} else {
			continue;
		}
		n_nodes++;
	}
	fclose(f);
}

static void yaml_keys(int i)
{
	printf("name: %s, share: %.0f", name[i], node[i].share);
	if (node[i].reserve > 0)
		printf(", reserve: %.0fkbit", node[i].reserve / 1000);
	if (!isinf(node[i].limit))
		printf(", limit: %.0fkbit", node[i].limit / 1000);
}

/* Networks in networks are written as blocks, devices in one line. */
static void yaml_network(int i, int indent)
{
	printf("%*s- name: %s\n%*s  share: %.0f\n", indent, "", name[i], indent, "", node[i].share);
	if (node[i].reserve > 0)
		printf("%*s  reserve: %.0fkbit\n", indent, "", node[i].reserve / 1000);
	if (!isinf(node[i].limit))
		printf("%*s  limit: %.0fkbit\n", indent, "", node[i].limit / 1000);
}

static void yaml_below(int parent, int indent)
{
	bool any = false;

	for (int k = 0; k < n_devices; k++) {
		if (node[node_of[k]].parent != parent)
			continue;
		if (!any)
			printf("%*sdevices:\n", indent, "");
		any = true;
		printf("%*s  - {", indent, "");
		yaml_keys(node_of[k]);
		printf(", nic: t%d}\n", k);
	}
	any = false;
	for (int i = 1; i < n_nodes; i++) {
		if (node[i].parent != parent || node[i].device)
			continue;
		if (!any)
			printf("%*snetworks:\n", indent, "");
		any = true;
		yaml_network(i, indent + 2);
		yaml_below(i, indent + 4);
	}
}

static int yaml(const char *path, const char *uplink)
{
	read_tree(path);
	printf("uplinks:\n  - name: %s\n    capacity: %.0fkbit\n    overhead: 0\n", uplink, node[0].limit / 1000);
	yaml_below(0, 4);
	return EXIT_SUCCESS;
}
