// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy status */

#include "status.h"
#include "ask.h"
#include "cli.h"
#include "table.h"

#include "base/cleanup.h"
#include "proto/answer.h"

#include <string.h>
#include <unistd.h>

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

static double mbit(const json_t *o, const char *key)
{
	return (double)json_integer_value(json_object_get(o, key)) / 1e6;
}

/* 0 for what would print as -0.00. */
static double no_minus_zero(double v)
{
	return v > -0.005 && v < 0.005 ? 0.0 : v;
}

static double real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static long long integer(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* null: divvyd does not know yet, for a rate needs two readings. */
static void rate_cell(struct table *t, const json_t *d, const char *key)
{
	if (json_is_number(json_object_get(d, key)))
		table_cell(t, "%.2f", mbit(d, key));
	else
		table_cell(t, "-");
}

static void error_cell(struct table *t, const json_t *o)
{
	if (json_is_number(json_object_get(o, "error_pp")))
		table_cell(t, "%+.2f", no_minus_zero(real(o, "error_pp")));
	else
		table_cell(t, "-");
}

static void vm_cell(struct table *t, const json_t *vm)
{
	if (json_is_object(vm))
		table_cell(t, "%s %s[%lld]", text(vm, "name"), text(vm, "vmm"), integer(vm, "pid"));
	else
		table_cell(t, "-");
}

/* Which columns a table has that not every uplink needs. */
struct columns {
	bool reserve, limit;
	long long now_ns; /* of the answer */
};

#define HEADERS_MAX 12

/* Their order is that of rate_cells() and network_cells(). */
static void rate_headers(const struct columns *c, const char *headers[HEADERS_MAX])
{
	static const char *const behind[] = { ">ENTITLED", ">DELIVERED", ">ERR pp", ">DROPS", "BACKPRESSURE", "VM" };
	size_t n = 0;

	headers[n++] = "DEVICE";
	headers[n++] = "NIC";
	headers[n++] = ">SHARE";
	if (c->reserve)
		headers[n++] = ">RESERVE";
	if (c->limit)
		headers[n++] = ">LIMIT";
	for (size_t i = 0; i < ARRAY_SIZE(behind); i++)
		headers[n++] = behind[i];
	headers[n] = NULL;
}

static void find_columns(const json_t *list, struct columns *c)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		c->reserve |= json_is_integer(json_object_get(one, "reserve_bps"));
		c->limit |= json_is_integer(json_object_get(one, "limit_bps"));
	}
}

static void terms_cells(struct table *t, const json_t *d, const struct columns *c)
{
	table_cell(t, "%lld", integer(d, "share"));
	if (c->reserve)
		rate_cell(t, d, "reserve_bps");
	if (c->limit)
		rate_cell(t, d, "limit_bps");
}

/* What a network has together. */
static void network_cells(struct table *t, const json_t *n, const struct columns *c)
{
	table_cell(t, "%s/", text(n, "name"));
	table_cell(t, "-");
	terms_cells(t, n, c);
	rate_cell(t, n, "entitled_bps");
	rate_cell(t, n, "delivered_bps");
	for (int i = 0; i < 4; i++)
		table_cell(t, "-");
}

/* "tap0", and how many more. */
static void nic_cell(struct table *t, const json_t *d)
{
	size_t n = json_array_size(json_object_get(d, "nics"));

	if (n > 1)
		table_cell(t, "%s +%zu", text(d, "nic"), n - 1);
	else
		table_cell(t, "%s", text(d, "nic")[0] ? text(d, "nic") : "-");
}

static void rate_cells(struct table *t, const json_t *d, bool bound, const struct columns *c)
{
	table_cell(t, "%s", text(d, "name"));
	nic_cell(t, d);
	terms_cells(t, d, c);
	if (bound) {
		rate_cell(t, d, "entitled_bps");
		rate_cell(t, d, "delivered_bps");
		error_cell(t, d);
		table_cell(t, "%lld", integer(d, "dropped_packets"));
	} else {
		for (int i = 0; i < 4; i++)
			table_cell(t, "-");
	}
	table_cell(t, "%s",
		   !bound              ? "waiting" :
		   answer_undivided(d) ? "NOT DIVIDED" :
					 text(d, "backpressure"));
	vm_cell(t, json_object_get(d, "vm"));
}

static const char *const cpu_headers[] = { "DEVICE",  ">SHARE",  ">CREDIT",  ">SLOTS", ">ENTITLED",
					   ">USED",   ">ERR pp", ">LONGEST", ">DELIVERED", "VM",     NULL };

static void cpu_cells(struct table *t, const json_t *d, const json_t *c)
{
	const json_t *vm = json_object_get(d, "vm");

	table_cell(t, "%s", text(d, "name"));
	table_cell(t, "%lld", integer(d, "share"));
	if (json_is_object(c)) {
		table_cell(t, "%.1fms", real(c, "credit_ns") / 1e6);
		table_cell(t, "%lld/%lld", integer(c, "slots_run"), integer(c, "slots"));
		table_cell(t, "%.2fs", real(c, "entitled_ns") / 1e9);
		table_cell(t, "%.2fs", real(c, "used_ns") / 1e9);
		error_cell(t, c);
		table_cell(t, "%.1fms", real(c, "longest_pause_ms"));
	} else {
		for (int i = 0; i < 6; i++)
			table_cell(t, "-");
	}
	rate_cell(t, d, "delivered_bps");
	if (json_is_object(vm)) /* without its VMM, which would make the table wider than 80 columns */
		table_cell(t, "%s[%lld]", text(vm, "name"), integer(vm, "pid"));
	else
		table_cell(t, "-");
}

/* What other programs removed or changed in the last minute; NULL: nothing. */
static const char *repaired(const json_t *o)
{
	const char *what = text(json_object_get(o, "repaired"), "what");

	return what[0] ? what : NULL;
}

/* What was promised and not kept: how often, and when last. */
static void add_promise(struct table *t, const json_t *o, const struct columns *columns)
{
	const json_t *c = json_object_get(o, "conformance");
	long long reserve = integer(c, "reserve_missed"), below = integer(c, "below_entitlement");
	char what[96] = "";

	if (!reserve && !below)
		return;
	if (reserve)
		snprintf(what, sizeof(what), "less than its reserve %lld time%s", reserve, reserve == 1 ? "" : "s");
	if (below)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), "%sbelow its entitlement for %lld s",
			 reserve ? ", " : "", below);
	table_line(t, "  promise not kept: %s; last %.3g s ago", what, 
		   (double)(columns->now_ns - integer(c, "violated_ns")) / 1e9);
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
	const char *hint = text(undivided, "hint");
	size_t i;

	if (json_is_object(undivided))
		table_line(t, "  %s%s%s", text(undivided, "text"), hint[0] ? "; " : "", hint);
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
	if (several && !text(nic, "why")[0])
		table_line(t, "  %s", text(nic, "nic"));
	else if (several)
		table_line(t, "  %s: %s%s", text(nic, "nic"), what, text(nic, "why"));
	else if (text(nic, "why")[0])
		table_line(t, "  %s%s", what, text(nic, "why"));
	if (text(nic, "passed_by")[0])
		table_line(t, "  passed by: nft chain %s sees no packet of %s (force: true)",
			   text(nic, "passed_by"), text(nic, "nic"));
	add_others(t, nic);
}

static void add_device(struct table *t, const json_t *d, bool cpu, const struct columns *columns)
{
	const json_t *c = json_object_get(d, "cpu"), *nics = json_object_get(d, "nics"), *nic;
	bool bound = strcmp(text(d, "state"), "bound") == 0, several = json_array_size(nics) > 1;
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
	if (integer(d, "burst_dropped_packets"))
		table_line(t, "  dropped by the kernel before that: %lld packets (net.core.qdisc_max_burst)",
			   integer(d, "burst_dropped_packets"));
	add_promise(t, d, columns);
	if (repaired(d))
		table_line(t, "  by another program, put right each time: %s in the last minute",
			   repaired(d));
}

/* "58.98 of 100 Mbit/s"; "-" where divvyd does not know yet what was delivered. cpu: no capacity holds. */
static void print_capacity(FILE *to, const json_t *uplink, bool cpu)
{
	if (json_is_number(json_object_get(uplink, "delivered_bps")))
		fprintf(to, " %.6g", mbit(uplink, "delivered_bps"));
	else
		fputs(" -", to);
	if (cpu)
		fputs(" Mbit/s", to);
	else
		fprintf(to, " of %.6g Mbit/s", mbit(uplink, "capacity_bps"));
	if (!cpu && text(uplink, "capacity")[0])
		fprintf(to, " (%s)", text(uplink, "capacity"));
}

static const char *const rx_headers[] = { "RECEIVES", ">SHARE", ">ENTITLED", ">DELIVERED", ">ERR pp", ">DROPS", "STATE", NULL };

static void add_rx(struct table *t, const json_t *d)
{
	const json_t *rx = json_object_get(d, "rx");
	bool bound = strcmp(text(rx, "state"), "bound") == 0;

	if (!json_is_object(rx))
		return;
	table_cell(t, "%s", text(d, "name"));
	table_cell(t, "%lld", integer(rx, "share"));
	rate_cell(t, rx, "entitled_bps");
	rate_cell(t, rx, "delivered_bps");
	error_cell(t, rx);
	table_cell(t, "%lld", integer(rx, "dropped_packets"));
	table_cell(t, "%s", bound ? "divided" : "waiting");
	if (text(rx, "why")[0])
		table_line(t, "  not divided: %s", text(rx, "why"));
}

/* What the uplink's devices receive, where that is divided. */
static void print_rx(FILE *to, const json_t *uplink, const char *on, const char *off)
{
	const json_t *rx = json_object_get(uplink, "rx"), *device;
	_cleanup_(table_free) struct table t = { .headers = rx_headers };
	size_t i;

	if (!json_is_object(rx))
		return;
	fprintf(to, "%s%s, received%s:", on, text(uplink, "name"), off);
	print_capacity(to, rx, false);
	fputc('\n', to);
	json_array_foreach(json_object_get(uplink, "devices"), i, device)
		add_rx(&t, device);
	table_print(&t, to, on, off);
}

static void print_schedule(FILE *to, const json_t *s)
{
	fprintf(to, "CPU slots: policy %s, %.3g ms, %lld in a round, %lld lane%s, gate %s%s%s\n",
		text(s, "policy"), real(s, "slot_ms"), integer(s, "slots"), integer(s, "lanes"),
		integer(s, "lanes") == 1 ? "" : "s", text(s, "gate"),
		json_is_true(json_object_get(s, "strict")) ? ", strict" : "",
		json_is_true(json_object_get(s, "spread")) ? ", spread" : "");
	fprintf(to, "  switching takes %.2f ms of a slot; slots late: %lld, skipped: %lld\n",
		real(s, "switch_ms"), integer(s, "late_slots"), integer(s, "skipped_slots"));
}

#define UNCLAIMED_LINES_MAX 10

/* vNICs of VMs that nothing divides. */
static void print_unclaimed(FILE *to, const json_t *list)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i < UNCLAIMED_LINES_MAX; i++) {
		const json_t *nic = json_array_get(list, i);

		fprintf(to, "Not divided: %s of VM %s (%s): no device claims it\n", text(nic, "nic"),
			text(nic, "vm")[0] ? text(nic, "vm") : text(nic, "vmm"),
			text(nic, "mac")[0] ? text(nic, "mac") : "MAC unknown");
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

/* The tree in the order of the specification: a network stands before the first of its devices. */
static void add_tree(struct table *t, const json_t *uplink, bool cpu, const struct columns *columns)
{
	const json_t *networks = json_object_get(uplink, "networks"), *devices = json_object_get(uplink, "devices");
	size_t n = json_array_size(devices), k = 0;

	for (size_t i = 0; i <= n; i++) {
		while (!cpu && k < json_array_size(networks) &&
		       integer(json_array_get(networks, k), "first_device") <= (long long)i) {
			network_cells(t, json_array_get(networks, k), columns);
			add_promise(t, json_array_get(networks, k++), columns);
		}
		if (i < n)
			add_device(t, json_array_get(devices, i), cpu, columns);
	}
}

/* Of those that send. Nothing is said where nothing was measured. */
static void print_promises(FILE *to, const json_t *devices)
{
	size_t i, measured = 0, settled = 0;
	double largest = 0.0;
	long long after_ms = 0;
	const json_t *d;

	json_array_foreach(devices, i, d) {
		const json_t *c = json_object_get(d, "conformance");

		if (!json_is_number(json_object_get(c, "error_pp")))
			continue;
		measured++;
		largest = real(c, "error_pp") > largest ? real(c, "error_pp") : largest;
		largest = -real(c, "error_pp") > largest ? -real(c, "error_pp") : largest;
		if (!json_is_integer(json_object_get(c, "settled_after_ms")))
			continue;
		settled++;
		after_ms = integer(c, "settled_after_ms") > after_ms ? integer(c, "settled_after_ms") : after_ms;
	}
	if (!measured)
		return;
	fprintf(to, "  promises: measured on %zu of %zu devices, in the latest second within %.2f points of the uplink",
		measured, json_array_size(devices), largest);
	if (settled == measured)
		fprintf(to, "; settled %.3g s after the last change", (double)after_ms / 1e3);
	fputc('\n', to);
}

static void print_uplink(FILE *to, const json_t *uplink, bool cpu, long long now_ns, const char *on, const char *off)
{
	const char *headers[HEADERS_MAX];
	_cleanup_(table_free) struct table t = { .headers = cpu ? cpu_headers : headers };
	struct columns columns = { .now_ns = now_ns };

	find_columns(json_object_get(uplink, "networks"), &columns);
	find_columns(json_object_get(uplink, "devices"), &columns);
	rate_headers(&columns, headers);
	fprintf(to, "%s%s%s:", on, text(uplink, "name"), off);
	print_capacity(to, uplink, cpu);
	fprintf(to, "%s\n", json_is_true(json_object_get(uplink, "present")) ? "" : " (no such interface now)");
	add_tree(&t, uplink, cpu, &columns);
	table_print(&t, to, on, off);
	print_promises(to, json_object_get(uplink, "devices"));
	print_rx(to, uplink, on, off);
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
		print_uplink(to, uplink, cpu, integer(status, "monotonic_ns"), on, off);
	if (text(from, "state_lost")[0])
		fprintf(to, "State lost: %s\n", text(from, "state_lost"));
	if (text(from, "unsaved")[0])
		fprintf(to, "What runs would not survive a restart: %s\n", text(from, "unsaved"));
	print_unclaimed(to, json_object_get(status, "unclaimed"));
	print_warnings(to, json_object_get(status, "warnings"));
	if (text(from, "not_cpu")[0])
		fprintf(to, "Since the start devices are scheduled, not the CPU as asked: %s\n",
			text(from, "not_cpu"));
	if (json_is_true(json_object_get(from, "differs_from_file")))
		fprintf(to, "Running: as applied; %s says something else (divvy show)\n", text(from, "file"));
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
