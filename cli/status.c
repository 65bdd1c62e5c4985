// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy status */

#include "status.h"
#include "ask.h"
#include "cli.h"
#include "statuscells.h"
#include "table.h"

#include "base/cleanup.h"
#include "proto/answer.h"

#include <string.h>
#include <unistd.h>

static void vm_cell(struct table *t, const json_t *vm)
{
	if (json_is_object(vm))
		table_cell(t, "%s %s[%lld]", cell_text(vm, "name"), cell_text(vm, "vmm"), cell_integer(vm, "pid"));
	else
		table_cell(t, "-");
}

/* What a network has together. */
static void network_cells(struct table *t, const json_t *n, const struct cell_columns *c)
{
	table_cell(t, "%s/", cell_text(n, "name"));
	table_cell(t, "-");
	cell_terms(t, n, c);
	cell_rates(t, n);
	cell_none(t, 2);
}

/* "tap0", and how many more. */
static void nic_cell(struct table *t, const json_t *d)
{
	size_t n = json_array_size(json_object_get(d, "nics"));

	if (n > 1)
		table_cell(t, "%s +%zu", cell_text(d, "nic"), n - 1);
	else
		table_cell(t, "%s", cell_text(d, "nic")[0] ? cell_text(d, "nic") : "-");
}

/* flow: a device, or what it receives. divided: where it is. */
static const char *state_text(const json_t *flow, bool bound, const char *divided)
{
	if (!bound)
		return "waiting";
	switch (answer_divided(flow)) {
	case ANSWER_UNDIVIDED:
		return "NOT DIVIDED";
	case ANSWER_NOT_KNOWN:
		return "not known";
	case ANSWER_DIVIDED:
		break;
	}
	return divided;
}

static void rate_cells(struct table *t, const json_t *d, bool bound, const struct cell_columns *c)
{
	table_cell(t, "%s", cell_text(d, "name"));
	nic_cell(t, d);
	cell_terms(t, d, c);
	if (bound)
		cell_rates(t, d);
	else
		cell_none(t, 4);
	table_cell(t, "%s", state_text(d, bound, cell_text(d, "backpressure")));
	vm_cell(t, json_object_get(d, "vm"));
}

static const char *const cpu_headers[] = { "DEVICE",  ">SHARE",  ">CREDIT",  ">SLOTS", ">ENTITLED",
					   ">USED",   ">ERR pp", ">LONGEST", ">DELIVERED", "VM",     NULL };

static void cpu_cells(struct table *t, const json_t *d, const json_t *c)
{
	const json_t *vm = json_object_get(d, "vm");

	table_cell(t, "%s", cell_text(d, "name"));
	table_cell(t, "%lld", cell_integer(d, "share"));
	if (json_is_object(c)) {
		table_cell(t, "%.1fms", cell_real(c, "credit_ns") / 1e6);
		table_cell(t, "%lld/%lld", cell_integer(c, "slots_run"), cell_integer(c, "slots"));
		table_cell(t, "%.2fs", cell_real(c, "entitled_ns") / 1e9);
		table_cell(t, "%.2fs", cell_real(c, "used_ns") / 1e9);
		cell_error(t, c);
		table_cell(t, "%.1fms", cell_real(c, "longest_pause_ms"));
	} else {
		cell_none(t, 6);
	}
	cell_rate(t, d, "delivered_bps");
	if (json_is_object(vm)) /* without its VMM, which would make the table wider than 80 columns */
		table_cell(t, "%s[%lld]", cell_text(vm, "name"), cell_integer(vm, "pid"));
	else
		table_cell(t, "-");
}

/* What other programs removed or changed in the last minute; NULL: nothing. */
static const char *repaired(const json_t *o)
{
	const char *what = cell_text(json_object_get(o, "repaired"), "what");

	return what[0] ? what : NULL;
}

static bool has_line(const json_t *list, const char *line)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (strcmp(json_string_value(one), line) == 0)
			return true;
	return false;
}

/* What others have on the vNIC, and whether it keeps packets from divvy, or divvy from it. */
static void add_others(struct table *t, const json_t *d)
{
	const json_t *others = json_object_get(d, "others"), *undivided = json_object_get(d, "undivided");
	const json_t *passed = json_object_get(d, "filters_passed_by"), *line;
	const char *hint = cell_text(undivided, "hint");
	size_t i;

	if (json_is_object(undivided))
		table_line(t, "  %s%s%s", cell_text(undivided, "text"), hint[0] ? "; " : "", hint);
	json_array_foreach(others, i, line)
		if (!has_line(passed, json_string_value(line)))
			table_line(t, "  also on this vNIC: %s (left alone)", json_string_value(line));
	json_array_foreach(passed, i, line)
		table_line(t, "  passed by: %s sees no packet that is divided (hook: first)",
			   json_string_value(line));
}

/* What is said of a vNIC; of a device with several, each vNIC has its line. */
static void add_nic(struct table *t, const json_t *nic, const char *what, bool several)
{
	if (several && !cell_text(nic, "why")[0])
		table_line(t, "  %s", cell_text(nic, "nic"));
	else if (several)
		table_line(t, "  %s: %s%s", cell_text(nic, "nic"), what, cell_text(nic, "why"));
	else if (cell_text(nic, "why")[0])
		table_line(t, "  %s%s", what, cell_text(nic, "why"));
	if (cell_text(nic, "passed_by")[0])
		table_line(t, "  passed by: nft chain %s sees no packet of %s (force: true)",
			   cell_text(nic, "passed_by"), cell_text(nic, "nic"));
	add_others(t, nic);
}

static void add_device(struct table *t, const json_t *d, bool cpu, const struct cell_columns *columns)
{
	const json_t *c = json_object_get(d, "cpu"), *nics = json_object_get(d, "nics"), *nic;
	bool bound = strcmp(cell_text(d, "state"), "bound") == 0, several = json_array_size(nics) > 1;
	size_t i;

	if (cpu)
		cpu_cells(t, d, c);
	else
		rate_cells(t, d, bound, columns);
	if (!several)
		add_nic(t, d,
			!bound		      ? "waiting: " :
			!cpu		      ? "no backpressure: " :
			json_is_object(c) ? "" :
						"takes no part: ",
			false);
	json_array_foreach(nics, i, nic)
		if (several)
			add_nic(t, nic,
				!json_is_true(json_object_get(nic, "bound")) ? "waiting: " :
				cpu					     ? "" :
									       "no backpressure: ",
				true);
	if (json_is_true(json_object_get(c, "raised")))
		table_line(t,
			   "  its share is worth less than a slot, it gets one: set schedule.slots higher");
	if (cell_integer(d, "burst_dropped_packets"))
		table_line(t, "  dropped by the kernel before that: %lld packets (net.core.qdisc_max_burst)",
			   cell_integer(d, "burst_dropped_packets"));
	cell_promise(t, d, columns);
	if (repaired(d))
		table_line(t, "  by another program, put right each time: %s in the last minute",
			   repaired(d));
}

/* "58.98 of 100 Mbit/s"; "-" where divvyd does not know yet what was delivered. cpu: no capacity holds. */
static void print_capacity(FILE *to, const json_t *uplink, bool cpu)
{
	if (json_is_number(json_object_get(uplink, "delivered_bps")))
		fprintf(to, " %.6g", cell_mbit(uplink, "delivered_bps"));
	else
		fputs(" -", to);
	if (cpu)
		fputs(" Mbit/s", to);
	else
		fprintf(to, " of %.6g Mbit/s", cell_mbit(uplink, "capacity_bps"));
	if (!cpu && cell_text(uplink, "capacity")[0])
		fprintf(to, " (%s)", cell_text(uplink, "capacity"));
}

static void print_schedule(FILE *to, const json_t *s)
{
	fprintf(to, "CPU slots: policy %s, %.3g ms, %lld in a round, %lld lane%s, gate %s%s%s\n",
		cell_text(s, "policy"), cell_real(s, "slot_ms"), cell_integer(s, "slots"), cell_integer(s, "lanes"),
		cell_integer(s, "lanes") == 1 ? "" : "s", cell_text(s, "gate"),
		json_is_true(json_object_get(s, "strict")) ? ", strict" : "",
		json_is_true(json_object_get(s, "spread")) ? ", spread" : "");
	fprintf(to, "  switching takes %.2f ms of a slot; slots late: %lld, skipped: %lld\n",
		cell_real(s, "switch_ms"), cell_integer(s, "late_slots"), cell_integer(s, "skipped_slots"));
}

#define UNCLAIMED_LINES_MAX 10

/* vNICs of VMs that nothing divides. */
static void print_unclaimed(FILE *to, const json_t *list)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i < UNCLAIMED_LINES_MAX; i++) {
		const json_t *nic = json_array_get(list, i);

		fprintf(to, "Not divided: %s of VM %s (%s): no device claims it\n", cell_text(nic, "nic"),
			cell_text(nic, "vm")[0] ? cell_text(nic, "vm") : cell_text(nic, "vmm"),
			cell_text(nic, "mac")[0] ? cell_text(nic, "mac") : "MAC unknown");
	}
	if (n > UNCLAIMED_LINES_MAX)
		fprintf(to, "and %zu more vNICs of VMs (divvy discover)\n", n - UNCLAIMED_LINES_MAX);
}

static void print_warnings(FILE *to, const json_t *list)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(list, i, warning)
		fprintf(to, "Warning: %s\n", json_string_value(warning) ?: "");
}

/* Called for a row of the tree. */
typedef void add_row(struct table *t, const json_t *o, bool cpu, const struct cell_columns *columns);

static void add_network(struct table *t, const json_t *n, bool cpu, const struct cell_columns *columns)
{
	if (cpu)
		return;
	network_cells(t, n, columns);
	cell_promise(t, n, columns);
}

static void add_rx_network(struct table *t, const json_t *n, bool cpu, const struct cell_columns *columns)
{
	const json_t *rx = json_object_get(n, "rx");

	(void)cpu;
	if (!json_is_object(rx))
		return;
	table_cell(t, "%s/", cell_text(n, "name"));
	cell_terms(t, rx, columns);
	cell_rates(t, rx);
	cell_none(t, 1);
	cell_promise(t, rx, columns);
}

static void add_rx_device(struct table *t, const json_t *d, bool cpu, const struct cell_columns *columns)
{
	const json_t *rx = json_object_get(d, "rx"), *undivided = json_object_get(rx, "undivided");
	bool bound = strcmp(cell_text(rx, "state"), "bound") == 0;
	const char *hint = cell_text(undivided, "hint");

	(void)cpu;
	if (!json_is_object(rx))
		return;
	table_cell(t, "%s", cell_text(d, "name"));
	cell_terms(t, rx, columns);
	if (bound)
		cell_rates(t, rx);
	else
		cell_none(t, 4);
	table_cell(t, "%s", state_text(rx, bound, "divided"));
	if (json_is_object(undivided))
		table_line(t, "  %s%s%s", cell_text(undivided, "text"), hint[0] ? "; " : "", hint);
	if (cell_text(rx, "why")[0])
		table_line(t, "  not divided: %s", cell_text(rx, "why"));
	if (cell_integer(rx, "burst_dropped_packets"))
		table_line(t, "  dropped by the kernel before that: %lld packets (net.core.qdisc_max_burst)",
			   cell_integer(rx, "burst_dropped_packets"));
	cell_promise(t, rx, columns);
}

/* The tree in the order of the specification: a network stands before the first of its devices. */
static void add_tree(struct table *t, const json_t *uplink, bool cpu, const struct cell_columns *columns,
		     add_row *network, add_row *device)
{
	const json_t *networks = json_object_get(uplink, "networks"), *devices = json_object_get(uplink, "devices");
	size_t n = json_array_size(devices), k = 0;

	for (size_t i = 0; i <= n; i++) {
		while (k < json_array_size(networks) &&
		       cell_integer(json_array_get(networks, k), "first_device") <= (long long)i)
			network(t, json_array_get(networks, k++), cpu, columns);
		if (i < n)
			device(t, json_array_get(devices, i), cpu, columns);
	}
}

/* in: NULL, or "rx". */
static void find_columns(const json_t *uplink, const char *in, struct cell_columns *columns)
{
	cell_find_columns(json_object_get(uplink, "networks"), in, columns);
	cell_find_columns(json_object_get(uplink, "devices"), in, columns);
}

/* What the uplink's devices receive, where that is divided. */
static void print_rx(FILE *to, const json_t *uplink, long long now_ns, const char *on, const char *off)
{
	static const char *const first[] = { "RECEIVES", NULL }, *const behind[] = { "STATE", NULL };
	const char *headers[CELL_HEADERS_MAX];
	const json_t *rx = json_object_get(uplink, "rx");
	_cleanup_(table_free) struct table t = { .headers = headers };
	struct cell_columns columns = { .now_ns = now_ns };

	if (!json_is_object(rx))
		return;
	find_columns(uplink, "rx", &columns);
	cell_headers(&columns, first, behind, headers);
	fprintf(to, "%s%s, received%s:", on, cell_text(uplink, "name"), off);
	print_capacity(to, rx, false);
	fputc('\n', to);
	add_tree(&t, uplink, false, &columns, add_rx_network, add_rx_device);
	table_print(&t, to, on, off);
	cell_promises(to, json_object_get(uplink, "devices"), "rx");
}

static void print_uplink(FILE *to, const json_t *uplink, bool cpu, long long now_ns, const char *on, const char *off)
{
	static const char *const first[] = { "DEVICE", "NIC", NULL }, *const behind[] = { "BACKPRESSURE", "VM", NULL };
	const char *headers[CELL_HEADERS_MAX];
	_cleanup_(table_free) struct table t = { .headers = cpu ? cpu_headers : headers };
	struct cell_columns columns = { .now_ns = now_ns };

	find_columns(uplink, NULL, &columns);
	cell_headers(&columns, first, behind, headers);
	fprintf(to, "%s%s%s:", on, cell_text(uplink, "name"), off);
	print_capacity(to, uplink, cpu);
	fprintf(to, "%s\n", json_is_true(json_object_get(uplink, "present")) ? "" : " (no such interface now)");
	add_tree(&t, uplink, cpu, &columns, add_network, add_device);
	table_print(&t, to, on, off);
	cell_promises(to, json_object_get(uplink, "devices"), NULL);
	print_rx(to, uplink, now_ns, on, off);
	if (repaired(uplink))
		fprintf(to, "  by another program, put right each time: %s in the last minute\n", repaired(uplink));
}

void status_print(FILE *to, const json_t *status, bool highlight)
{
	const json_t *uplinks = json_object_get(status, "uplinks"), *uplink;
	const json_t *from = json_object_get(status, "specification"),
		     *schedule = json_object_get(status, "schedule");
	const char *on = highlight ? "\033[1m" : "", *off = highlight ? "\033[0m" : "";
	bool cpu = json_is_object(schedule);
	size_t i;

	if (json_is_true(json_object_get(from, "as_found")))
		fputs("What the kernel enforces stays as it is until divvy apply FILE, or divvy release "
		      "--all\n",
		      to);
	else if (json_array_size(uplinks) == 0)
		fputs("Nothing is divided: divvy apply FILE (divvy discover shows what could be)\n", to);
	if (cpu)
		print_schedule(to, schedule);
	json_array_foreach(uplinks, i, uplink)
		print_uplink(to, uplink, cpu, cell_integer(status, "monotonic_ns"), on, off);
	if (cell_text(from, "state_lost")[0])
		fprintf(to, "State lost: %s\n", cell_text(from, "state_lost"));
	if (cell_text(from, "unsaved")[0])
		fprintf(to, "What runs would not survive a restart: %s\n", cell_text(from, "unsaved"));
	print_unclaimed(to, json_object_get(status, "unclaimed"));
	print_warnings(to, json_object_get(status, "warnings"));
	if (cell_text(from, "not_cpu")[0])
		fprintf(to, "Since the start devices are scheduled, not the CPU as asked: %s\n",
			cell_text(from, "not_cpu"));
	if (cell_text(from, "not_file")[0])
		fprintf(to, "At divvyd's start: %s%s\n", cell_text(from, "not_file"),
			json_array_size(uplinks) ? "; what was applied runs on (divvy release --all ends it)" : "");
	else if (json_is_true(json_object_get(from, "differs_from_file")))
		fprintf(to, "Running: as applied; %s says something else (divvy show)\n", cell_text(from, "file"));
}

int verb_status(int argc, char **argv)
{
	json_auto_t *result = NULL;
	int r = ask_or_dump(argc, argv, JSON_INDENT(2) | JSON_REAL_PRECISION(6), &result);

	if (r >= 0)
		return r;
	status_print(stdout, result, isatty(STDOUT_FILENO));
	return EXIT_SUCCESS;
}
