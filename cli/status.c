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

static void print_device(FILE *to, const json_t *d)
{
	const json_t *vm = json_object_get(d, "vm"), *others = json_object_get(d, "others"), *other;
	bool bound = strcmp(text(d, "state"), "bound") == 0;
	size_t i;

	fprintf(to, "  %-24s %-12s %7lld ", text(d, "name"), text(d, "nic")[0] ? text(d, "nic") : "-",
		(long long)json_integer_value(json_object_get(d, "share")));
	if (bound)
		fprintf(to, "%10.2f %10.2f %+7.2f %7lld  %-12s ", mbit(d, "entitled_bps"), mbit(d, "delivered_bps"),
			json_real_value(json_object_get(d, "error_pp")),
			(long long)json_integer_value(json_object_get(d, "dropped_packets")), text(d, "backpressure"));
	else
		fprintf(to, "%10s %10s %7s %7s  %-12s ", "-", "-", "-", "-", "waiting");
	if (json_is_object(vm))
		fprintf(to, "%s %s[%lld]", text(vm, "name"), text(vm, "vmm"),
			(long long)json_integer_value(json_object_get(vm, "pid")));
	fputc('\n', to);
	if (text(d, "why")[0])
		fprintf(to, "    %s: %s\n", bound ? "no backpressure" : "waiting", text(d, "why"));
	json_array_foreach(others, i, other)
		fprintf(to, "    also on this vNIC: %s (left alone)\n", json_string_value(other));
}

void status_print(FILE *to, const json_t *status, bool highlight)
{
	const json_t *uplinks = json_object_get(status, "uplinks"), *uplink, *device;
	const json_t *from = json_object_get(status, "specification");
	const char *on = highlight ? "\033[1m" : "", *off = highlight ? "\033[0m" : "";
	size_t i, j;

	if (json_array_size(uplinks) == 0)
		fputs("Nothing is divided: divvy apply FILE (divvy discover shows what could be)\n", to);
	json_array_foreach(uplinks, i, uplink) {
		fprintf(to, "%s%s%s: %.6g of %.6g Mbit/s%s\n", on, text(uplink, "name"), off,
			mbit(uplink, "delivered_bps"), mbit(uplink, "capacity_bps"),
			json_is_true(json_object_get(uplink, "present")) ? "" : " (no such interface now)");
		fprintf(to, "%s  %-24s %-12s %7s %10s %10s %7s %7s  %-12s %s%s\n", on, "DEVICE", "NIC", "SHARE",
			"ENTITLED", "DELIVERED", "ERR pp", "DROPS", "BACKPRESSURE", "VM", off);
		json_array_foreach(json_object_get(uplink, "devices"), j, device)
			print_device(to, device);
	}
	if (json_is_true(json_object_get(from, "differs_from_file")))
		fprintf(to, "Running: as applied; %s says something else (divvy show)\n", text(from, "file"));
}

int verb_status(int argc, char **argv)
{
	json_auto_t *result = NULL;
	int json = json_option(argc, argv);

	if (json < 0 || client_once("status", NULL, &result) < 0)
		return EXIT_FAILURE;
	if (json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		status_print(stdout, result, isatty(STDOUT_FILENO));
	}
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
