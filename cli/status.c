// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy status, divvy top */

#include "cli.h"

#include "client.h"
#include "core/cleanup.h"
#include "status.h"

#include <signal.h>
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

/* Without a sign where it would be -0.00. */
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

static void print_vm(FILE *to, const json_t *vm)
{
	if (json_is_object(vm))
		fprintf(to, "%s %s[%lld]", text(vm, "name"), text(vm, "vmm"), integer(vm, "pid"));
	fputc('\n', to);
}

static void print_rates(FILE *to, const json_t *d)
{
	fprintf(to, "%10.2f %10.2f %+6.2f %7lld  %-13s", mbit(d, "entitled_bps"), mbit(d, "delivered_bps"),
		no_minus_zero(real(d, "error_pp")), integer(d, "dropped_packets"), text(d, "backpressure"));
}

static void print_cpu(FILE *to, const json_t *d)
{
	const json_t *c = json_object_get(d, "cpu");

	if (json_is_object(c))
		fprintf(to, "%9.1f %3lld/%-3lld %9.2f %9.2f %+6.2f %8lld %7.1f  ", real(c, "credit_ns") / 1e6,
			integer(c, "slots_run"), integer(c, "slots"), real(c, "entitled_ns") / 1e9,
			real(c, "used_ns") / 1e9, no_minus_zero(real(c, "error_pp")), integer(c, "pauses"),
			real(c, "longest_pause_ms"));
	else
		fprintf(to, "%9s %7s %9s %9s %6s %8s %7s  ", "-", "-", "-", "-", "-", "-", "-");
}

static void print_device(FILE *to, const json_t *d, bool cpu)
{
	const json_t *others = json_object_get(d, "others"), *other;
	bool bound = strcmp(text(d, "state"), "bound") == 0;
	size_t i;

	fprintf(to, "  %-20s %-10s %5lld ", text(d, "name"), text(d, "nic")[0] ? text(d, "nic") : "-",
		integer(d, "share"));
	if (cpu)
		print_cpu(to, d);
	else if (bound)
		print_rates(to, d);
	else
		fprintf(to, "%10s %10s %6s %7s  %-13s", "-", "-", "-", "-", "waiting");
	print_vm(to, json_object_get(d, "vm"));
	if (text(d, "why")[0])
		fprintf(to, "    %s: %s\n", !bound ? "waiting" : cpu ? "takes no part" : "no backpressure", text(d, "why"));
	json_array_foreach(others, i, other)
		fprintf(to, "    also on this vNIC: %s (left alone)\n", json_string_value(other));
}

static void print_header(FILE *to, bool cpu)
{
	if (cpu)
		fprintf(to, "  %-20s %-10s %5s %9s %7s %9s %9s %6s %8s %7s  %s", "DEVICE", "NIC", "SHARE", "CREDIT ms",
			"SLOTS", "ENTITL. s", "USED s", "ERR pp", "PAUSES", "LONGEST", "VM");
	else
		fprintf(to, "  %-20s %-10s %5s %10s %10s %6s %7s  %-13s%s", "DEVICE", "NIC", "SHARE", "ENTITLED",
			"DELIVERED", "ERR pp", "DROPS", "BACKPRESSURE", "VM");
}

static void print_schedule(FILE *to, const json_t *s)
{
	fprintf(to, "CPU slots: policy %s, %.3g ms, %lld in a round, %lld lane%s, gate %s\n", text(s, "policy"),
		real(s, "slot_ms"), integer(s, "slots"), integer(s, "lanes"), integer(s, "lanes") == 1 ? "" : "s",
		text(s, "gate"));
	fprintf(to, "  switching takes %.2f ms of a slot; %lld slots late, %lld skipped\n", real(s, "switch_ms"),
		integer(s, "late_slots"), integer(s, "skipped_slots"));
}

void status_print(FILE *to, const json_t *status, bool highlight)
{
	const json_t *uplinks = json_object_get(status, "uplinks"), *uplink, *device;
	const json_t *from = json_object_get(status, "specification"), *schedule = json_object_get(status, "schedule");
	const char *on = highlight ? "\033[1m" : "", *off = highlight ? "\033[0m" : "";
	bool cpu = json_is_object(schedule);
	size_t i, j;

	if (json_array_size(uplinks) == 0)
		fputs("Nothing is divided: divvy apply FILE (divvy discover shows what could be)\n", to);
	if (cpu)
		print_schedule(to, schedule);
	json_array_foreach(uplinks, i, uplink) {
		fprintf(to, "%s%s%s:", on, text(uplink, "name"), off);
		if (!cpu)
			fprintf(to, " %.6g of %.6g Mbit/s", mbit(uplink, "delivered_bps"), mbit(uplink, "capacity_bps"));
		fprintf(to, "%s\n%s", json_is_true(json_object_get(uplink, "present")) ? "" : " (no such interface now)", on);
		print_header(to, cpu);
		fprintf(to, "%s\n", off);
		json_array_foreach(json_object_get(uplink, "devices"), j, device)
			print_device(to, device, cpu);
	}
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

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

int verb_top(int argc, char **argv)
{
	_cleanup_(client_closep) struct client c = { .fd = -1 };
	struct sigaction sa = { .sa_handler = on_interrupt };
	struct spec_error err;

	(void)argv;
	if (argc != 1)
		return complain("takes no argument");
	if (client_open(&c) < 0)
		return EXIT_FAILURE;
	sigaction(SIGINT, &sa, NULL);
	while (!interrupted) {
		json_auto_t *result = NULL;

		if (client_ask(&c, "status", NULL, &result, &err) < 0)
			return complain("%s", err.text);
		fputs("\033[H\033[2J", stdout);
		status_print(stdout, result, true);
		fputs("\nCtrl-C ends.\n", stdout);
		fflush(stdout);
		sleep(1);
	}
	return EXIT_SUCCESS;
}
