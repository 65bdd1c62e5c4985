// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy-exporter: divvyd's status by HTTP: metrics, JSON, a live page. */

#include "feed.h"
#include "listen.h"
#include "web.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/proto.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>

#define NAMES_MAX 16
#define HEAP_KEPT (8 * 1024 * 1024) /* bytes, free and not given back */
#define SAMPLE_S 10 /* as often as the history keeps a reading */

struct options {
	const char *listen;
	const char *names[NAMES_MAX];
	size_t n_names;
	unsigned int sample_s; /* 0: only when asked */
};

static volatile sig_atomic_t ended;

static void usage(FILE *to)
{
	fputs("Usage: divvy-exporter [OPTION...]\n"
	      "Tell by HTTP what each device is entitled to, and gets. See divvy-exporter(8).\n\n"
	      "  --listen ADDRESS   127.0.0.1:PORT, [::1]:PORT, or a socket's path (127.0.0.1:9755)\n"
	      "  --host NAME        a name that requests may have in Host:, besides localhost\n"
	      "  --socket PATH      divvyd's control socket (" PROTO_SOCKET ")\n"
	      "  --sample SECONDS   ask divvyd as often for the page's history (10); 0: only when asked\n"
	      "  --version, --help\n",
	      to);
}

static int complain(const char *text, const char *what)
{
	fprintf(stderr, "divvy-exporter: %s: \"%.80s\"\n", text, what);
	return -EINVAL;
}

/* 0; -EINVAL: after a complaint. */
static int set_option(struct options *o, int c)
{
	char *end = NULL;

	switch (c) {
	case 'l':
		o->listen = optarg;
		return 0;
	case 'n':
		if (o->n_names == NAMES_MAX)
			return complain("at most 16 times --host", optarg);
		o->names[o->n_names++] = optarg;
		return 0;
	case 's':
		return setenv(PROTO_SOCKET_ENV, optarg, 1) < 0 ? -EINVAL : 0;
	case 'p':
		o->sample_s = (unsigned int)strtoul(optarg, &end, 10);
		if (optarg[0] < '0' || optarg[0] > '9' || *end || o->sample_s > 3600)
			return complain("--sample: expected whole seconds, up to 3600", optarg);
		return 0;
	default:
		usage(stderr);
		return -EINVAL;
	}
}

/* 0: go on; 1: done; negative: wrong. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longopts[] = {
		{ "listen", required_argument, NULL, 'l' }, { "host", required_argument, NULL, 'n' },
		{ "socket", required_argument, NULL, 's' }, { "sample", required_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'V' },	    { "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	*o = (struct options){ .listen = "127.0.0.1:9755", .sample_s = SAMPLE_S };
	while ((c = getopt_long(argc, argv, "h", longopts, NULL)) != -1) {
		if (c == 'V')
			puts("divvy-exporter " DIVVY_VERSION);
		else if (c == 'h')
			usage(stdout);
		if (c == 'V' || c == 'h')
			return 1;
		if (set_option(o, c) < 0)
			return -EINVAL;
	}
	return optind < argc ? complain("unexpected argument", argv[optind]) : 0;
}

static void on_end(int sig)
{
	(void)sig;
	ended = 1;
}

/* Signals come only while the loop waits. */
static void set_signals(sigset_t *waiting)
{
	const struct sigaction sa = { .sa_handler = on_end };
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, waiting);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The log says once that divvyd does not answer, and once that it does again. */
static void sample(struct feed *feed, bool *complained)
{
	struct feed_reading r;

	feed_read(feed, FEED_BRIEF, &r);
	if (!r.status && !*complained)
		log_warning("%s", r.why);
	else if (r.status && *complained)
		log_notice("divvyd answers again");
	*complained = !r.status;
}

static void run(const struct options *o, struct feed *feed, struct web *web, const sigset_t *waiting)
{
	uint64_t next_ns = clock_now_ns();
	bool complained = false;

	while (!ended) {
		struct pollfd p = { .fd = web_fd(web), .events = POLLIN };
		uint64_t now = clock_now_ns(), wait_ns = UINT64_MAX;
		struct timespec ts;
		int ms = web_wait_ms(web);

		if (o->sample_s && now >= next_ns) {
			sample(feed, &complained);
			now = clock_now_ns();
			next_ns = now + o->sample_s * NSEC_PER_SEC;
		}
		if (o->sample_s)
			wait_ns = next_ns - now;
		if (ms >= 0 && (uint64_t)ms * NSEC_PER_MSEC < wait_ns)
			wait_ns = (uint64_t)ms * NSEC_PER_MSEC;
		ts = (struct timespec){ (time_t)(wait_ns / NSEC_PER_SEC), (long)(wait_ns % NSEC_PER_SEC) };
		ppoll(&p, 1, wait_ns == UINT64_MAX ? NULL : &ts, waiting);
		web_run(web);
	}
}

/* As divvyd's: an answer for 1,000 devices takes some MB, which the C library would give back each time. */
static void keep_heap(void)
{
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
	mallopt(M_MXFAST, 0); /* small pieces are put together once, when they are freed */
}

int main(int argc, char **argv)
{
	char errtext[320];
	struct options o;
	struct feed *feed;
	struct web *web;
	sigset_t waiting;
	int r = parse_options(argc, argv, &o), fd;

	if (r)
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	log_init("divvy-exporter");
	keep_heap();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	set_signals(&waiting);
	fd = listen_open(o.listen, errtext, sizeof(errtext));
	if (fd < 0) {
		log_error("%s", errtext);
		return EXIT_FAILURE;
	}
	feed = feed_open();
	web = feed ? web_open(fd, &(struct web_config){ feed, o.names, o.n_names }) : NULL;
	if (!web) {
		log_error("cannot start the HTTP server");
		return EXIT_FAILURE;
	}
	sd_notify(0, "READY=1");
	log_notice("divvy-exporter " DIVVY_VERSION ": %s%s", o.listen[0] == '/' ? "" : "http://", o.listen);
	run(&o, feed, web, &waiting);
	web_close(web);
	feed_close(feed);
	if (o.listen[0] == '/')
		unlink(o.listen);
	return EXIT_SUCCESS;
}
