/* SPDX-License-Identifier: GPL-2.0-or-later */

/* divvy-sim: the policies side by side in virtual time. See doc/simulation.md. */

#include "sim.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHARES_MAX 64U

struct options {
	struct sim_config sim;
	const char *policy; /* NULL: all */
	uint32_t share[SHARES_MAX];
	const char *csv;
	bool json, no_timing;
};

static bool number(const char *text, double least, double most, double *out)
{
	char *end;
	double x;

	errno = 0;
	x = strtod(text, &end);
	if (errno || end == text || *end || !(x >= least && x <= most))
		return false;
	*out = x;
	return true;
}

static bool shares(struct options *o, const char *text)
{
	o->sim.n_share = 0;
	while (*text) {
		char *end;
		unsigned long x = strtoul(text, &end, 10);

		if (end == text || x < 1 || x > PART_MAX || o->sim.n_share == SHARES_MAX)
			return false;
		o->share[o->sim.n_share++] = (uint32_t)x;
		text = *end == ',' ? end + 1 : end;
		if (end == text && *end)
			return false;
	}
	o->sim.share = o->share;
	return o->sim.n_share > 0;
}

enum option_kind { FLAG, NUMBER, TEXT };

static const struct option_row {
	const char *name;
	enum option_kind kind;
	double least, most;
	const char *help;
} rows[] = {
	{"--policy", TEXT, 0, 0, "NAME       paper, smooth, credit, boost or adrr; without: all"},
	{"--vms", NUMBER, 1, ROUNDS_VMS_MAX, "N          VMs (as many as --shares has, or 3)"},
	{"--shares", TEXT, 0, 0, "A,B,..     repeated for more VMs; without: random, 1..10"},
	{"--rounds", NUMBER, 1, 1e6, "N          how long: rounds of all slots (20)"},
	{"--slots", NUMBER, 1, ROUNDS_SLOTS_MAX,
	 "N          slots in a round (100, or as the smallest share needs)"},
	{"--slot-ms", NUMBER, 0.01, 1000, "MS         length of a slot (10)"},
	{"--lanes", NUMBER, 1, ROUNDS_LANES_MAX, "N          VMs at once (1)"},
	{"--burst-ms", NUMBER, 0, 1e6, "MS         credit that can be saved up (0: a round's)"},
	{"--onoff", NUMBER, 0, 1, "PART       of the VMs are on and off (0)"},
	{"--io", NUMBER, 0, 1, "PART       of the VMs only wake up for I/O (0); others are busy"},
	{"--on-ms", NUMBER, 0.01, 1e6, "MS         mean CPU time of an on phase (100)"},
	{"--io-load", NUMBER, 0.0001, 1, "PART       of the lanes that all I/O VMs use (0.02)"},
	{"--io-us", NUMBER, 1, 1e6, "US         CPU time for a wake-up (200)"},
	{"--switch-us", NUMBER, 0, 1e6, "US         lost at a switch of VMs (60)"},
	{"--seed", NUMBER, 0, 1e15, "N          of the random numbers (1)"},
	{"--samples", NUMBER, 1, 100000, "N          of the series (100 with --csv)"},
	{"--csv", TEXT, 0, 0, "FILE       share error over time"},
	{"--strict", FLAG, 0, 0, "           a slot that its VM cannot use stays empty"},
	{"--spread", FLAG, 0, 0, "           fill all lanes rather than hold the ratio"},
	{"--json", FLAG, 0, 0, "           instead of a table"},
	{"--no-timing", FLAG, 0, 0, "           leave out what differs from run to run"},
};

static void usage(FILE *f)
{
	fprintf(f, "usage: divvy-sim [OPTION]...\n"
		   "CPU slots in virtual time: the policies of divvy.yaml(5) side by side, on VMs\n"
		   "of given demands. doc/simulation.md says what the columns say.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		fprintf(f, "  %-12s %s\n", rows[i].name, rows[i].help);
}

static void set_number(struct options *o, const char *name, double x)
{
	struct sim_config *c = &o->sim;
	const struct {
		const char *name;
		uint32_t *u32;
		uint64_t *u64;
		double *real;
		double unit;
	} to[] = {
		{ "--vms", .u32 = &c->vms, .unit = 1 },
		{ "--rounds", .u32 = &c->n_rounds, .unit = 1 },
		{ "--slots", .u32 = &c->rounds.slots, .unit = 1 },
		{ "--lanes", .u32 = &c->rounds.lanes, .unit = 1 },
		{ "--samples", .u32 = &c->samples, .unit = 1 },
		{ "--seed", .u64 = &c->seed, .unit = 1 },
		{ "--slot-ms", .u64 = &c->rounds.slot_ns, .unit = 1e6 },
		{ "--burst-ms", .u64 = &c->rounds.burst_ns, .unit = 1e6 },
		{ "--on-ms", .u64 = &c->on_ns, .unit = 1e6 },
		{ "--io-us", .u64 = &c->io_ns, .unit = 1e3 },
		{ "--switch-us", .u64 = &c->switch_ns, .unit = 1e3 },
		{ "--onoff", .real = &c->part[DEMAND_ON_OFF] },
		{ "--io", .real = &c->part[DEMAND_IO] },
		{ "--io-load", .real = &c->io_load },
	};

	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		if (strcmp(to[i].name, name))
			continue;
		if (to[i].u32)
			*to[i].u32 = (uint32_t)x;
		else if (to[i].u64)
			*to[i].u64 = (uint64_t)(x * to[i].unit);
		else if (to[i].real)
			*to[i].real = x;
	}
}

/* 0 or -EINVAL, after saying what is wrong. */
static int take(struct options *o, const struct option_row *row, const char *value)
{
	double x;

	if (row->kind == NUMBER) {
		if (!number(value, row->least, row->most, &x)) {
			fprintf(stderr, "divvy-sim: %s: '%s' is not a number from %g to %g\n", row->name,
				value, row->least, row->most);
			return -EINVAL;
		}
		set_number(o, row->name, x);
	} else if (!strcmp(row->name, "--policy")) {
		o->policy = value;
		if (!policy_find(value)) {
			fprintf(stderr, "divvy-sim: no policy '%s'; there are:", value);
			for (size_t i = 0; policies[i]; i++)
				fprintf(stderr, " %s", policies[i]->name);
			fprintf(stderr, "\n");
			return -EINVAL;
		}
	} else if (!strcmp(row->name, "--shares")) {
		if (!shares(o, value)) {
			fprintf(stderr, "divvy-sim: --shares: '%s' is not a list of shares from 1 to %u\n",
				value, PART_MAX);
			return -EINVAL;
		}
	} else if (!strcmp(row->name, "--csv")) {
		o->csv = value;
	} else if (!strcmp(row->name, "--strict")) {
		o->sim.rounds.strict = true;
	} else if (!strcmp(row->name, "--spread")) {
		o->sim.rounds.spread = true;
	} else if (!strcmp(row->name, "--json")) {
		o->json = true;
	} else if (!strcmp(row->name, "--no-timing")) {
		o->no_timing = true;
	}
	return 0;
}

static int parse(struct options *o, int argc, char **argv)
{
	uint32_t vms = o->sim.vms;

	o->sim.vms = 0;
	for (int i = 1; i < argc; i++) {
		const struct option_row *row = NULL;

		for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
			if (!strcmp(rows[k].name, argv[i]))
				row = &rows[k];
		if (!row || (row->kind != FLAG && i + 1 == argc)) {
			fprintf(stderr,
				row ? "divvy-sim: %s needs a value; divvy-sim --help lists what there is\n" :
				      "divvy-sim: no option %s; divvy-sim --help lists what there is\n",
				argv[i]);
			return -EINVAL;
		}
		if (take(o, row, row->kind == FLAG ? NULL : argv[++i]))
			return -EINVAL;
	}
	if (!o->sim.vms)
		o->sim.vms = o->sim.n_share ? o->sim.n_share : vms;
	if (o->csv && !o->sim.samples)
		o->sim.samples = 100;
	return 0;
}

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void print_head(const struct options *o)
{
	printf("%-8s %6s %9s %9s %6s %7s %11s %10s %10s %10s %10s", "policy", "VMs", "error pp", "slots",
	       "util%", "Jain", "wait max ms", "wake p50", "wake p99", "wake max", "decisions");
	printf(o->no_timing ? "\n" : " %9s %7s\n", "dec/s", "real s");
}

static void print_row(const struct options *o, const struct policy_ops *ops, const struct sim_result *r)
{
	printf("%-8s %6u %9.5f %9.2f %6.1f %7.5f %11.1f", ops->name, o->sim.vms, r->error, r->error_slots,
	       100 * r->utilisation, r->jain, ms(r->wait_ns));
	if (r->wakes)
		printf(" %10.2f %10.2f %10.2f", ms(r->wake_p50_ns), ms(r->wake_p99_ns), ms(r->wake_max_ns));
	else
		printf(" %10s %10s %10s", "-", "-", "-");
	printf(" %10llu", (unsigned long long)r->decisions);
	if (!o->no_timing)
		printf(" %9.0f %7.2f", (double)r->decisions / ((double)r->wall_ns / 1e9),
		       (double)r->wall_ns / 1e9);
	printf("\n");
	fflush(stdout);
}

static void print_json(const struct options *o, const struct policy_ops *ops, const struct sim_result *r,
		       bool first)
{
	printf("%s\n  {\"policy\": \"%s\", \"vms\": %u, \"lanes\": %u, \"slots\": %llu, \"slot_ns\": %llu, "
	       "\"seed\": %llu,",
	       first ? "[" : ",", ops->name, o->sim.vms, o->sim.rounds.lanes, (unsigned long long)r->slots,
	       (unsigned long long)o->sim.rounds.slot_ns, (unsigned long long)o->sim.seed);
	printf(" \"time_ns\": %llu, \"rounds\": %llu, \"decisions\": %llu,", (unsigned long long)r->time_ns,
	       (unsigned long long)r->rounds, (unsigned long long)r->decisions);
	printf(" \"error_pp\": %.9f, \"error_slots\": %.6f, \"utilisation\": %.9f, \"jain\": %.9f,", r->error,
	       r->error_slots, r->utilisation, r->jain);
	printf(" \"wait_max_ns\": %llu, \"wakes\": %llu,", (unsigned long long)r->wait_ns,
	       (unsigned long long)r->wakes);
	printf(" \"wake_p50_ns\": %llu, \"wake_p99_ns\": %llu, \"wake_max_ns\": %llu",
	       (unsigned long long)r->wake_p50_ns, (unsigned long long)r->wake_p99_ns,
	       (unsigned long long)r->wake_max_ns);
	if (!o->no_timing)
		printf(", \"wall_ns\": %llu", (unsigned long long)r->wall_ns);
	printf("}");
}

static void print_csv(FILE *f, const struct policy_ops *ops, const struct sim_result *r)
{
	for (uint32_t i = 0; i < r->n_samples; i++)
		fprintf(f, "%s,%.6f,%.9f,%.9f\n", ops->name, (double)r->sample[i].time_ns / 1e9,
			r->sample[i].error, r->sample[i].error_window);
}

static int run_all(struct options *o, FILE *csv)
{
	bool first = true;

	if (csv)
		fprintf(csv, "policy,time_s,error_pp,error_window_pp\n");
	if (!o->json)
		print_head(o);
	for (size_t i = 0; policies[i]; i++) {
		struct sim_result r;
		int ret;

		if (o->policy && strcmp(o->policy, policies[i]->name))
			continue;
		o->sim.rounds.policy = policies[i];
		ret = sim_run(&o->sim, &r);
		if (ret)
			return ret;
		if (o->json)
			print_json(o, policies[i], &r, first);
		else
			print_row(o, policies[i], &r);
		if (csv)
			print_csv(csv, policies[i], &r);
		sim_result_free(&r);
		first = false;
	}
	if (o->json)
		printf("\n]\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	FILE *csv = NULL;
	int ret;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return 0;
	}
	sim_config_default(&o.sim);
	if (parse(&o, argc, argv))
		return 2;
	if (o.csv) {
		csv = fopen(o.csv, "we");
		if (!csv) {
			fprintf(stderr, "divvy-sim: %s: %s\n", o.csv, strerror(errno));
			return 1;
		}
	}
	ret = run_all(&o, csv);
	if (csv && fclose(csv))
		ret = ret ? ret : -errno;
	if (ret)
		fprintf(stderr, "divvy-sim: %s\n", strerror(-ret));
	return ret ? 1 : 0;
}
