// SPDX-License-Identifier: GPL-2.0-or-later
/* divvyd: start, run, stop. Stopping leaves the kernel as it is: shares stay enforced. */

#include "base/cleanup.h"
#include "base/lockfile.h"
#include "base/log.h"
#include "daemon/control/control.h"
#include "daemon/reconcile/reconcile.h"
#include "daemon/reconcile/vms.h"
#include "daemon/state/daemon.h"
#include "daemon/state/restore.h"
#include "daemon/state/state.h"
#include "daemon/state/systemfile.h"
#include "datapath/found.h"
#include "datapath/inventory.h"
#include "datapath/nftwatch.h"
#include "kernel/proc/privilege.h"
#include "loop.h"
#include "proto/doing.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define LOCK_DIR "/run/divvy"
#define HEAP_KEPT (32 * 1024 * 1024) /* bytes, free and not given back */

static void usage(FILE *to)
{
	fputs("Usage: divvyd [OPTION...]\n"
	      "Divide uplinks among the virtual machines of this host. See divvyd(8).\n\n"
	      "  --config FILE   the system's specification (" DIVVY_SYSCONFDIR "/divvy/divvy.yaml)\n"
	      "  --state DIR     what survives a reboot (/var/lib/divvy)\n"
	      "  --runtime DIR   where the control socket is (/run/divvy)\n"
	      "  --socket PATH   the control socket (divvy.sock in the runtime directory)\n"
	      "  --group NAME    whose members may use the control socket, besides root\n"
	      "  --read-group NAME  whose members may ask, and change nothing\n"
	      "  --restore       where divvyd was killed: give classes their ceilings back, and end\n"
	      "  --version, --help\n",
	      to);
}

/* 0: go on; 1: done; negative: wrong. */
static int parse_options(int argc, char **argv, struct daemon_options *o)
{
	static const struct option longopts[] = {
		{ "config", required_argument, NULL, 'c' },  { "state", required_argument, NULL, 's' },
		{ "runtime", required_argument, NULL, 'r' }, { "socket", required_argument, NULL, 'S' },
		{ "group", required_argument, NULL, 'g' },   { "read-group", required_argument, NULL, 'G' },
		{ "restore", no_argument, NULL, 'R' },	     { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	     { 0 },
	};
	int c;

	*o = (struct daemon_options){ .config = DIVVY_SYSCONFDIR "/divvy/divvy.yaml",
				      .state = "/var/lib/divvy",
				      .runtime = "/run/divvy" };
	while ((c = getopt_long(argc, argv, "h", longopts, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->state = optarg;
			break;
		case 'r':
			o->runtime = optarg;
			break;
		case 'S':
			o->socket = optarg;
			break;
		case 'g':
			o->group = optarg;
			break;
		case 'G':
			o->read_group = optarg;
			break;
		case 'R':
			o->restore = true;
			break;
		case 'V':
			puts("divvyd " DIVVY_VERSION);
			return 1;
		case 'h':
			usage(stdout);
			return 1;
		default:
			usage(stderr);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "divvyd: unexpected argument \"%s\"\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST) {
		int err = errno;

		log_error("cannot make %s: %s", path, strerror(err));
		return -err;
	}
	return 0;
}

/* One divvyd for a network namespace, wherever its socket and state are. The descriptor holds the lock. */
static int take_lock(char path[64])
{
	struct stat ns;
	pid_t holder;
	int fd;

	if (stat("/proc/self/ns/net", &ns) < 0)
		return -errno;
	(void)lockfile_sweep(LOCK_DIR, "", ".lock");
	snprintf(path, 64, LOCK_DIR "/netns-%lu.lock", (unsigned long)ns.st_ino);
	fd = lockfile_take(path, &holder);
	if (fd == -EWOULDBLOCK)
		log_error("another divvyd (process %d) runs in this network namespace", holder);
	else if (fd < 0)
		log_error("cannot lock %s: %s", path, strerror(-fd));
	return fd;
}

/* What ran is not known, and the kernel divides all the same: it goes on so. */
static int keep_as_found(struct daemon *d)
{
	if (!d->state_lost[0]) {
		if (d->not_file[0])
			memcpy(d->state_lost, d->not_file, sizeof(d->state_lost));
		else
			snprintf(d->state_lost, sizeof(d->state_lost),
				 "nothing in %s tells what an earlier divvyd ran", d->options.state);
		log_warning("%s", d->state_lost);
	}
	d->not_file[0] = '\0';
	log_warning("what the kernel enforces on %zu vNICs stays until divvy apply, or divvy release --all",
		    d->plane.have.n_vnics);
	(void)state_save(d); /* it tells itself */
	return 0;
}

/* Run what was running, or the system's file; a file that is wrong stops the start. */
static int start_specification(struct daemon *d)
{
	_cleanup_(classids_free) struct classids classids = { 0 };
	_cleanup_(model_free) struct model m;
	struct spec_error err = { 0 };
	char wrong[sizeof(err.text) + PATH_MAX];
	int r;

	model_init(&m);
	r = state_load(d, &m, &classids, &err);
	if (found_adopt(&d->plane, &d->host, &d->backpressure, d->records_lost) < 0)
		log_warning("cannot read what an earlier divvyd left");
	d->as_found &= r == -ENOENT && found_any(&d->plane);
	if (d->as_found)
		return keep_as_found(d);
	if (r == -ENOENT) {
		log_notice("no specification yet: write %s, or use divvy apply", d->options.config);
		d->not_file[0] = '\0';
		r = 0;
	} else if (r < 0) {
		systemfile_wrong(d->options.config, r, &err, wrong, sizeof(wrong));
		log_error("%s", wrong);
		return r;
	}
	r = reconcile_start(d, &m, &classids);
	if (r >= 0)
		(void)state_save(d); /* it tells itself; a full disk must not stop the start */
	return r;
}

/* Where the running specification came from, and why. */
static void describe_origin(const struct daemon *d, char *text, size_t size)
{
	const char *because = d->not_file[0] ? ", for " : "";

	if (d->as_found)
		snprintf(text, size, "what an earlier divvyd ran is not known");
	else if (d->origin == ORIGIN_FILE)
		snprintf(text, size, "the specification is from %s", d->options.config);
	else if (d->origin == ORIGIN_NONE)
		snprintf(text, size, "no specification yet");
	else if (d->plan.written.n_nodes == 0)
		snprintf(text, size, "nothing runs, as divvy release --all left it%s%s", because, d->not_file);
	else
		snprintf(text, size, "the specification is as it was applied, kept in %s%s%s%s", d->options.state,
			 because, d->not_file, d->not_file[0] ? "; divvy release --all ends it" : "");
}

/* One line for each start, whatever it found. */
static void log_start(const struct daemon *d)
{
	char origin[2 * DAEMON_WHY_SIZE];
	size_t devices, bound;

	plan_count(&d->plan, &devices, &bound);
	describe_origin(d, origin, sizeof(origin));
	log_notice("divvyd " DIVVY_VERSION ": %zu device%s, %zu bound; %s", devices, devices == 1 ? "" : "s", bound,
		   origin);
}

/* A hook of nft's came or went. */
static void on_hooks(void *arg)
{
	reconcile_host(arg);
}

/* Without it the audit finds queues that were attached, later. */
static void watch_queues(struct daemon *d)
{
	int r = queuewatch_open(&d->queuewatch, d->event, &d->backpressure, &d->plan);

	if (r < 0)
		log_warning("cannot hear of queues that VMs attach (%s): they are limited up to 10 s later",
			    strerror(-r));
}

static void on_speed(void *arg)
{
	reconcile_host(arg);
}

/* Without it a speed is read again when something else changes. */
static void watch_speeds(struct daemon *d)
{
	const struct speedwatch_ends ends = {
		.speeds = &d->speeds, .running = &d->plan, .host = &d->host, .changed = on_speed, .arg = d
	};
	int r = speedwatch_open(&d->speedwatch, d->event, &ends);

	if (r < 0)
		log_warning("cannot watch the speeds of uplinks: %s", strerror(-r));
}

static void say_uncounted(const struct daemon *d)
{
	if (d->plane.burst_error < 0)
		log_warning("cannot count packets that the kernel drops before they are scheduled (%s): "
			    "net.core.qdisc_max_burst",
			    strerror(-d->plane.burst_error));
}

static int open_all(struct daemon *d, struct loop **loop, struct control **control)
{
	char errtext[256] = "";
	int r;

	r = sd_event_default(&d->event);
	if (r >= 0)
		r = dataplane_open(&d->plane, errtext, sizeof(errtext));
	if (r >= 0) {
		say_uncounted(d);
		r = drain_open(&d->drain, d->event, &d->plane);
	}
	if (r >= 0)
		r = demandloop_open(&d->demandloop, d->event,
				    &(struct demandloop_of){ &d->plane, &d->plan, &sizing_host_default, &d->promises });
	/* Events first, then the dump: nothing is missed between the two. */
	if (r >= 0)
		r = loop_open(loop, d);
	if (r >= 0)
		r = nftwatch_open(&d->nftwatch, d->event, &d->host, &d->plan.hurdles, on_hooks, d);
	if (r >= 0)
		watch_queues(d);
	watch_speeds(d);
	if (r >= 0)
		r = inventory_links(&d->host, d->plane.rtnl);
	if (r >= 0)
		r = records_open(&d->records, "");
	if (r >= 0)
		r = vms_read(d, true);
	if (r < 0 && d->host.sight.limit) /* without /proc vNICs are found by name; status and log say so */
		r = 0;
	if (r >= 0)
		r = control_open(d, control, errtext, sizeof(errtext));
	/* Before there is a second thread: rights are a thread's. */
	if (r >= 0)
		r = privilege_drop(errtext, sizeof(errtext));
	if (r >= 0) {
		doing_begin("its start", 0);
		d->unrecovered = slots_recover(false) < 0;
		r = start_specification(d); /* says itself what is wrong */
		doing_end();
		if (r >= 0)
			log_start(d);
		return r;
	}
	log_error("cannot start: %s", errtext[0] ? errtext : strerror(-r));
	return r;
}

static void close_all(struct daemon *d, struct loop *loop, struct control *control)
{
	drain_close(&d->drain);
	d->demandloop = demandloop_close(d->demandloop);
	promises_free(&d->promises);
	control_close(control);
	d->slots = slots_close(d->slots);
	nftwatch_close(d->nftwatch);
	queuewatch_close(d->queuewatch);
	speedwatch_close(d->speedwatch);
	loop_close(loop);
	dataplane_close(&d->plane);
	plan_free(&d->plan);
	backpressure_free(&d->backpressure);
	others_free(&d->others);
	repairs_free(&d->repairs);
	undivided_free(&d->undivided);
	sampler_free(&d->sampler);
	nicmeter_free(&d->nicmeter);
	sentcount_free(&d->sentcount);
	portwatch_free(&d->portwatch);
	portspeed_free(&d->speeds);
	warning_list_free(&d->told);
	host_free(&d->host);
	d->records = records_close(d->records);
	sd_event_unref(d->event);
}

static int run(struct daemon *d)
{
	struct control *control = NULL;
	struct loop *loop = NULL;
	sigset_t signals;
	int r;

	/* Blocked in every thread that is to come; the event loop takes them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = open_all(d, &loop, &control);
	if (r >= 0) {
		sd_event_add_signal(d->event, NULL, SIGTERM, NULL, NULL);
		sd_event_add_signal(d->event, NULL, SIGINT, NULL, NULL);
		sd_notify(0, "READY=1\nSTATUS=Dividing");
		r = sd_event_loop(d->event);
		sd_notify(0, "STOPPING=1");
		state_save(d);
		if (demandloop_rest(d->demandloop) < 0)
			log_warning("cannot give classes their ceilings back: idle bandwidth is not lent until the next start");
	}
	close_all(d, loop, control);
	return r;
}

/* Three files are open for each VM in CPU slots; the usual limit of 1,024 is for programs with select(2). */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

/*
 * Dumps and answers for 1,000 devices take some MB, several times a second while `divvy top` runs. By default the
 * C library gives these back to the kernel each time, and page faults are then a quarter of a status's cost.
 */
static void keep_heap(void)
{
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
}

/* Without a state there is nothing that divvyd could have lowered, or it is not known. */
static int restore_and_end(const struct daemon_options *o)
{
	int r = restore_ceilings(o->state);

	return r == -ENOENT ? 0 : r;
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	char lock_path[64];
	int lock, r = parse_options(argc, argv, &d.options);

	if (r)
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	log_init("divvyd");
	if (geteuid() != 0) {
		log_error("must be run as root (sudo divvyd, or systemctl start divvyd)");
		return EXIT_FAILURE;
	}
	raise_file_limit();
	keep_heap();
	model_init(&d.plan.written);
	model_init(&d.plan.model);
	d.look = (struct look){ .plane = &d.plane, .running = &d.plan, .repairs = &d.repairs };
	if (make_dir(LOCK_DIR, 0755) < 0 || make_dir(d.options.runtime, 0755) < 0)
		return EXIT_FAILURE;
	(void)make_dir(d.options.state, 0700); /* without it divvyd runs, and says that it cannot save */
	lock = take_lock(lock_path);
	if (lock < 0)
		return EXIT_FAILURE;
	if (d.options.restore)
		r = restore_and_end(&d.options);
	else
		r = run(&d);
	lockfile_drop(lock_path, lock);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
